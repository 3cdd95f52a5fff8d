//! What can be said of a program that goes on while its locks are looked at.

use std::future::poll_fn;
use std::sync::{Arc, mpsc};
use std::task::Poll;

use tokio::sync::{Mutex, oneshot};
use tokio::task::{spawn, yield_now};
use tokio::time::{sleep, timeout};
use tracing::{Instrument as _, Span};

use super::super::{RESOURCES, asleep, seen_since};
use super::{LONG, holders, id, lock_std, of, play, rest, waiters};
use crate::observe::ResourceSeen;

#[test]
fn a_future_that_took_a_lock_may_go_on_in_a_task_that_is_spawned_later() {
    play(async {
        let lock = Arc::new(Mutex::new(()));
        let other = lock.clone();
        let task = spawn(async move {
            let inner = other.clone();
            let mut slow = Box::pin(async move {
                let _held = inner.lock().await;
                sleep(LONG).await;
            });
            tokio::select! {
                biased;
                () = &mut slow => {}
                () = yield_now() => {}
            }
            spawn(slow);
            drop(other.lock().await);
        });
        rest().await;
        let seen = of(&[id(&task)]).unwrap();
        assert_eq!(holders(&seen), [(id(&task), 1, false)]);
        assert_eq!(waiters(&seen), [(id(&task), 0, 1, true)]);
    });
}

#[test]
fn a_request_may_be_met_in_a_task_that_is_spawned_later() {
    play(async {
        let lock = Arc::new(Mutex::new(()));
        let held = lock.clone().lock_owned().await;
        let task = spawn(async move {
            let other = lock.clone();
            let mut request = Box::pin(async move { drop(other.lock().await) });
            tokio::select! {
                biased;
                () = &mut request => {}
                () = yield_now() => {}
            }
            // It is polled much later.
            spawn(async move {
                sleep(LONG).await;
                request.await;
            });
            drop(lock.lock().await);
        });
        rest().await;
        drop(held);
        rest().await;
        let seen = of(&[id(&task)]).unwrap();
        let expected = [(id(&task), 1, 1, false), (id(&task), 0, 1, false)];
        assert_eq!(waiters(&seen), expected);
    });
}

#[test]
fn a_task_that_is_being_polled_when_the_look_begins_may_still_give_back_what_it_has() {
    play(async {
        let (x, y) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new(())));
        let (a, b) = (x.clone(), y.clone());
        let held = y.clone().lock_owned().await;
        let (asking, asked) = mpsc::channel();
        let task = spawn(async move {
            let held = a.lock().await;
            let mut request = std::pin::pin!(b.lock());
            tokio::select! {
                biased;
                _ = &mut request => {}
                () = yield_now() => {}
            }
            let resources = RESOURCES.alive();
            let asleep = asleep(&resources);
            asking.send((resources, asleep)).unwrap();
            drop(held);
            drop(request.await);
        });
        let id = id(&task);
        rest().await;
        let (resources, asleep) = asked.recv().unwrap();
        assert!(!asleep.contains_key(&id));
        let doubtful = seen_since(&resources, &asleep);
        let queues = |seen: &&ResourceSeen| seen.waiters.iter().any(|it| it.task == Some(id));
        let only = doubtful.iter().filter(queues).map(waiters);
        assert_eq!(only.collect::<Vec<_>>(), [[(id, 0, 1, false)]]);
        assert_eq!(waiters(&of(&[id]).unwrap()), [(id, 0, 1, true)]);
        drop((held, x, y));
    });
}

/// A task that shares the span of another one is polled, and ends, while that one is on its way to be.
#[test]
fn a_task_that_enters_the_span_of_another_one_does_not_poll_it() {
    play(async {
        let lock = Arc::new(Mutex::new(()));
        let held = lock.clone().lock_owned().await;
        let task = spawn(async move {
            spawn(async { yield_now().await }.in_current_span());
            let (a, b) = (lock.lock(), lock.lock());
            tokio::join!(async { drop(a.await) }, async { drop(b.await) });
        });
        let id = id(&task);
        rest().await;
        assert_eq!(
            waiters(&of(&[id]).unwrap()),
            [(id, 0, 1, true), (id, 0, 1, true)]
        );
        let resources = RESOURCES.alive().into_iter();
        let mut wakers = resources.flat_map(|it| lock_std(&it.ledger).wakers());
        let wakers = wakers.find(|it| it.task == id).unwrap();
        assert_eq!(wakers.asleep_with(2), Some(1));
        drop(held);
        task.await.unwrap();
    });
}

/// Span numbers wrap round after some thousands.
#[test]
fn a_waker_that_is_left_of_a_task_that_ended_is_not_taken_for_one_of_a_later_task() {
    play(async {
        let lock = Arc::new(Mutex::new(()));
        let held = lock.clone().lock_owned().await;
        let number = || Span::current().id();
        let gone = spawn(poll_fn(move |context| {
            Poll::Ready((context.waker().clone(), number()))
        }));
        let (waker, of_the_first) = gone.await.unwrap();
        let namesake = loop {
            let (lock, first) = (lock.clone(), of_the_first.clone());
            let (is_it, told) = oneshot::channel();
            let task = spawn(async move {
                let same = number() == first;
                is_it.send(same).unwrap();
                if same {
                    let _ = timeout(LONG, lock.lock()).await;
                }
            });
            if told.await.unwrap() {
                break task;
            }
            task.await.unwrap();
        };
        rest().await;
        drop(waker);
        let id = id(&namesake);
        assert_eq!(waiters(&of(&[id]).unwrap()), [(id, 0, 1, false)]);
        drop(held);
    });
}
