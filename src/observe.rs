//! What Tokio's hooks, `tracing` records and the panic hook tell of the tasks of a runtime: where they were spawned,
//! what they are called, and how they ended.
//!
//! This module collects. What it means is for [`Outcomes`] to say.

mod hooks;
mod panics;
mod polls;
mod records;
mod tasks;
mod unrecorded;
mod workers;

use std::cell::RefCell;
use std::sync::{Arc, Mutex};

use crossbeam_utils::atomic::AtomicCell;
use tokio::runtime::Handle;
use tokio::task;

use crate::group::GROUPS;
use crate::outcomes::{End, Outcomes, TaskId};
use crate::sync::lock;
use polls::{Heard, Poll, Suspects};
use tasks::Tasks;

pub use panics::note_panics;
pub use records::layer;
pub use unrecorded::unrecorded;

/// Hears of the tasks of one Tokio runtime.
///
/// Made before the runtime, and [attached](Observer::attach) to its builder.
#[derive(Clone)]
pub struct Observer(Arc<Shared>);

struct Shared {
    keep: Keep,
    tasks: Mutex<Tasks>,
    suspects: Suspects,
    /// How many polls have begun, where every task is kept.
    polls: AtomicCell<u64>,
    /// Panics of its tasks are not printed.
    keeps_panics: AtomicCell<bool>,
}

/// Of which tasks an observer keeps a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Of those that ended with an error or a panic. All others cost next to nothing.
    Failures,
    /// Of every task, with the task that spawned it. Each spawn and each end takes a lock.
    EveryTask,
}

thread_local! {
    /// Who observes the runtime that this thread works for.
    static HERE: RefCell<Option<Observer>> = const { RefCell::new(None) };
}

impl Observer {
    /// An observer that has seen nothing yet.
    pub fn new(keep: Keep) -> Self {
        Self(Arc::new(Shared {
            keep,
            tasks: Mutex::new(Tasks::new(keep)),
            suspects: Suspects::new(),
            polls: AtomicCell::new(0),
            keeps_panics: AtomicCell::new(false),
        }))
    }

    /// From now on the panics of its tasks are not printed, as they are part of what is reported. Takes
    /// [`note_panics`].
    pub fn keep_panics(&self) {
        self.0.keeps_panics.store(true);
    }

    /// Counts the calling thread among those of the runtime, as far as spawning onto it goes.
    pub fn adopt_thread(&self) {
        HERE.set(Some(self.clone()));
    }

    /// How many polls have begun so far, where [every task](Keep::EveryTask) is kept. The same number twice: no task
    /// was polled meanwhile.
    pub fn polls(&self) -> u64 {
        self.0.polls.load()
    }

    /// How the tasks did so far. Where only failures are kept, those of tasks that are alive are among them: they did
    /// not end with that, unless they do in the poll that goes on.
    pub fn outcomes(&self) -> Outcomes {
        let mut outcomes = lock(&self.0.tasks).outcomes();
        // Where nobody records the spans that have the names, groups still know those of their children.
        for (id, name) in GROUPS.alive().iter().flat_map(|group| group.names()) {
            outcomes.names.entry(id.into()).or_insert(name);
        }
        for task in outcomes.tasks.iter_mut().filter(|it| it.name.is_none()) {
            task.name = outcomes.names.get(&task.id).cloned();
        }
        outcomes
    }

    /// Waits until the runtime has come to rest, but not for long, and only if somebody drives it. Whether it did.
    ///
    /// A task may be awaited, and its awaiter return, before the hook has heard of its end. And one that was aborted
    /// ends in a moment.
    pub fn settle(&self, runtime: &Handle) -> bool {
        workers::is_driven_to_the_end(runtime) && workers::settle(runtime)
    }

    /// Takes down the name of a task that is about to be spawned.
    fn name(&self, task: TaskId, name: String) {
        lock(&self.0.tasks).names.insert(task, name);
    }

    /// The task has ended.
    fn forget_name(&self, task: TaskId) {
        lock(&self.0.tasks).names.remove(&task);
    }

    /// The task, which is polled on this thread, says that it ends like this.
    fn hear(&self, task: task::Id, end: End) {
        let heard = match end {
            End::Panic(_) => Heard::Panic,
            _ => Heard::Error,
        };
        self.hear_as(heard, task, end);
    }

    /// The same, said by the group of the task.
    fn hear_from_group(&self, task: task::Id, end: End) {
        self.hear_as(Heard::FromGroup, task, end);
    }

    fn hear_as(&self, heard: Heard, task: task::Id, end: End) {
        let Some(poll) = Poll::of(task).filter(|poll| poll.heard != Heard::FromGroup) else {
            return;
        };
        let is_first = poll.heard == Heard::Nothing;
        if self.0.keep == Keep::Failures && end == End::Cancelled {
            if !is_first {
                self.forget(task);
            }
        } else {
            self.0.suspects.enter(task);
            lock(&self.0.tasks).hear(poll, end, is_first);
        }
        poll.note(heard);
    }

    /// What was heard of the task was not its end.
    #[cold]
    fn forget(&self, task: task::Id) {
        self.0.suspects.remove(task);
        lock(&self.0.tasks).forget(task);
        if let Some(poll) = Poll::of(task) {
            poll.note(Heard::Nothing);
        }
    }

    /// Runs `f` with the observer of the runtime that this thread works for, if there is one.
    fn here<R>(f: impl FnOnce(&Observer) -> R) -> Option<R> {
        // A hook may run while the thread is being torn down, or within another hook.
        let of_thread = |here: &RefCell<Option<Observer>>| {
            let here = here.try_borrow().ok()?;
            here.as_ref().map(f)
        };
        HERE.try_with(of_thread).ok().flatten()
    }
}

/// Leaves this thread out of what is read of the process, until it ends: it only waits for others.
pub fn mark_own_thread() {
    crate::own_threads::mark();
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::panic::catch_unwind;

    use tokio::runtime::{Builder, Runtime};
    use tokio::task::yield_now;
    use tracing::{Span, callsite};
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::registry;

    use super::*;

    /// What is known once a program has run under an observer, on this thread.
    fn observed(keep: Keep, main: impl AsyncFn()) -> Outcomes {
        note_panics();
        let records = registry().with(layer());
        tracing::subscriber::with_default(records, || {
            loop {
                let observer = Observer::new(keep);
                observer.keep_panics();
                observer.adopt_thread();
                let mut runtime = Builder::new_current_thread();
                observer.attach(&mut runtime);
                let runtime = runtime.build().unwrap();
                runtime.block_on(main());
                let outcomes = observer.outcomes();
                if has_spans(&runtime) {
                    return outcomes;
                }
                callsite::rebuild_interest_cache();
            }
        })
    }

    /// Whether tasks have spans. Other tests spawn some without a subscriber. If one of those was the very first, and
    /// another thread got its subscriber meanwhile, `tracing` takes the spans of tasks for something that nobody wants,
    /// until it is asked to look again.
    fn has_spans(runtime: &Runtime) -> bool {
        let task = async { task::spawn(async { Span::current().is_none() }).await };
        !runtime.block_on(task).unwrap()
    }

    fn errors(outcomes: &Outcomes) -> Vec<&str> {
        outcomes.tasks.iter().filter_map(|it| it.error()).collect()
    }

    fn catch(text: &'static str) {
        catch_unwind(|| panic!("{text}")).unwrap_err();
    }

    #[test]
    fn what_a_task_got_over_in_an_earlier_poll_did_not_end_it() {
        for keep in [Keep::Failures, Keep::EveryTask] {
            let outcomes = observed(keep, async || {
                let got_over = task::spawn(async {
                    catch("caught");
                    yield_now().await;
                });
                let failed = task::spawn(async {
                    catch("caught before");
                    yield_now().await;
                    panic!("the end")
                });
                let _: (Result<(), _>, Result<(), _>) = (got_over.await, failed.await);
            });
            assert_eq!(errors(&outcomes), ["the end"], "{keep:?}");
        }
    }

    #[test]
    fn a_panic_that_was_caught_in_the_last_poll_is_told_by_the_span_of_the_task() {
        let outcomes = observed(Keep::Failures, async || {
            task::spawn(async { catch("caught") }).await.unwrap();
        });
        assert_eq!(errors(&outcomes), [""; 0]);
    }

    #[test]
    fn names_are_kept_for_as_long_as_tasks_are_alive_and_with_failures() {
        let outcomes = observed(Keep::Failures, async || {
            let named = |name| task::Builder::new().name(name);
            let fails = named("fails").spawn(async { panic!("boom") });
            let _: Result<(), _> = fails.unwrap().await;
            named("ends").spawn(async {}).unwrap().await.unwrap();
            drop(named("stays").spawn(pending::<()>()));
        });
        let [failed] = &outcomes.tasks[..] else {
            panic!("one failed: {outcomes:?}")
        };
        assert_eq!(failed.name.as_deref(), Some("fails"));
        assert!(failed.spawned_at.file().ends_with("observe.rs"));
        let names: Vec<&str> = outcomes.names.values().map(String::as_str).collect();
        assert_eq!(names, ["stays"]);
    }
}
