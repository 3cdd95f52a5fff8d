//! Where this thread is: in which spans, and in a poll of which task.
//!
//! A span is looked up only once something is told of within it: most are entered and exited in silence.

use std::cell::{OnceCell, RefCell};
use std::sync::Arc;

use tokio::task;
use tracing::span::Id;

use super::Resource;
use super::ledger::Guard;
use super::part::{Part, Parts};
use super::wakers::Wakers;

thread_local! {
    /// Where this thread is.
    static HERE: RefCell<Here> = const { RefCell::new(Here::NOWHERE) };
}

/// The innermost comes last.
struct Here {
    spans: Vec<Entered>,
    polls: Vec<(task::Id, Arc<Wakers>)>,
}

impl Here {
    const NOWHERE: Self = Self {
        spans: Vec::new(),
        polls: Vec::new(),
    };

    fn enter(&mut self, span: &Id, polls: Option<(task::Id, Arc<Wakers>)>) {
        self.spans.push(Entered {
            span: span.clone(),
            part: OnceCell::new(),
            is_again: self.spans.iter().any(|entered| entered.span == *span),
            is_poll: polls.is_some(),
        });
        self.polls.extend(polls);
    }

    /// The spans that this thread is in, from the inside out.
    fn innermost(&self) -> impl Iterator<Item = &Entered> {
        self.spans.iter().rev().filter(|entered| !entered.is_again)
    }

    /// The task of which this ends a poll.
    fn exit(&mut self, span: &Id) -> Option<Arc<Wakers>> {
        // Not the last one where somebody left them in another order.
        let at = self
            .spans
            .iter()
            .rposition(|entered| entered.span == *span)?;
        let is_poll = self.spans[at].is_poll;
        self.spans.remove(at);
        let (_, wakers) = self.polls.pop_if(|_| is_poll)?;
        Some(wakers)
    }
}

/// A span that was entered.
struct Entered {
    span: Id,
    /// What it stands for, once somebody wants to know.
    part: OnceCell<Option<Part>>,
    /// It had been entered before, and counts as where that was.
    is_again: bool,
    /// It is a task's, and this thread polls that. Another task may enter the span too: it is what
    /// `Span::current` gives, where the program has none of its own.
    is_poll: bool,
}

impl Entered {
    fn part(&self, parts: &Parts) -> Option<&Part> {
        let part = self.part.get_or_init(|| parts.of(&self.span));
        part.as_ref()
    }
}

/// With what this thread is in: within a poll the request, even for what the semaphore says. None where the
/// thread is on its way out, with its locals gone.
pub(super) fn here<R>(parts: &Parts, f: impl FnOnce(&Part) -> R) -> Option<R> {
    let found = HERE.try_with(|here| {
        let here = here.borrow();
        let innermost = here.innermost().next()?;
        innermost.part(parts).map(f)
    });
    found.ok().flatten()
}

/// For what kind of guard a request is that is made here, within a call.
pub(super) fn guard_here(parts: &Parts) -> Guard {
    let found = HERE.try_with(|here| {
        let here = here.borrow();
        // Right around the semaphore, in which the request is made.
        let call = here.innermost().nth(1)?;
        match call.part(parts) {
            Some(Part::Call(guard)) => Some(*guard),
            _ => None,
        }
    });
    found.ok().flatten().unwrap_or(Guard::Owns)
}

pub(super) fn resource_here(parts: &Parts) -> Option<Arc<Resource>> {
    let resource = here(parts, |part| match part {
        Part::Resource(resource) => Some(Arc::clone(resource)),
        _ => None,
    });
    resource.flatten()
}

/// With the task that this thread polls.
pub(super) fn polled_here<R>(f: impl FnOnce(task::Id, &Wakers) -> R) -> Option<R> {
    let found = HERE.try_with(|here| {
        let here = here.borrow();
        here.polls.last().map(|(id, wakers)| f(*id, wakers))
    });
    found.ok().flatten()
}

/// How many tasks it has spawned.
pub(super) fn spawned_here() -> u64 {
    polled_here(|_, task| task.spawned()).unwrap_or_default()
}

/// To be called where a span is entered.
pub(super) fn enter(span: &Id, parts: &Parts) {
    let _ = HERE.try_with(|here| {
        let known = here.borrow().polls.last().map(|(task, _)| *task);
        // The first span that a task enters in a poll is its own.
        let polls = match task::try_id() {
            Some(task) if known != Some(task) => own(span, task, parts),
            _ => None,
        };
        if let Some((_, wakers)) = &polls {
            wakers.enters();
        }
        here.borrow_mut().enter(span, polls);
    });
}

/// To be called where a span is exited. `is_heard` tells whether wakers that are made on this thread are heard of.
pub(super) fn exit(span: &Id, is_heard: impl FnOnce() -> bool) {
    let polled = HERE.try_with(|here| here.borrow_mut().exit(span));
    if let Ok(Some(wakers)) = polled {
        wakers.exits(is_heard());
    }
}

/// The task, if this is its span.
#[cold]
fn own(id: &Id, task: task::Id, parts: &Parts) -> Option<(task::Id, Arc<Wakers>)> {
    let wakers = parts.of(id)?.of_task()?;
    (wakers.task == task.into()).then_some((task, wakers))
}
