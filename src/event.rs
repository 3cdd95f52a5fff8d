//! A flag that tasks can wait for, and that knows who could still set it.

use std::collections::BTreeMap;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;
use tokio::task;
use tracing::Span;

use crate::place::Place;
use crate::sync::lock;

/// A flag that is set once and for all, and that any number of tasks can wait for.
///
/// It is `asyncio.Event` without `clear`, with one thing more: its handles are counted. A handle can
/// [`set`](Event::set) the event, or [`wait`](Event::wait) for it, but never both at the same time,
/// because `wait` borrows it mutably. So once each handle that is left is waiting, nobody can set the
/// event any more, and a report can say so as a proof rather than as a guess.
///
/// In tokio-console an event is a resource of its own, shown with the task that awaits it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use unstuck::Event;
///
/// let mut ready = Event::new("ready");
/// let setter = ready.clone();
/// tokio::spawn(async move { setter.set() });
/// ready.wait().await;
/// assert!(ready.is_set());
/// # }
/// ```
pub struct Event(Arc<Shared>);

pub(crate) struct Shared {
    name: String,
    made_at: Place,
    state: Mutex<State>,
    changed: Notify,
    /// The resource that tokio-console shows.
    resource: Span,
}

#[derive(Default)]
struct State {
    set: bool,
    handles: usize,
    /// Waits in progress; each has a handle to itself.
    waits: BTreeMap<u64, Wait>,
    next_wait: u64,
}

/// A wait in progress.
#[derive(Clone, Debug)]
pub(crate) struct Wait {
    /// The task that waits; none outside of any task.
    pub(crate) task: Option<task::Id>,
    /// The line that called [`Event::wait`].
    pub(crate) at: Place,
}

impl Event {
    /// A new event that is not set, under the name by which reports call it.
    ///
    /// ```
    /// let event = unstuck::Event::new("ready");
    /// assert_eq!(event.name(), "ready");
    /// assert!(!event.is_set());
    /// ```
    #[track_caller]
    pub fn new(name: impl Into<String>) -> Self {
        let (name, made_at) = (name.into(), Place::caller());
        let shared = Arc::new(Shared {
            resource: resource_span(&name, &made_at),
            name,
            made_at,
            state: Mutex::new(State {
                handles: 1,
                ..State::default()
            }),
            changed: Notify::new(),
        });
        Self(shared)
    }

    /// The name it was made with.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Sets the event and wakes everyone who waits. Setting it again does nothing.
    ///
    /// ```
    /// let event = unstuck::Event::new("ready");
    /// event.set();
    /// assert!(event.is_set());
    /// ```
    pub fn set(&self) {
        lock(&self.0.state).set = true;
        self.0.record_state(true);
        self.0.changed.notify_waiters();
    }

    /// Whether it has been set.
    pub fn is_set(&self) -> bool {
        self.0.is_set()
    }

    /// Waits until the event is set; ends at once if it is set already.
    ///
    /// Nothing that this handle could do would end the wait, which is why it is borrowed mutably.
    ///
    /// # Cancel safety
    ///
    /// A wait that is dropped leaves nothing behind.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// use std::time::Duration;
    /// use tokio::time::timeout;
    /// use unstuck::Event;
    ///
    /// let mut ready = Event::new("ready");
    /// let second = Duration::from_secs(1);
    /// assert!(timeout(second, ready.wait()).await.is_err());
    /// ready.set();
    /// ready.wait().await;
    /// # }
    /// ```
    #[track_caller]
    pub fn wait(&mut self) -> impl Future<Output = ()> + Send + '_ {
        let at = Place::caller();
        let shared = &*self.0;
        async move {
            // Listening comes first, so a `set` between the check and the await is not missed.
            let mut changed = pin!(shared.changed.notified());
            if shared.is_set() {
                return;
            }
            let _waiting = Waiting::begin(shared, at);
            let (op, poll) = shared.resource.in_scope(op_spans);
            poll_fn(|cx| {
                let (_resource, _op, _poll) = (shared.resource.enter(), op.enter(), poll.enter());
                let polled = changed.as_mut().poll(cx);
                tracing::trace!(
                    target: "runtime::resource::poll_op",
                    op_name = "poll_wait",
                    is_ready = polled.is_ready()
                );
                polled
            })
            .await;
        }
    }
}

/// A further handle, which can set the event, or wait for it.
impl Clone for Event {
    fn clone(&self) -> Self {
        lock(&self.0.state).handles += 1;
        Self(Arc::clone(&self.0))
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        lock(&self.0.state).handles -= 1;
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.0.state);
        let waits = state.waits.values().map(|wait| match wait.task {
            Some(task) => format!("task {task} at {}", wait.at),
            None => wait.at.to_string(),
        });
        f.debug_struct("Event")
            .field("name", &self.0.name)
            .field("made_at", &format_args!("{}", self.0.made_at))
            .field("is_set", &state.set)
            .field("setters", &state.setters())
            .field("waits", &waits.collect::<Vec<_>>())
            .finish()
    }
}

impl State {
    /// How many handles could set the event: those that are not waiting.
    fn setters(&self) -> usize {
        self.handles - self.waits.len()
    }
}

impl Shared {
    fn is_set(&self) -> bool {
        lock(&self.state).set
    }

    fn record_state(&self, is_set: bool) {
        self.resource.in_scope(|| {
            tracing::trace!(target: "runtime::resource::state_update", is_set, is_set.op = "override");
        });
    }
}

/// Puts a wait on record for as long as it lasts.
struct Waiting<'e> {
    shared: &'e Shared,
    key: u64,
}

impl<'e> Waiting<'e> {
    fn begin(shared: &'e Shared, at: Place) -> Self {
        let mut state = lock(&shared.state);
        let key = state.next_wait;
        state.next_wait += 1;
        let task = task::try_id();
        state.waits.insert(key, Wait { task, at });
        Self { shared, key }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        lock(&self.shared.state).waits.remove(&self.key);
    }
}

/// The span by which tokio-console knows a resource. It wants all three parts of the location.
fn resource_span(name: &str, made_at: &Place) -> Span {
    let span = tracing::trace_span!(
        parent: None,
        "runtime.resource",
        concrete_type = "Event",
        kind = "Sync",
        loc.file = made_at.file(),
        loc.line = made_at.line(),
        loc.col = 1_u32
    );
    span.in_scope(|| {
        tracing::trace!(target: "runtime::resource::state_update", name, name.op = "override");
        tracing::trace!(target: "runtime::resource::state_update", is_set = false, is_set.op = "override");
    });
    span
}

/// The spans of one wait. Made while the resource is entered, which is how the console joins them.
fn op_spans() -> (Span, Span) {
    let op = tracing::trace_span!(
        "runtime.resource.async_op",
        source = "Event::wait",
        inherits_child_attrs = false
    );
    let poll = op.in_scope(|| tracing::trace_span!("runtime.resource.async_op.poll"));
    (op, poll)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setters(event: &Event) -> usize {
        lock(&event.0.state).setters()
    }

    #[tokio::test]
    async fn a_set_before_the_wait_is_not_lost() {
        let mut event = Event::new("e");
        event.set();
        event.wait().await;
    }

    #[tokio::test]
    async fn a_set_between_the_call_and_the_first_poll_is_not_lost() {
        let mut event = Event::new("e");
        let setter = event.clone();
        let wait = event.wait();
        setter.set();
        wait.await;
    }

    #[tokio::test]
    async fn every_waiter_wakes() {
        let event = Event::new("e");
        let waiters: Vec<_> = (0..3)
            .map(|_| {
                let mut handle = event.clone();
                tokio::spawn(async move { handle.wait().await })
            })
            .collect();
        tokio::task::yield_now().await;
        event.set();
        for waiter in waiters {
            waiter.await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_handle_that_waits_is_no_setter_and_is_one_again_once_the_wait_is_dropped() {
        let mut event = Event::new("e");
        let watched = event.clone();
        assert_eq!(setters(&watched), 2);
        {
            let mut wait = pin!(event.wait());
            poll_fn(|cx| {
                assert!(wait.as_mut().poll(cx).is_pending());
                std::task::Poll::Ready(())
            })
            .await;
            assert_eq!(setters(&watched), 1);
        }
        assert_eq!(setters(&watched), 2);
        drop(event);
        assert_eq!(setters(&watched), 1);
    }
}
