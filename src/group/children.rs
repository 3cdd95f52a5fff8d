//! The values of many tasks, as they complete.

use std::borrow::Cow;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use slab::Slab;
use tokio::task::coop;

use super::child::Child;
use super::ready::Ready;

/// Tasks whose values are read as they complete: a stream of names and values.
///
/// The tasks can be spawned in any way, and be of several groups. As with a single [`Child`], errors and panics are
/// their group's to report: a task that failed or was cancelled has no value and is left out. What follows the first
/// failure depends on the [policy](crate::OnFailure) of the group: the values of the other tasks, or nothing, as they
/// are cancelled.
///
/// Values are kept until they are read. To bound how many are kept, read between spawns; a
/// [limit](crate::TaskGroup::limit) of the group only bounds how many tasks run. Dropping this does nothing to the
/// tasks.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// use std::time::Duration;
/// use tokio::time::sleep;
/// use unstuck::{Children, TaskGroup};
///
/// let group = TaskGroup::new("race").scope(async |group| {
///     let mut runners = Children::new();
///     for (name, seconds) in [("tortoise", 9), ("hare", 2)] {
///         let run = async move { sleep(Duration::from_secs(seconds)).await };
///         runners.push(group.spawn_infallible(name, run)?);
///     }
///     let mut order = Vec::new();
///     while let Some((name, ())) = runners.next().await {
///         order.push(name);
///     }
///     Ok(order)
/// });
/// assert_eq!(group.await.unwrap(), ["hare", "tortoise"]);
/// # }
/// ```
pub struct Children<T> {
    tasks: Slab<Entry<T>>,
    ready: Arc<Ready>,
}

struct Entry<T> {
    child: Child<T>,
    /// Puts the task among those that are ready.
    waker: Waker,
    /// The value, once the task has ended: none if it failed or was cancelled.
    value: Poll<Option<T>>,
}

impl<T: 'static> Children<T> {
    /// No tasks yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a task. One that has ended before counts as ending now.
    pub fn push(&mut self, mut child: Child<T>) {
        let place = self.tasks.vacant_entry();
        let waker = self.ready.waker(place.key());
        // Now, not in `poll_next`, so that tasks are in the order in which they end.
        let value = child.poll_value(&mut Context::from_waker(&waker));
        if value.is_ready() {
            waker.wake_by_ref();
        }
        place.insert(Entry {
            child,
            waker,
            value,
        });
    }

    /// Waits for the next task that ends with a value: its name and its value. `None` once every task has ended; more
    /// can be added then.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no value.
    pub async fn next(&mut self) -> Option<(Cow<'static, str>, T)> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Like [`next`](Children::next), to make a `Stream`: with the futures crate,
    /// `stream::poll_fn(move |cx| children.poll_next(cx))`.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<(Cow<'static, str>, T)>> {
        while !self.tasks.is_empty() {
            // Without budget, a task that is ready would be pending, and end up behind those that end after it.
            if !coop::has_budget_remaining() {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let place = ready!(self.ready.poll_next(cx));
            let Some(entry) = self.tasks.get_mut(place) else {
                continue;
            };
            if entry.value.is_pending() {
                let mut cx = Context::from_waker(&entry.waker);
                entry.value = entry.child.poll_value(&mut cx);
            }
            if entry.value.is_ready() {
                let Entry { child, value, .. } = self.tasks.remove(place);
                if let Poll::Ready(Some(value)) = value {
                    return Poll::Ready(Some((child.into_name(), value)));
                }
            }
        }
        Poll::Ready(None)
    }

    /// How many tasks have not been read yet.
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Whether every task has been read.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }
}

impl<T> Default for Children<T> {
    fn default() -> Self {
        Self {
            tasks: Slab::new(),
            ready: Arc::default(),
        }
    }
}

impl<T> fmt::Debug for Children<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tasks = self.tasks.iter().map(|(_, entry)| entry.child.name());
        f.debug_list().entries(tasks).finish()
    }
}
