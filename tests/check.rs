//! Tests under a check: what would hang for ever fails at once, and says why.

// The memory of the process is read.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::future::Future;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Notify, mpsc, oneshot};
use tokio::task;
use tokio::time::sleep;
use unstuck::{BoxError, Check, Event, TaskGroup, check, observe};

/// The message with which `test` fails.
fn failure(body: impl FnOnce() + Send + 'static) -> String {
    let payload = catch_unwind(std::panic::AssertUnwindSafe(body)).expect_err("it fails");
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => (*payload.downcast::<&str>().expect("a text")).to_owned(),
    }
}

#[test]
fn a_test_that_ends_gives_what_its_future_gives() {
    assert_eq!(
        check(async { task::spawn(async { 42 }).await.unwrap() }),
        42
    );
}

#[test]
fn a_failed_assertion_fails_as_it_always_does() {
    let message = failure(|| check(async { panic!("two is not three") }));
    assert_eq!(message, "two is not three");
}

#[test]
fn a_hang_fails_and_says_where() {
    let message = failure(|| {
        check(async {
            let notify = Notify::new();
            notify.notified().await;
        });
    });
    assert!(message.starts_with("the test hangs\n\nstuck"), "{message}");
    assert!(message.contains("at tests/check.rs:"), "{message}");
}

#[test]
fn a_full_report_has_all_tasks() {
    let hangs = || async { Notify::new().notified().await };
    let brief = failure(move || check(hangs()));
    assert!(!brief.contains("process "), "{brief}");
    let full = failure(move || Check::new().full().run(hangs()));
    assert!(full.contains("process "), "{full}");
    assert!(full.contains("waits for a notification"), "{full}");
}

#[test]
// How a task ended is told by hooks.
#[cfg(tokio_unstable)]
fn a_hang_after_swallowed_errors_names_them() {
    let message = failure(|| {
        check(async {
            let mut done = Event::new("done");
            let setter = done.clone();
            drop(task::spawn(async move {
                "seven".parse::<u8>().expect("a number");
                setter.set();
            }));
            done.wait().await;
        });
    });
    assert!(message.contains("[orphaned-event, "), "{message}");
    assert!(message.contains("[swallowed-error, likely]"), "{message}");
    assert!(message.contains("a number"), "{message}");
}

#[test]
fn a_hung_group_names_the_children_that_it_waits_for() {
    let message = failure(|| {
        check(async {
            let group = TaskGroup::new("pool").scope(async |group| {
                let mut done = Event::new("done");
                group.spawn("idle", async move {
                    done.wait().await;
                    Ok::<_, BoxError>(())
                })?;
                Ok(())
            });
            group.await.unwrap();
        });
    });
    assert!(message.contains("orphaned-event"), "{message}");
    // A name is told by hooks.
    let named = message.contains("pool/idle");
    assert_eq!(named, cfg!(tokio_unstable), "{message}");
}

#[test]
fn slow_is_not_stuck() {
    check(async {
        let (send, mut receive) = mpsc::channel(1);
        let lock = Arc::new(Mutex::new(()));
        let held = Arc::clone(&lock);
        task::spawn(async move {
            let _held = held.lock_owned().await;
            sleep(Duration::from_millis(300)).await;
            send.send(1).await
        });
        task::yield_now().await;
        drop(lock.lock().await);
        assert_eq!(receive.recv().await, Some(1));
    });
}

#[test]
fn a_thread_of_the_tests_own_is_waited_for() {
    check(async {
        let (send, receive) = oneshot::channel();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(400));
            send.send(1)
        });
        assert_eq!(receive.await, Ok(1));
    });
}

#[test]
fn a_timer_among_very_many_is_waited_for() {
    check(async {
        let mut never = Event::new("never");
        let mut timers: FuturesUnordered<_> = [300, 600]
            .map(Duration::from_millis)
            .map(sleep)
            .into_iter()
            .collect();
        tokio::select! {
            () = never.wait() => unreachable!("nobody could set it"),
            () = async { while timers.next().await.is_some() {} } => {}
        }
    });
}

#[test]
fn tests_that_share_a_lock_wait_for_one_another() {
    static SHARED: Mutex<()> = Mutex::const_new(());
    let taking_turns = || {
        check(async {
            let _turn = SHARED.lock().await;
            sleep(Duration::from_millis(400)).await;
        });
    };
    side_by_side(taking_turns);
}

/// Plays the same on three threads at once.
fn side_by_side<T: Send + 'static>(test: impl Fn() -> T + Copy + Send + 'static) -> [T; 3] {
    // All that this thread does is wait for them.
    observe::mark_own_thread();
    let threads = [0; 3].map(|_| std::thread::spawn(test));
    threads.map(|thread| thread.join().unwrap())
}

#[test]
fn of_tests_that_hang_side_by_side_each_one_fails() {
    let hangs = || failure(|| check(async { Notify::new().notified().await }));
    for message in side_by_side(hangs) {
        assert!(message.starts_with("the test hangs\n\nstuck"), "{message}");
    }
}

#[test]
fn work_on_a_blocking_thread_is_waited_for() {
    check(async {
        let slept = task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(400)));
        slept.await.unwrap();
    });
}

/// What a check says that gives up soon.
fn given_up(body: impl Future<Output = ()> + Send + 'static) -> String {
    let limit = Duration::from_secs(1);
    let message = failure(move || Check::new().full().give_up_after(limit).run(body));
    assert!(
        message.starts_with("the test has not ended after 1s\n\n"),
        "{message}"
    );
    message
}

#[test]
fn a_check_gives_up_on_a_test_that_waits_for_something_outside() {
    let message = given_up(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.accept().await.unwrap();
    });
    assert!(message.contains("outside"), "{message}");
    assert!(message.contains("TcpListener::accept"), "{message}");
}

/// What a check says of a test that waits for a client, which never comes.
fn waits_too_long() -> String {
    let limit = Duration::from_secs(1);
    let message = failure(move || {
        Check::new().wait_at_most(limit).run(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            listener.accept().await.unwrap();
        });
    });
    let start = "the test has waited for 1s, and nothing in it has moved\n\nwaiting: ";
    assert!(message.starts_with(start), "{message}");
    message
}

#[test]
fn a_test_that_waits_for_something_outside_may_not_wait_for_ever() {
    let message = waits_too_long();
    assert!(message.contains(" for I/O"), "{message}");
}

#[test]
fn what_is_said_of_a_test_that_waits_is_the_same_beside_one_that_runs() {
    let is_over = Arc::new(AtomicBool::new(false));
    let is_told = Arc::clone(&is_over);
    let runs = async move {
        while !is_told.load(Ordering::Relaxed) {
            task::yield_now().await;
        }
    };
    let other = thread::spawn(move || check(runs));
    let message = waits_too_long();
    is_over.store(true, Ordering::Relaxed);
    other.join().unwrap();
    assert!(message.contains(" for I/O"), "{message}");
}

#[test]
fn a_test_that_moves_now_and_then_may_take_longer_than_it_may_wait() {
    let limit = Duration::from_secs(2);
    Check::new().wait_at_most(limit).run(async {
        for _ in 0..6 {
            sleep(Duration::from_millis(500)).await;
        }
    });
}

#[test]
fn a_check_gives_up_on_a_poll_that_does_not_come_back() {
    let (release, released) = std::sync::mpsc::channel::<()>();
    let message = given_up(async move {
        for _ in 0..3 {
            task::spawn(async {});
        }
        let _ = released.recv();
    });
    drop(release);
    // Whether the thread is named depends on what moves in the tests beside this one.
    assert!(message.contains(" in a run queue"), "{message}");
    let is_polled = "running; this is where it was before";
    assert!(message.contains(is_polled), "{message}");
}

#[test]
fn a_check_gives_up_on_work_without_an_end() {
    given_up(async {
        loop {
            task::yield_now().await;
        }
    });
}

/// Waits in vain, while another task goes on.
async fn hang_beside_a_ticker() {
    let mut done = Event::new("done");
    task::spawn(async {
        loop {
            sleep(Duration::from_millis(1)).await;
        }
    });
    done.wait().await;
}

#[test]
fn a_test_hangs_though_a_part_of_it_goes_on() {
    let message = failure(|| check(hang_beside_a_ticker()));
    assert!(message.starts_with("the test hangs\n\n"), "{message}");
    assert!(message.contains("orphaned-event"), "{message}");
}

#[test]
fn a_test_that_ends_in_time_is_not_given_up() {
    let minute = Duration::from_mins(1);
    let ended = Check::new().give_up_after(minute).run(async {
        sleep(Duration::from_millis(300)).await;
        42
    });
    assert_eq!(ended, 42);
    Check::new().give_up_after(Duration::MAX).run(async {});
}

#[test]
// How a task ended, and that it has not, is told by hooks.
#[cfg(tokio_unstable)]
fn a_strict_check_fails_on_an_error_that_nobody_saw() {
    let swallows = || async {
        let failing = task::spawn(async { panic!("boom") });
        // Its end is awaited, its panic is not looked at.
        let _: Result<(), _> = failing.await;
    };
    check(swallows());
    let message = failure(move || Check::new().strict().run(swallows()));
    assert!(message.contains("swallowed-error"), "{message}");
    assert!(message.contains("boom"), "{message}");
}

#[test]
// How a task ended, and that it has not, is told by hooks.
#[cfg(tokio_unstable)]
fn a_strict_check_fails_on_tasks_that_outlive_the_test() {
    let leaves = || async { drop(task::spawn(sleep(Duration::from_hours(1)))) };
    check(leaves());
    let message = failure(move || Check::new().strict().run(leaves()));
    assert!(message.contains("[outlived, proven]"), "{message}");
    assert!(message.contains("waits for a timer"), "{message}");
    assert!(message.contains("spawned at tests/check.rs:"), "{message}");
}

#[test]
fn a_strict_check_is_content_with_an_error_that_is_returned() {
    let ended = Check::new().strict().run(async {
        let group = TaskGroup::new("g").scope(async |group| {
            group.spawn("fails", async { Err::<(), BoxError>("boom".into()) })?;
            Ok(())
        });
        Ok::<(), BoxError>(group.await?)
    });
    assert!(ended.is_err());
}

#[test]
fn a_check_within_a_runtime_is_refused_with_a_reason() {
    let message = failure(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async { check(async {}) });
    });
    assert!(message.contains("can't run in another"), "{message}");
}

#[test]
fn guards_stand_one_after_another_and_side_by_side() {
    let three = || {
        for n in 0..3 {
            assert_eq!(unstuck::run(async move { n }).unwrap(), n);
        }
    };
    side_by_side(three);
}
