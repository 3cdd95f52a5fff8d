//! What the records of each lock come to, played on a small runtime.

mod moving;

use std::future::{Future, pending, poll_fn};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::runtime::Builder;
use tokio::sync::{Mutex, OwnedMutexGuard, RwLock, RwLockWriteGuard, Semaphore, mpsc, oneshot};
use tokio::task::{JoinHandle, spawn, yield_now};
use tokio::time::{Instant, sleep, timeout};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::Registry;

use super::{RESOURCES, WAKERS, resource_layer, seen, timers, unwakeable};
use crate::observe::{ResourceSeen, TaskId, unrecorded};
use crate::sync::lock as lock_std;

const LONG: Duration = Duration::from_hours(1);

/// Plays `program` with its records, on one thread.
fn play(program: impl Future<Output = ()>) {
    // As long as `tracing` knows of one subscriber only, it takes any thread's for that one.
    drop(unrecorded());
    let records = Registry::default().with(resource_layer());
    tracing::subscriber::with_default(records, || {
        let runtime = Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(program);
    });
}

/// Lets every task come to rest.
async fn rest() {
    for _ in 0..20 {
        yield_now().await;
    }
}

/// What is known of the resource that one of these tasks has to do with. Tests run side by side.
fn of(tasks: &[TaskId]) -> Option<ResourceSeen> {
    seen()
        .into_iter()
        .find(|it| it.tasks().any(|task| tasks.contains(&task)))
}

fn id<T>(task: &JoinHandle<T>) -> TaskId {
    task.id().into()
}

/// Task, permits, and whether that is certain.
fn holders(seen: &ResourceSeen) -> Vec<(TaskId, usize, bool)> {
    let holders = seen.holders.iter();
    holders
        .map(|it| (it.task.unwrap(), it.permits, it.certain))
        .collect()
}

/// Task, permits got and wanted, and whether it waits for nothing else.
fn waiters(seen: &ResourceSeen) -> Vec<(TaskId, usize, usize, bool)> {
    let waiters = seen.waiters.iter();
    waiters
        .map(|it| (it.task.unwrap(), it.got, it.wants, it.only))
        .collect()
}

#[test]
fn a_mutex_has_a_holder_and_a_queue_until_it_is_free() {
    play(async {
        let lock = Arc::new(Mutex::new(()));
        let line = line!() - 1;
        let (let_go, told) = oneshot::channel::<()>();
        let (a, b, c) = (lock.clone(), lock.clone(), lock.clone());
        let holder = spawn(async move {
            let _held = a.lock().await;
            let _ = told.await;
        });
        rest().await;
        let waiter = spawn(async move { drop(b.lock().await) });
        let hasty = spawn(async move { drop(timeout(LONG, c.lock()).await) });
        rest().await;
        let seen = of(&[id(&holder)]).unwrap();
        assert_eq!(seen.made_at.as_ref().unwrap().line(), line);
        assert_eq!((seen.permits, seen.missing), (1, 0));
        assert_eq!(holders(&seen), [(id(&holder), 1, true)]);
        let expected = [(id(&waiter), 0, 1, true), (id(&hasty), 0, 1, false)];
        assert_eq!(waiters(&seen), expected);
        let_go.send(()).unwrap();
        let tasks = [id(&holder), id(&waiter), id(&hasty)];
        rest().await;
        assert!(of(&tasks).is_none());
        assert!(hasty.is_finished());
    });
}

#[test]
fn a_task_that_sleeps_and_has_no_waker_left_can_not_be_woken() {
    play(async {
        let early = spawn(pending::<()>());
        spawn(yield_now()).await.unwrap();
        let never = spawn(pending::<()>());
        let mut wakers = Vec::new();
        let kept = spawn(poll_fn(move |cx| {
            wakers.push(cx.waker().clone());
            Poll::<()>::Pending
        }));
        let (drop_it, told) = oneshot::channel::<()>();
        let told = spawn(async move {
            let _ = told.await;
            pending::<()>().await;
        });
        let unpolled = spawn(async {});
        let among = |task: &JoinHandle<()>| unwakeable().contains(&id(task));
        assert!(!among(&never) && !among(&unpolled));
        rest().await;
        assert!(among(&never) && !among(&kept) && !among(&told));
        // When it was polled, no waker had been heard of yet, and nobody could be sure that one would be.
        assert!(!among(&early));
        drop(drop_it);
        // It has been woken, and not been polled yet.
        assert!(!among(&told));
        rest().await;
        assert!(among(&told) && !among(&unpolled));
        for task in [early, never, kept, told] {
            task.abort();
            let _ = task.await;
        }
    });
}

#[test]
fn a_task_that_is_polled_where_nobody_listens_may_have_wakers() {
    drop(unrecorded());
    let records = Registry::default().with(resource_layer());
    let runtime = Builder::new_multi_thread().worker_threads(1).build();
    let runtime = runtime.unwrap();
    // For this thread alone, on which a waker is heard of.
    let task = tracing::subscriber::with_default(records, || {
        let here = Builder::new_current_thread().build().unwrap();
        here.block_on(async { spawn(yield_now()).await.unwrap() });
        runtime.spawn(pending::<()>())
    });
    let polls = || {
        let all = WAKERS.alive();
        let mut all = all.iter();
        let of_it = all.find(|wakers| wakers.task == id(&task)).unwrap();
        of_it.asleep().unwrap_or_default()
    };
    while polls() == 0 {
        std::thread::yield_now();
    }
    assert!(!unwakeable().contains(&id(&task)));
}

#[test]
fn a_guard_that_owns_may_be_anywhere_and_is_taken_off_when_anybody_drops_it() {
    play(async {
        let lock = Arc::new(Mutex::new(()));
        let (give, mut take) = mpsc::unbounded_channel::<OwnedMutexGuard<()>>();
        let other = lock.clone();
        let first = spawn(async move {
            let held = other.lock_owned().await;
            give.send(held).unwrap();
            pending::<()>().await;
        });
        rest().await;
        let seen = of(&[id(&first)]).unwrap();
        assert_eq!(holders(&seen), [(id(&first), 1, false)]);
        drop(take.recv().await);
        assert!(of(&[id(&first)]).is_none());
        first.abort();
    });
}

#[test]
fn a_lock_that_was_tried_for_has_a_holder_that_is_not_certain() {
    play(async {
        let lock = Arc::new(Mutex::new(()));
        let other = lock.clone();
        let task = spawn(async move {
            drop(other.try_lock().unwrap());
            let _held = other.try_lock().unwrap();
            pending::<()>().await;
        });
        rest().await;
        assert_eq!(holders(&of(&[id(&task)]).unwrap()), [(id(&task), 1, false)]);
        task.abort();
        rest().await;
        assert!(of(&[id(&task)]).is_none());
        drop(lock);
    });
}

#[test]
fn readers_and_writers_of_a_lock_are_told_apart_and_a_writer_can_become_a_reader() {
    play(async {
        let lock = Arc::new(RwLock::new(()));
        let (a, b, c) = (lock.clone(), lock.clone(), lock.clone());
        let reader = spawn(async move {
            let _held = RwLockWriteGuard::downgrade(a.write().await);
            pending::<()>().await;
        });
        rest().await;
        let writer = spawn(async move {
            // A writer that gave up leaves nothing behind.
            let _ = timeout(Duration::from_millis(1), b.write()).await;
            let _held = b.write().await;
        });
        sleep(Duration::from_millis(20)).await;
        rest().await;
        let late = spawn(async move { drop(c.read().await) });
        rest().await;
        let seen = of(&[id(&reader)]).unwrap();
        let all = seen.permits;
        assert_eq!(holders(&seen), [(id(&reader), 1, true)]);
        let expected = [(id(&writer), all - 1, all, true), (id(&late), 0, 1, true)];
        assert_eq!((waiters(&seen), seen.missing), (expected.to_vec(), 0));
        reader.abort();
        late.await.unwrap();
        assert!(of(&[id(&writer)]).is_none());
    });
}

#[test]
fn permits_that_left_no_record_are_missing() {
    play(async {
        let permits = Arc::new(Semaphore::new(6));
        let (a, b, c) = (permits.clone(), permits.clone(), permits.clone());
        let holder = spawn(async move {
            let _held = a.acquire_many(2).await.unwrap();
            let _tried = a.try_acquire().unwrap();
            pending::<()>().await;
        });
        let forgetful = spawn(async move { b.acquire_owned().await.unwrap().forget() });
        rest().await;
        let waiter = spawn(async move { drop(c.acquire_many(3).await) });
        rest().await;
        let seen = of(&[id(&holder)]).unwrap();
        let expected = [(id(&holder), 2, true), (id(&forgetful), 1, false)];
        assert_eq!(holders(&seen), expected);
        assert_eq!(waiters(&seen), [(id(&waiter), 2, 3, true)]);
        assert_eq!(seen.missing, 1);
        holder.abort();
        rest().await;
        // The permit that nobody recorded came back, and may as well be the forgotten one.
        assert_eq!(of(&[id(&forgetful)]).map(|seen| seen.missing), None);
    });
}

#[test]
fn whoever_gives_back_the_last_permit_the_accounts_are_clear_again() {
    play(async {
        let permits = Arc::new(Semaphore::new(2));
        let taking = |permits: Arc<Semaphore>| async move {
            permits.acquire().await.unwrap().forget();
            permits
        };
        let permits = spawn(taking(permits)).await.unwrap();
        let giving = Arc::clone(&permits);
        spawn(async move { giving.add_permits(1) }).await.unwrap();
        let each = [1, 2].map(|_| {
            let permits = Arc::clone(&permits);
            spawn(async move {
                let _first = permits.acquire().await;
                yield_now().await;
                let _second = permits.acquire().await;
            })
        });
        rest().await;
        let [first, second] = each.each_ref().map(id);
        let seen = of(&[first]).unwrap();
        assert_eq!(seen.missing, 0);
        assert_eq!(holders(&seen), [(first, 1, true), (second, 1, true)]);
    });
}

#[test]
fn a_lock_may_be_granted_to_a_request_that_nobody_polls() {
    play(async {
        let lock = Arc::new(Mutex::new(()));
        let (let_go, told) = oneshot::channel::<()>();
        let (a, b) = (lock.clone(), lock.clone());
        let holder = spawn(async move {
            let _held = a.lock().await;
            let _ = told.await;
        });
        rest().await;
        let task = spawn(async move {
            let first = b.lock();
            tokio::pin!(first);
            tokio::select! {
                biased;
                _ = &mut first => {}
                () = yield_now() => drop(b.lock().await),
            }
        });
        rest().await;
        let_go.send(()).unwrap();
        rest().await;
        let seen = of(&[id(&task)]).unwrap();
        assert_eq!(holders(&seen), []);
        let expected = [(id(&task), 1, 1, true), (id(&task), 0, 1, true)];
        assert_eq!(waiters(&seen), expected);
        assert!(seen.waiters[0].is_granted());
        // Dropped, it goes on to the next.
        task.abort();
        rest().await;
        assert!(of(&[id(&task), id(&holder)]).is_none());
    });
}

#[test]
fn a_request_among_others_is_not_all_that_a_task_waits_for() {
    play(async {
        let lock = Arc::new(Mutex::new(()));
        let held = lock.clone().lock_owned().await;
        let (a, b) = (lock.clone(), lock.clone());
        let of_many = spawn(async move {
            let mut all: FuturesUnordered<_> = [a.lock()].into_iter().collect();
            all.next().await;
        });
        let moved = spawn(async move {
            let mut request = Box::pin(b.lock());
            tokio::select! {
                biased;
                _ = &mut request => {}
                () = yield_now() => {}
            }
            let mut all: FuturesUnordered<_> = [request].into_iter().collect();
            all.next().await;
        });
        rest().await;
        let seen = of(&[id(&of_many)]).unwrap();
        let expected = [(id(&of_many), 0, 1, false), (id(&moved), 0, 1, false)];
        assert_eq!(waiters(&seen), expected);
        drop(held);
        of_many.await.unwrap();
        moved.await.unwrap();
    });
}

#[test]
fn nothing_is_kept_of_tasks_that_gave_back_what_they_took() {
    play(async {
        let (lock, permits) = (Arc::new(RwLock::new(())), Arc::new(Semaphore::new(1)));
        let (a, b) = (lock.clone(), permits.clone());
        let task = spawn(async move {
            drop((a.read().await, b.acquire().await));
            for _ in 0..100 {
                let (a, b) = (a.clone(), b.clone());
                let one = async move { drop((a.read().await, b.acquire().await)) };
                spawn(one).await.unwrap();
            }
            let _held = (a.write().await, b.acquire().await);
            pending::<()>().await;
        });
        while lock.try_read().is_ok() || permits.available_permits() > 0 {
            rest().await;
        }
        let ledgers = RESOURCES.alive().into_iter().filter_map(|resource| {
            let ledger = lock_std(&resource.ledger);
            let holders = ledger.holders(|_| None);
            let own = holders.iter().any(|it| it.task == Some(id(&task)));
            own.then(|| ledger.size())
        });
        let sizes: Vec<usize> = ledgers.collect();
        assert_eq!(sizes.len(), 2);
        assert!(sizes.iter().all(|size| *size < 20), "{sizes:?}");
        task.abort();
    });
}

#[test]
fn a_full_channel_has_senders_that_wait() {
    play(async {
        let (send, mut receive) = mpsc::channel(1);
        let sender = spawn(async move {
            send.send(1).await.unwrap();
            send.send(2).await.unwrap();
        });
        rest().await;
        let seen = of(&[id(&sender)]).unwrap();
        assert_eq!(waiters(&seen), [(id(&sender), 0, 1, true)]);
        assert_eq!(seen.to_string(), "a bounded channel");
        receive.recv().await.unwrap();
        receive.recv().await.unwrap();
    });
}

#[test]
fn a_timer_is_due_from_when_it_is_set_until_it_goes_off_or_is_dropped() {
    let due_in = |task: &JoinHandle<()>| {
        let timers = timers(Duration::ZERO).into_iter();
        let own = timers.filter(|timer| timer.task == id(task));
        own.map(|timer| timer.due).collect::<Vec<_>>()
    };
    let is_about = |due: Duration, expected: Duration| due.abs_diff(expected) < LONG / 60;
    play(async move {
        let (again, told) = oneshot::channel::<()>();
        let task = spawn(async move {
            let _unused = sleep(LONG * 3);
            let again_and_again = sleep(LONG);
            tokio::pin!(again_and_again);
            tokio::select! {
                () = sleep(LONG * 5) => {}
                () = &mut again_and_again => {}
                _ = told => {}
            }
            again_and_again.as_mut().reset(Instant::now() + LONG * 7);
            again_and_again.await;
        });
        rest().await;
        let due = due_in(&task);
        assert_eq!(due.len(), 2);
        assert!(is_about(due[0], LONG), "{due:?}");
        assert!(is_about(due[1], LONG * 5), "{due:?}");
        again.send(()).unwrap();
        rest().await;
        let due = due_in(&task);
        assert_eq!(due.len(), 1);
        assert!(is_about(due[0], LONG * 7), "{due:?}");
        task.abort();
        rest().await;
        assert_eq!(due_in(&task), []);
    });
}
