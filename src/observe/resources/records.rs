//! The layer through which [`resources`](super) hears of Tokio's locks.
//!
//! A lock or semaphore is a span, with a semaphore inside that is a span of its own, made while the outer
//! one is entered; each request is a span below the one or the other. What happens to them are events.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use tokio::task;
use tracing::span::{Attributes, Id};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::fields::{Change, Fields};
use super::ledger::{Guard, Ledger};
use super::wakers::Wakers;
use super::{Resource, ResourceKind};
use crate::observe::TaskId;
use crate::place::Place;
use crate::sync::lock;

/// The layer through which observers hear who holds which lock. One is enough for all observers.
///
/// It has to be there before the program's tasks are: of one that was spawned earlier, it can't tell what
/// else may wake it. It costs some microseconds for each time that a lock is taken or a task woken, so it is
/// apart from [`layer`](crate::observe::layer), which costs next to nothing.
pub fn resource_layer<S>() -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    Records::default().with_filter(filter_fn(is_wanted))
}

/// Whether there is such a layer somewhere, to which records come.
static RECORDED: AtomicBool = AtomicBool::new(false);

pub(in crate::observe) fn are_recorded() -> bool {
    RECORDED.load(Ordering::Relaxed)
}

const SPAWN: &str = "runtime.spawn";
const RESOURCE: &str = "runtime.resource";
const REQUEST: &str = "runtime.resource.async_op";
const POLL: &str = "runtime.resource.async_op.poll";

const POLLED: &str = "runtime::resource::poll_op";
const STATE: &str = "runtime::resource::state_update";
const REQUEST_STATE: &str = "runtime::resource::async_op::state_update";
const WAKER: &str = "tokio::task::waker";

/// The modules whose resources and requests are looked at.
const MODULES: [&str; 5] = [
    "tokio::sync::mutex",
    "tokio::sync::rwlock",
    "tokio::sync::semaphore",
    "tokio::sync::batch_semaphore",
    // Where the requests of most resources are made.
    "tokio::util::trace",
];

fn is_wanted(metadata: &Metadata<'_>) -> bool {
    if metadata.is_event() {
        return [POLLED, STATE, REQUEST_STATE, WAKER].contains(&metadata.target());
    }
    match metadata.name() {
        SPAWN => true,
        RESOURCE | REQUEST | POLL => MODULES.contains(&metadata.target()),
        _ => false,
    }
}

/// What a span stands for.
#[derive(Clone)]
enum Part {
    Task(Arc<Wakers>),
    Resource(Arc<Resource>),
    /// A request for permits of the semaphore inside.
    Request(Arc<Request>),
    /// The call that makes the request, for a guard of this kind.
    Call(Arc<Resource>, Guard),
}

struct Request {
    resource: Arc<Resource>,
    /// Its place in the queue, once it has been polled.
    place: OnceLock<u64>,
    wants: AtomicUsize,
}

impl Request {
    fn wants(&self) -> usize {
        self.wants.load(Ordering::Relaxed)
    }

    fn ledger<R>(&self, f: impl FnOnce(&mut Ledger) -> R) -> R {
        f(&mut lock(&self.resource.ledger))
    }

    /// The same, if it has a place there.
    fn queued(&self, f: impl FnOnce(&mut Ledger, u64)) {
        if let Some(place) = self.place.get() {
            self.ledger(|ledger| f(ledger, *place));
        }
    }
}

thread_local! {
    /// Whether this thread has just taken free permits, for a request that it is about to tell of.
    static TAKING: Cell<bool> = const { Cell::new(false) };
    /// The task that this thread polls; before it those within which it does so, if any.
    static POLLED_HERE: RefCell<Vec<Arc<Wakers>>> = const { RefCell::new(Vec::new()) };
}

fn polled_here() -> Option<Arc<Wakers>> {
    on_this_thread(|polled| polled.last().cloned())
}

/// How many tasks it has spawned.
fn spawned_here() -> u64 {
    polled_here().map_or(0, |task| task.spawned())
}

/// None where the thread is on its way out, with its locals gone.
fn on_this_thread<R>(f: impl FnOnce(&mut Vec<Arc<Wakers>>) -> Option<R>) -> Option<R> {
    let polled = POLLED_HERE.try_with(|polled| f(&mut polled.borrow_mut()));
    polled.ok().flatten()
}

#[derive(Default)]
struct Records {
    /// Tasks that have ended, but not all their wakers are gone, by the numbers of their spans. Such a number
    /// is given to a new span sooner or later, and what is told of a waker has no other.
    leftover: Mutex<HashMap<u64, Arc<Wakers>>>,
}

impl<S> Layer<S> for Records
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if !are_recorded() {
            RECORDED.store(true, Ordering::Relaxed);
        }
        let Some(span) = context.span(id) else { return };
        let parent = || span.parent().as_ref().and_then(part);
        let part = match span.name() {
            SPAWN => {
                if let Some(spawner) = polled_here() {
                    spawner.spawns();
                }
                self.task(&Fields::of(attributes), id)
            }
            RESOURCE => {
                let around = context.lookup_current().as_ref().and_then(part);
                Some(Part::Resource(resource(&Fields::of(attributes), around)))
            }
            REQUEST => match parent() {
                Some(Part::Resource(resource)) => Some(request(attributes, resource)),
                _ => None,
            },
            _ => parent(),
        };
        if let Some(part) = part {
            span.extensions_mut().insert(part);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let fields = Fields::of(event);
        let here = context.event_span(event).as_ref().and_then(part);
        match event.metadata().target() {
            WAKER => {
                let id = fields.number.and_then(|id| u64::try_from(id).ok());
                if let Some(id) = id.filter(|id| *id > 0)
                    && let Some(wakers) = self.wakers(id, &context)
                {
                    waker(&fields, &wakers, here);
                    if wakers.are_gone() {
                        lock(&self.leftover).remove(&id);
                    }
                }
            }
            POLLED => polled(&fields, here),
            REQUEST_STATE => request_state(&fields, here),
            _ => match here {
                // A span that is entered twice counts as where it was entered first, so within a poll
                // the innermost one is the request's, even for what the semaphore says.
                Some(Part::Resource(resource)) => state(&fields, &resource),
                Some(Part::Request(request)) => state(&fields, &request.resource),
                _ => {}
            },
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if let Some(wakers) = polled_task(id, &context) {
            wakers.enters();
            on_this_thread(|polled| {
                polled.push(wakers);
                Some(())
            });
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        if let Some(wakers) = polled_task(id, &context) {
            wakers.exits();
            on_this_thread(Vec::pop);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else {
            return;
        };
        match part(&span) {
            Some(Part::Request(request)) if span.name() == REQUEST => {
                request.queued(|ledger, place| ledger.leave(place, task::try_id()));
            }
            Some(Part::Task(wakers)) if wakers.task_ends() => {
                lock(&self.leftover).insert(id.into_u64(), wakers);
            }
            _ => {}
        }
    }
}

impl Records {
    fn task(&self, fields: &Fields, id: &Id) -> Option<Part> {
        let task = TaskId(u64::try_from(fields.number?).unwrap_or(u64::MAX));
        let wakers = Wakers::of(task);
        if lock(&self.leftover).contains_key(&id.into_u64()) {
            wakers.can_be_mistaken();
        }
        Some(Part::Task(Arc::new(wakers)))
    }

    /// The wakers of the task whose span has this number, or had it.
    fn wakers<S>(&self, span: u64, context: &Context<'_, S>) -> Option<Arc<Wakers>>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        match context.span(&Id::from_u64(span)).as_ref().and_then(part) {
            Some(Part::Task(wakers)) => Some(wakers),
            _ => lock(&self.leftover).get(&span).cloned(),
        }
    }
}

fn part<'r, S: LookupSpan<'r>>(span: &SpanRef<'r, S>) -> Option<Part> {
    span.extensions().get::<Part>().cloned()
}

/// The task whose span this is, if this thread polls it. Another task may enter the span too: it is what
/// `Span::current` gives, where the program has none of its own.
fn polled_task<S>(id: &Id, context: &Context<'_, S>) -> Option<Arc<Wakers>>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let span = context.span(id).filter(|span| span.name() == SPAWN)?;
    let Some(Part::Task(wakers)) = part(&span) else {
        return None;
    };
    (task::try_id().map(TaskId::from) == Some(wakers.task)).then_some(wakers)
}

fn resource(fields: &Fields, around: Option<Part>) -> Arc<Resource> {
    if fields.is_internal {
        return match around {
            Some(Part::Resource(outer)) => outer,
            // Of the channels, only the bounded ones have one.
            _ => Resource::new(ResourceKind::Channel, None),
        };
    }
    let kind = match fields.text.as_deref() {
        Some("Mutex") => ResourceKind::Mutex,
        Some("RwLock") => ResourceKind::RwLock,
        _ => ResourceKind::Semaphore,
    };
    let line = u32::try_from(fields.line).unwrap_or_default();
    let place = fields.file.clone().map(|file| Place::new(file, line));
    Resource::new(kind, place)
}

fn request(attributes: &Attributes<'_>, resource: Arc<Resource>) -> Part {
    match Fields::of(attributes).text.as_deref() {
        Some("Acquire::new") => Part::Request(Arc::new(Request {
            resource,
            place: OnceLock::new(),
            wants: AtomicUsize::new(0),
        })),
        Some(source) if source.contains("owned") => Part::Call(resource, Guard::Owns),
        _ => Part::Call(resource, Guard::Borrows),
    }
}

fn waker(fields: &Fields, wakers: &Arc<Wakers>, here: Option<Part>) {
    let request = match here {
        Some(Part::Request(request)) => Some(request),
        _ => None,
    };
    match fields.text.as_deref() {
        Some("waker.clone") => {
            wakers.made();
            if let Some(request) = request {
                let waker = Arc::clone(wakers);
                request.queued(|ledger, place| ledger.waker_put(place, waker));
            }
        }
        Some("waker.drop") => {
            wakers.dropped();
            if let Some(request) = request {
                request.queued(Ledger::waker_dropped);
            }
        }
        Some("waker.wake") => wakers.called(true),
        Some("waker.wake_by_ref") => wakers.called(false),
        _ => {}
    }
}

fn polled(fields: &Fields, here: Option<Part>) {
    let who = task::try_id();
    match here {
        Some(Part::Request(request)) if fields.flag => {
            let kind = request.resource.kind;
            request.queued(|ledger, place| ledger.met(place, who, kind));
        }
        Some(Part::Call(resource, guard)) if fields.flag => {
            lock(&resource.ledger).guard(who, guard, spawned_here());
        }
        _ => {}
    }
}

fn request_state(fields: &Fields, here: Option<Part>) {
    let who = task::try_id();
    let Some(number) = fields.number.and_then(|it| usize::try_from(it).ok()) else {
        return;
    };
    match (fields.what, here) {
        ("permits_requested", Some(Part::Request(request))) => {
            request.wants.store(number, Ordering::Relaxed);
        }
        // The start, with none.
        (_, Some(Part::Request(_))) if fields.change == Change::Set => {}
        (_, Some(Part::Request(request))) if TAKING.replace(false) => request.ledger(|ledger| {
            let place = *request.place.get_or_init(|| ledger.next_place());
            ledger.queue_up(place, who, spawned_here(), request.wants(), number);
        }),
        (_, Some(Part::Request(request))) => {
            let kind = request.resource.kind;
            request.queued(|ledger, place| ledger.passed_on(place, who, number, kind));
        }
        _ => {}
    }
}

fn state(fields: &Fields, resource: &Resource) {
    let who = task::try_id();
    let ledger: &mut Ledger = &mut lock(&resource.ledger);
    let number = fields.number.and_then(|it| usize::try_from(it).ok());
    match (fields.what, fields.change) {
        ("permits", Change::Set) => ledger.permits = number.unwrap_or_default(),
        ("permits", Change::Less) => TAKING.set(true),
        ("permits", Change::More) => {
            ledger.give_back(who, number.unwrap_or_default(), resource.kind);
        }
        ("locked", _) if fields.flag => ledger.taken(who, 1),
        ("write_locked", _) if fields.flag => ledger.taken(who, ledger.permits),
        ("write_locked", _) => ledger.no_longer_written(who),
        ("current_readers", Change::More) => ledger.taken(who, 1),
        _ => {}
    }
}
