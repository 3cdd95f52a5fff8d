//! Looks at runtimes in states in which nothing may poll their tasks.

use std::future::{pending, poll_fn};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::Poll;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;
use tokio::task;

use super::*;
use crate::observe::{TaskSeen, TaskState};
use crate::sync::lock;

const WATCH: Watch = Watch {
    quiet: Duration::from_millis(50),
    patience: Duration::from_hours(1),
    is_apart: true,
    is_sparing: false,
};

/// A program that is left alone when the test is over.
struct Observed {
    observer: Observer,
    runtime: Option<Runtime>,
    main: TaskId,
}

impl Observed {
    fn on(mut builder: Builder, main: impl Future<Output = ()> + Send + 'static) -> Self {
        let observer = Observer::new();
        observer.attach(&mut builder);
        let runtime = builder.enable_all().build().unwrap();
        let main = observer.start_main(runtime.handle(), "main", main).unwrap();
        Self {
            observer,
            runtime: Some(runtime),
            main: main.id().into(),
        }
    }

    fn workers(workers: usize, main: impl Future<Output = ()> + Send + 'static) -> Self {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(workers);
        Self::on(builder, main)
    }

    fn looks(&self, times: usize) -> (Snapshot, Judgement) {
        observe::prepare();
        observe::wait_until_prepared(Duration::from_mins(1));
        let runtime = self.runtime.as_ref().unwrap().handle();
        let mut watching = Watching::new(WATCH, &self.observer, runtime, self.main);
        let mut looks = (0..times).map(|_| watching.look());
        let first = looks.next().unwrap();
        looks.last().unwrap_or(first)
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// How many tasks were seen to wait somewhere.
fn parked(seen: &Snapshot) -> usize {
    let tasks = seen.tasks.iter();
    let is_parked =
        |task: &&TaskSeen| matches!(&task.state, TaskState::Parked(leaves) if !leaves.is_empty());
    tasks.filter(is_parked).count()
}

#[test]
fn a_task_without_a_waker_is_not_polled_by_any_number_of_looks() {
    let polls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&polls);
    let program = Observed::workers(2, async move {
        let lost = poll_fn(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            Poll::<()>::Pending
        });
        lost.await;
    });
    let _ = program.looks(1);
    let before = polls.load(Ordering::Relaxed);
    let _ = program.looks(100);
    assert_eq!((before, polls.load(Ordering::Relaxed)), (1, 1));
}

#[test]
fn a_runtime_of_one_thread_is_read_like_any_other() {
    let program = Observed::on(Builder::new_current_thread(), async {
        let never = Arc::new(Notify::new());
        let child = task::spawn(async move { never.notified().await });
        child.await.unwrap();
    });
    let (seen, _) = thread::scope(|scope| {
        let runtime = program.runtime.as_ref().unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        scope.spawn(|| runtime.block_on(stopped));
        let looked = program.looks(2);
        drop(stop);
        looked
    });
    assert_eq!(parked(&seen), 2, "{seen:?}");
}

#[test]
fn a_task_that_looks_at_its_own_runtime_is_seen_to_run() {
    let observer = Observer::new();
    let mut builder = Builder::new_current_thread();
    observer.attach(&mut builder);
    let runtime = builder.build().unwrap();
    observe::prepare();
    observe::wait_until_prepared(Duration::from_mins(1));
    let (looks, handle) = (observer.clone(), runtime.handle().clone());
    let main = async move {
        task::spawn(async { Notify::new().notified().await });
        task::yield_now().await;
        let before = looks.before();
        looks.look(&handle, &before)
    };
    let main = observer.start_main(runtime.handle(), "main", main).unwrap();
    observer.adopt_thread();
    let seen = runtime.block_on(main).unwrap();
    assert!(seen.is_blocked(), "{seen:?}");
    assert_eq!(parked(&seen), 1, "{seen:?}");
}

#[test]
fn where_all_workers_are_blocked_the_other_tasks_are_read() {
    const WORKERS: usize = 2;
    const QUEUED: usize = 300;
    let (release, released) = mpsc::channel::<()>();
    let released = Arc::new(std::sync::Mutex::new(released));
    let (begun, begins) = mpsc::channel();
    let program = Observed::workers(WORKERS, async move {
        let _waits = task::spawn(async { Notify::new().notified().await });
        task::yield_now().await;
        for _ in 0..WORKERS {
            let (begun, released) = (begun.clone(), Arc::clone(&released));
            task::spawn(async move {
                for _ in 0..QUEUED {
                    task::spawn(async {});
                }
                begun.send(()).unwrap();
                let _ = lock(&released).recv();
            });
        }
        pending::<()>().await;
    });
    begins.iter().take(WORKERS).for_each(drop);
    let (seen, judgement) = program.looks(1);
    drop(release);
    assert_eq!(judgement.verdict, Verdict::Blocked);
    assert!(seen.is_blocked());
    assert!(parked(&seen) >= 1, "{seen:?}");
}

#[test]
fn a_program_at_full_speed_is_seen_to_run() {
    let program = Observed::workers(2, async {
        for _ in 0..10 {
            task::spawn(async {
                loop {
                    task::spawn(async {}).await.unwrap();
                }
            });
        }
        // Wakes itself in each poll.
        poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        })
        .await;
    });
    let begun = Instant::now();
    let verdicts: Vec<Verdict> = (0..10).map(|_| program.looks(1).1.verdict).collect();
    // On a busy machine a poll may be kept waiting for the processor, as if it were blocked.
    assert!(verdicts.contains(&Verdict::Running), "{verdicts:?}");
    assert!(!verdicts.contains(&Verdict::Stuck), "{verdicts:?}");
    assert!(begun.elapsed() < Duration::from_mins(1));
}
