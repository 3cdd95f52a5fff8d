//! The workers of a runtime: whether they are at rest, and whether one was left behind in a dump.
//!
//! Tokio's workers wait for one another before a dump, for a quarter of a second, and after it for as long as it
//! takes. One that gives up before it stays counted: the next time they begin without the last one, and then
//! wait for it after a dump that it knows nothing of. So does one that comes by once more than it is asked to.
//! More dumps bring it to where the others are, and let all of them go.

use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use tokio::runtime::{Handle, RuntimeFlavor};

use super::{Observer, threads};
use crate::sync::lock;

/// A worker that is neither parked nor in a poll, and how often it has been either.
#[derive(PartialEq, Eq)]
struct Between {
    worker: usize,
    parks: u64,
    polls: u64,
}

/// Whether somebody drives the tasks that main has left behind. A runtime of one thread is driven only by whoever
/// waits for main, and after that neither moves nor comes to rest.
pub(super) fn is_driven_to_the_end(runtime: &Handle) -> bool {
    runtime.runtime_flavor() != RuntimeFlavor::CurrentThread
}

/// How many tasks are on their way to a worker, but for the one that each of those runs next.
pub(super) fn queued(runtime: &Handle) -> usize {
    let metrics = runtime.metrics();
    let workers = 0..metrics.num_workers();
    let local = workers.map(|worker| metrics.worker_local_queue_depth(worker));
    metrics.global_queue_depth() + local.sum::<usize>()
}

impl Observer {
    /// Whether every worker is parked and no task is on its way to one.
    pub fn is_idle(&self, runtime: &Handle) -> bool {
        let metrics = runtime.metrics();
        let workers = 0..metrics.num_workers();
        let parks = || {
            workers
                .clone()
                .map(|worker| metrics.worker_park_unpark_count(worker))
        };
        let before: Vec<u64> = parks().collect();
        before.iter().all(|parks| parks % 2 == 1)
            && metrics.global_queue_depth() == 0
            && workers.clone().all(|worker| metrics.worker_local_queue_depth(worker) == 0)
            // One that is looked at late may have passed a task on to one that was looked at early.
            && parks().eq(before)
    }

    /// How long its workers have been at work so far; nothing where the system does not tell.
    pub(super) fn worked(&self, runtime: &Handle) -> Duration {
        let metrics = runtime.metrics();
        let workers = 0..metrics.num_workers();
        let workers: Vec<ThreadId> = workers
            .filter_map(|worker| metrics.worker_thread_id(worker))
            .collect();
        let seats = lock(&self.0.seats);
        let of_workers = seats.iter().filter(|seat| workers.contains(&seat.id));
        of_workers
            .filter_map(|seat| threads::worked(seat.thread?))
            .sum()
    }

    /// Gives the runtime a moment to come to rest. Whether it did.
    pub(super) fn settle(&self, runtime: &Handle) -> bool {
        const AT_MOST: Duration = Duration::from_millis(500);
        let begun = Instant::now();
        while !self.is_idle(runtime) {
            if begun.elapsed() >= AT_MOST {
                return false;
            }
            thread::sleep(Duration::from_millis(1));
        }
        true
    }

    /// Frees the workers that dumps have left waiting for others. Whether all are free: the end of a runtime must
    /// not be waited for otherwise. Takes no time if all are free already, and else some seconds.
    pub fn free_workers(&self, runtime: &Handle) -> bool {
        // Within how many dumps the counts are right again is a matter of chance. It took ten at most.
        const TRIES: usize = 30;
        const A_WHILE: Duration = Duration::from_millis(600);
        let can_wait_for_others = self.0.dumps.load() > 0 && runtime.metrics().num_workers() > 1;
        if !can_wait_for_others {
            return true;
        }
        for _ in 0..TRIES {
            if !self.has_waiting_workers(runtime) {
                return true;
            }
            if !self.can_dump_safely() {
                return false;
            }
            // It is not for what it shows.
            let _ = self.dump_once(runtime, A_WHILE);
        }
        false
    }

    /// Whether some worker does nothing for almost as long as workers wait for one another before a dump.
    fn has_waiting_workers(&self, runtime: &Handle) -> bool {
        const LONG: Duration = Duration::from_millis(200);
        let begun = Instant::now();
        let mut waiting = self.between(runtime);
        while !waiting.is_empty() {
            if begun.elapsed() >= LONG {
                return true;
            }
            thread::sleep(Duration::from_millis(1));
            let now = self.between(runtime);
            waiting.retain(|worker| now.contains(worker));
        }
        false
    }

    fn between(&self, runtime: &Handle) -> Vec<Between> {
        let metrics = runtime.metrics();
        let unparked = (0..metrics.num_workers()).filter_map(|worker| {
            let parks = metrics.worker_park_unpark_count(worker);
            let thread = metrics.worker_thread_id(worker)?;
            parks.is_multiple_of(2).then_some((worker, parks, thread))
        });
        let between = unparked.filter_map(|(worker, parks, thread)| {
            let polls = self.polls_unless_in_one(thread)?;
            Some(Between {
                worker,
                parks,
                polls,
            })
        });
        between.collect()
    }

    fn polls_unless_in_one(&self, thread: ThreadId) -> Option<u64> {
        let seats = lock(&self.0.seats);
        let seat = seats.iter().find(|seat| seat.id == thread)?;
        seat.polling.load().is_none().then(|| seat.polls.load())
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::future::pending;
    use std::sync::{Arc, Barrier, mpsc};

    use tokio::runtime::{Builder, Runtime};

    use super::*;

    const WORKERS: usize = 4;

    fn observed() -> (Observer, Runtime) {
        let observer = Observer::new();
        let mut builder = Builder::new_multi_thread();
        observer.attach(builder.worker_threads(WORKERS));
        (observer, builder.build().unwrap())
    }

    /// Has so many workers sleep at once for longer than the others wait for them.
    fn keep(runtime: &Runtime, workers: usize) {
        let all = Arc::new(Barrier::new(workers + 1));
        for _ in 0..workers {
            let all = Arc::clone(&all);
            runtime.spawn(async move {
                all.wait();
                thread::sleep(Duration::from_secs(1));
            });
        }
        all.wait();
    }

    /// Whether each worker can do something while the others do.
    fn all_work(runtime: &Runtime) -> bool {
        let all = Arc::new(Barrier::new(WORKERS));
        let (done, of) = mpsc::channel();
        for _ in 0..WORKERS {
            let (all, done) = (Arc::clone(&all), done.clone());
            runtime.spawn(async move {
                all.wait();
                let _ = done.send(());
            });
        }
        let mut all = (0..WORKERS).map(|_| of.recv_timeout(Duration::from_secs(10)));
        all.all(|done| done.is_ok())
    }

    #[test]
    fn workers_that_others_kept_waiting_in_a_dump_go_on() {
        for late in 1..WORKERS {
            let (observer, runtime) = observed();
            runtime.spawn(pending::<()>());
            keep(&runtime, late);
            assert!(observer.dump(runtime.handle()).is_ok());
            let at_rest = observer.settle(runtime.handle());
            let works = at_rest && all_work(&runtime);
            // To wait for one that hangs would take for ever.
            runtime.shutdown_background();
            assert!(works, "{late} came late; at rest: {at_rest}");
        }
    }

    #[test]
    fn what_main_left_behind_on_one_thread_is_not_waited_for() {
        for (mut builder, driven) in [
            (Builder::new_current_thread(), false),
            (Builder::new_multi_thread(), true),
        ] {
            let observer = Observer::new();
            observer.attach(builder.worker_threads(1));
            let runtime = builder.build().unwrap();
            let main = async { drop(tokio::spawn(pending::<()>())) };
            let main = observer.start_main(runtime.handle(), "main", main);
            runtime.block_on(main.unwrap()).unwrap();
            assert_eq!(is_driven_to_the_end(runtime.handle()), driven);
            let at_rest = observer.look_back(runtime.handle(), || {}).at_rest;
            // It can't be told there which tasks were about to end.
            assert!(driven || !at_rest);
        }
    }

    #[test]
    fn workers_that_a_dump_left_behind_after_it_was_given_up_go_on() {
        const TRIES: usize = 10;
        for _ in 0..TRIES {
            let (observer, runtime) = observed();
            keep(&runtime, 1);
            let at_most = Duration::from_millis(300);
            let gave_up = observer.dump_once(runtime.handle(), at_most).is_err();
            let at_rest = (0..3).any(|_| observer.settle(runtime.handle()));
            // On a busy machine the others may be as late as that one, and then nobody waits.
            if !gave_up || at_rest {
                runtime.shutdown_background();
                continue;
            }
            let free = observer.free_workers(runtime.handle());
            let works = free && all_work(&runtime);
            runtime.shutdown_background();
            assert!(works, "freed: {free}");
            return;
        }
        panic!("the one that came late never waited for the others");
    }
}
