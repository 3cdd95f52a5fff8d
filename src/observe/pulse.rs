//! Whether anything moves in a runtime, but for what a dump of its tasks moves there.
//!
//! A dump has each task polled once more. How many were taken has to be counted, as Tokio's workers may take
//! one more than they are asked to.

use std::future;
use std::pin::pin;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::Observer;
use super::hooks::with_seat;
use crate::sync::lock;

/// Counts that grow whenever anything happens in a runtime. Two equal pulses: nothing did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulse {
    polls: u64,
    spawned: usize,
    ended: usize,
    /// Those that were taken. Read last, so that no poll that one sets off is counted without it.
    dumps: u64,
}

impl Pulse {
    /// What a worker has to do between two polls, at most: a second dump, which polls each task without telling.
    fn longer_than_a_dump(&self) -> Duration {
        const AT_LEAST: Duration = Duration::from_millis(50);
        const EACH: Duration = Duration::from_micros(20);
        let alive = u32::try_from(self.spawned - self.ended).unwrap_or(u32::MAX);
        AT_LEAST + EACH * alive
    }

    /// Whether no more happened since `earlier` than one poll of each living task for each dump.
    fn is_echo_of(&self, earlier: &Pulse) -> bool {
        let alive = (earlier.spawned - earlier.ended) as u64;
        let dumps = self.dumps - earlier.dumps;
        self.spawned == earlier.spawned
            && self.ended == earlier.ended
            && self.polls <= earlier.polls + alive * dumps
    }
}

impl Observer {
    /// What has happened so far, as counts.
    pub fn pulse(&self) -> Pulse {
        let polls = lock(&self.0.seats)
            .iter()
            .map(|seat| seat.polls.load())
            .sum();
        let tasks = lock(&self.0.tasks);
        Pulse {
            polls,
            spawned: tasks.spawned(),
            ended: tasks.ended(),
            dumps: self.0.dumps_taken.load(),
        }
    }

    /// The counts once the polls that a task dump sets off are over: one of each living task. None if
    /// more than that has happened since `before`, or still goes on.
    pub fn echo(&self, runtime: &Handle, before: &Pulse) -> Option<Pulse> {
        const STILL: Duration = Duration::from_secs(1);
        let mut pulse = self.pulse();
        if pulse.dumps == before.dumps {
            return (pulse == *before).then_some(pulse);
        }
        // Tokio's worker may spin for ever after it has dumped more tasks than its queue holds. No poll goes
        // on then, and none comes any more: what was seen before still holds.
        let spins = |(moved, worked): (Instant, Duration)| {
            let for_nothing = self.worked(runtime).saturating_sub(worked);
            let is_long = moved.elapsed() >= STILL || for_nothing >= before.longer_than_a_dump();
            is_long && self.polling().is_empty()
        };
        let now = || (Instant::now(), self.worked(runtime));
        let mut moved = now();
        // Each poll is short, but there may be a million of them.
        while !self.is_idle(runtime)
            && pulse.is_echo_of(before)
            && moved.0.elapsed() < STILL
            && !spins(moved)
        {
            thread::sleep(Duration::from_millis(1));
            let next = self.pulse();
            if next != pulse {
                (pulse, moved) = (next, now());
            }
        }
        let pulse = self.pulse();
        let at_rest = self.is_idle(runtime) || spins(moved);
        (at_rest && pulse.is_echo_of(before)).then_some(pulse)
    }

    /// `main`, so that the dumps that are taken are counted by it: each polls every task, and no hook hears
    /// of that. Before anything else it makes a waker, so that it is known early on whether wakers are recorded.
    pub(super) async fn count_dumps<F: Future>(self, main: F) -> F::Output {
        let mut main = pin!(main);
        future::poll_fn(|cx| {
            drop(cx.waker().clone());
            Poll::Ready(())
        })
        .await;
        future::poll_fn(|cx| {
            with_seat(|seat| {
                if seat.polling.load().is_none() {
                    self.0.dumps_taken.fetch_add(1);
                }
            });
            main.as_mut().poll(cx)
        })
        .await
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::sync::Arc;

    use tokio::runtime::{Builder, Runtime};
    use tokio::sync::Notify;

    use super::*;

    /// A runtime with several workers, whose main and other tasks are parked.
    fn at_rest(notify: &Arc<Notify>) -> (Observer, Runtime) {
        let observer = Observer::new();
        let mut builder = Builder::new_multi_thread();
        observer.attach(builder.worker_threads(4));
        let runtime = builder.build().unwrap();
        let parked = || {
            let notify = Arc::clone(notify);
            async move {
                loop {
                    notify.notified().await;
                }
            }
        };
        let main = observer.start_main::<()>(runtime.handle(), "main", parked());
        main.unwrap();
        for _ in 0..10 {
            runtime.spawn::<_>(parked());
        }
        observer.settle(runtime.handle());
        (observer, runtime)
    }

    /// With several workers, they now and then take one more than they are asked to. And which tasks are
    /// dumped first depends on their numbers.
    #[test]
    fn what_a_dump_has_moved_is_told_from_what_moves_by_itself() {
        const TRIES: usize = 20;
        let notify = Arc::new(Notify::new());
        for _ in 0..4 {
            let (observer, runtime) = at_rest(&notify);
            for again in 0..8 {
                // On a busy machine a dump can come late, and then counts as a move.
                let is_told = (0..TRIES).any(|_| {
                    observer.settle(runtime.handle());
                    let before = observer.pulse();
                    let _ = observer.dump(runtime.handle());
                    observer.echo(runtime.handle(), &before).is_some()
                });
                assert!(is_told, "dump {again}");
            }
            let before = observer.pulse();
            let _ = observer.dump(runtime.handle());
            for _ in 0..10 {
                notify.notify_waiters();
                observer.settle(runtime.handle());
            }
            assert_eq!(observer.echo(runtime.handle(), &before), None);
            runtime.shutdown_background();
        }
    }
}
