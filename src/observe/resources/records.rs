//! The layer through which [`resources`](super) hears of Tokio's locks and timers.
//!
//! A lock or semaphore is a span, with a semaphore inside that is a span of its own, made while the outer
//! one is entered; each request is a span below the one or the other. What happens to them are events.

use std::cell::Cell;
use std::collections::HashMap;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tokio::task;
use tracing::span::{Attributes, Id};
use tracing::{Event, Metadata, Subscriber, dispatcher};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::fields::{Change, Fields, Word};
use super::here::{enter, exit, guard_here, here, polled_here, resource_here, spawned_here};
use super::ledger::{Guard, Ledger};
use super::part::{Part, Parts, Request};
use super::wakers::Wakers;
use super::{Resource, ResourceKind, WAKERS};
use crate::observe::TaskId;
use crate::observe::records::{self, Records, SPAWN};
use crate::place::Place;
use crate::sync::lock;

/// The layer through which observers hear who holds which lock, when timers are due, and which tasks nobody has a waker
/// of, besides all that [`layer`] hears: it takes the place of that. One is enough for all observers.
///
/// It has to be there before the program's tasks are: of one that was spawned earlier, it can't tell what
/// else may wake it. It costs some microseconds for each time that a lock is taken, a timer set or a task woken;
/// [`layer`] alone costs next to nothing.
///
/// [`layer`]: crate::observe::layer
pub fn resource_layer<S>() -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let is_wanted =
        |metadata: &Metadata<'_>| is_of_resources(metadata) || records::is_wanted(metadata);
    Locks::default().with_filter(filter_fn(is_wanted))
}

/// Whether there is such a layer somewhere, to which records come.
static RECORDED: AtomicBool = AtomicBool::new(false);

pub(in crate::observe) fn are_recorded() -> bool {
    RECORDED.load(Ordering::Relaxed)
}

const RESOURCE: &str = "runtime.resource";
const REQUEST: &str = "runtime.resource.async_op";

const POLLED: &str = "runtime::resource::poll_op";
const STATE: &str = "runtime::resource::state_update";
const REQUEST_STATE: &str = "runtime::resource::async_op::state_update";
const WAKER: &str = "tokio::task::waker";

/// The module whose resources are looked at, but not their requests.
const TIMERS: &str = "tokio::time::sleep";

/// The modules whose resources and requests are looked at.
const MODULES: [&str; 4] = [
    "tokio::sync::mutex",
    "tokio::sync::rwlock",
    "tokio::sync::semaphore",
    "tokio::sync::batch_semaphore",
];

/// The module in which calls of those are made, that is, the requests around theirs.
const CALLS: &str = "tokio::util::trace";

/// As little as will do: most of the time goes into what there is to be told of. There is one more span around
/// each poll of a request, which says nothing that the request does not; and a call is met when its request is.
fn is_of_resources(metadata: &Metadata<'_>) -> bool {
    let is_from_there = || {
        let module = metadata.module_path().unwrap_or_default();
        MODULES.iter().any(|wanted| module.starts_with(wanted))
    };
    let is_of_timer = || metadata.module_path() == Some(TIMERS);
    if metadata.is_event() {
        return match metadata.target() {
            WAKER => true,
            POLLED | REQUEST_STATE => is_from_there(),
            STATE => is_from_there() || is_of_timer(),
            _ => false,
        };
    }
    match metadata.name() {
        SPAWN => true,
        RESOURCE => is_from_there() || is_of_timer(),
        REQUEST => is_from_there() || metadata.module_path() == Some(CALLS),
        _ => false,
    }
}

thread_local! {
    /// Whether this thread has just taken free permits, for a request that it is about to tell of.
    static TAKING: Cell<bool> = const { Cell::new(false) };
}

#[derive(Default)]
struct Locks {
    rest: Records,
    parts: Parts,
    heard_of_a_waker: AtomicBool,
    /// Tasks that have ended, but not all their wakers are gone, by the numbers of their spans. Such a number
    /// is given to a new span sooner or later, and what is told of a waker has no other.
    leftover: Mutex<HashMap<u64, Arc<Wakers>>>,
}

impl<S> Layer<S> for Locks
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if !are_recorded() {
            RECORDED.store(true, Ordering::Relaxed);
        }
        let part = match attributes.metadata().name() {
            SPAWN => {
                self.rest.on_new_span(attributes, id, context.clone());
                polled_here(|_, task| task.spawns());
                self.task(&Fields::of(attributes), id)
            }
            RESOURCE => Some(resource(&Fields::of(attributes), || {
                resource_here(&self.parts)
            })),
            REQUEST => request(&Fields::of(attributes), &self.parts),
            _ => return self.rest.on_new_span(attributes, id, context),
        };
        if let Some(part) = part {
            self.parts.opened(id, part);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let fields = || Fields::of(event);
        match event.metadata().target() {
            WAKER => self.waker(&fields()),
            POLLED => drop(here(&self.parts, |part| polled(&fields(), part))),
            REQUEST_STATE => drop(here(&self.parts, |part| request_state(&fields(), part))),
            STATE => {
                let fields = fields();
                // A lock that is free says nothing that its permits do not.
                if fields.what != "locked" || fields.flag {
                    here(&self.parts, |part| state(&fields, part));
                }
            }
            _ => self.rest.on_event(event, context),
        }
    }

    fn on_enter(&self, id: &Id, _: Context<'_, S>) {
        enter(id, &self.parts);
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        exit(id, || self.hears_of_wakers());
        self.rest.on_exit(id, context);
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        match self.parts.of(&id) {
            Some(Part::Request(request)) => {
                request.queued(|ledger, place| ledger.leave(place, task::try_id()));
            }
            Some(Part::Task(wakers)) if wakers.task_ends() => {
                lock(&self.leftover).insert(id.into_u64(), wakers);
            }
            _ => {}
        }
        // Not before, as whoever is told of a waker looks here first.
        self.parts.closed(&id);
    }
}

impl Locks {
    /// Whether wakers that are made on this thread are told of here. A span tells whom it was made for, wherever it is
    /// entered; an event tells whoever the thread has for a subscriber. And `tracing` may have asked another one than
    /// this whether anybody wants to hear of them at all: it is only sure once it has been heard of one.
    fn hears_of_wakers(&self) -> bool {
        let heard = self.heard_of_a_waker.load(Ordering::Relaxed);
        heard
            && dispatcher::get_default(|dispatch| {
                let listens = dispatch.downcast_ref::<Self>();
                listens.is_some_and(|other| ptr::eq(other, self))
            })
    }

    fn task(&self, fields: &Fields, id: &Id) -> Option<Part> {
        let task = TaskId(fields.number?);
        let wakers = Arc::new(Wakers::of(task));
        if lock(&self.leftover).contains_key(&id.into_u64()) {
            wakers.can_be_mistaken();
        }
        WAKERS.enter(&wakers);
        Some(Part::Task(wakers))
    }

    /// A waker was made, called or dropped.
    fn waker(&self, fields: &Fields) {
        if fields.word == Some(Word::WakerClone) && !self.heard_of_a_waker.load(Ordering::Relaxed) {
            self.heard_of_a_waker.store(true, Ordering::Relaxed);
        }
        let Some(span) = fields.number.filter(|id| *id > 0) else {
            return;
        };
        let Some(wakers) = self.wakers(span) else {
            return;
        };
        let queued = |f: &dyn Fn(&mut Ledger, u64)| {
            here(&self.parts, |part| {
                if let Part::Request(request) = part {
                    request.queued(f);
                }
            });
        };
        match fields.word {
            Some(Word::WakerClone) => {
                wakers.made();
                queued(&|ledger, place| ledger.waker_put(place, Arc::clone(&wakers)));
            }
            Some(Word::WakerDrop) => {
                wakers.dropped();
                queued(&Ledger::waker_dropped);
            }
            Some(Word::Wake) => wakers.called(true),
            Some(Word::WakeByRef) => wakers.called(false),
            _ => {}
        }
        if wakers.are_gone() {
            lock(&self.leftover).remove(&span);
        }
    }

    /// The wakers of the task whose span has this number, or had it.
    fn wakers(&self, span: u64) -> Option<Arc<Wakers>> {
        let alive = self.parts.of(&Id::from_u64(span)).and_then(Part::of_task);
        alive.or_else(|| lock(&self.leftover).get(&span).cloned())
    }
}

fn resource(fields: &Fields, around: impl FnOnce() -> Option<Arc<Resource>>) -> Part {
    if fields.is_internal {
        // Of the channels, only the bounded ones have one.
        let channel = || Resource::new(ResourceKind::Channel, None);
        return Part::Resource(around().unwrap_or_else(channel));
    }
    let kind = match fields.word {
        Some(Word::Sleep) => return Part::Timer(Arc::default()),
        Some(Word::Mutex) => ResourceKind::Mutex,
        Some(Word::RwLock) => ResourceKind::RwLock,
        _ => ResourceKind::Semaphore,
    };
    let line = u32::try_from(fields.line).unwrap_or_default();
    let place = fields.file.clone().map(|file| Place::new(file, line));
    Part::Resource(Resource::new(kind, place))
}

fn request(fields: &Fields, parts: &Parts) -> Option<Part> {
    Some(match fields.word {
        Some(Word::Acquire) => Part::Request(Arc::new(Request {
            resource: resource_here(parts)?,
            guard: guard_here(parts),
            place: OnceLock::new(),
            wants: AtomicUsize::new(0),
        })),
        Some(Word::Owned) => Part::Call(Guard::Owns),
        _ => Part::Call(Guard::Borrows),
    })
}

fn polled(fields: &Fields, part: &Part) {
    if let Part::Request(request) = part
        && fields.flag
    {
        let (who, spawned) = (task::try_id(), spawned_here());
        let (guard, kind) = (request.guard, request.resource.kind);
        request.queued(|ledger, place| ledger.met(place, who, spawned, guard, kind));
    }
}

fn request_state(fields: &Fields, part: &Part) {
    let number = fields.number.and_then(|it| usize::try_from(it).ok());
    let (Part::Request(request), Some(number)) = (part, number) else {
        return;
    };
    let who = task::try_id();
    match (fields.what, fields.change) {
        ("permits_requested", _) => request.wants.store(number, Ordering::Relaxed),
        // The start, with none.
        (_, Change::Set) => {}
        _ if TAKING.replace(false) => {
            let (wants, spawned) = (request.wants(), spawned_here());
            request.ledger(|ledger| {
                let place = request.place.get_or_init(|| ledger.queue_up(wants));
                ledger.polled(*place, who, spawned, number);
            });
        }
        _ => {
            let kind = request.resource.kind;
            request.queued(|ledger, place| ledger.passed_on(place, who, number, kind));
        }
    }
}

fn state(fields: &Fields, part: &Part) {
    let who = task::try_id();
    let resource = match part {
        Part::Resource(resource) => resource,
        Part::Request(request) => &request.resource,
        Part::Timer(timer) => {
            if let (Some(who), Some(runs_for)) = (who, fields.number) {
                timer.set(who.into(), Duration::from_millis(runs_for));
            }
            return;
        }
        Part::Task(_) | Part::Call(_) => return,
    };
    let ledger: &mut Ledger = &mut lock(&resource.ledger);
    let number = fields.number.and_then(|it| usize::try_from(it).ok());
    match (fields.what, fields.change) {
        ("permits", Change::Set) => ledger.permits = number.unwrap_or_default(),
        ("permits", Change::Less) => TAKING.set(true),
        ("permits", Change::More) => {
            ledger.give_back(who, number.unwrap_or_default(), resource.kind);
        }
        ("write_locked", _) if fields.flag => ledger.taken(who, ledger.permits),
        ("write_locked", _) => ledger.no_longer_written(who),
        ("locked", _) | ("current_readers", Change::More) => ledger.taken(who, 1),
        _ => {}
    }
}
