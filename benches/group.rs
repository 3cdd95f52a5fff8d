//! A task group beside other ways to wait for many tasks, in one run: spawn and join so many children.
//!
//! `join_all` and `FuturesUnordered` over handles can grow with the square of their number, where many
//! handles are ready at once, so they are stopped at 30,000.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::task::{self, JoinSet};
use tokio_util::task::TaskTracker;
use unstuck::{OnFailure, TaskGroup};

type Ended = Result<(), std::fmt::Error>;

/// Ends when it is first polled, so that what is measured is the spawning and the joining.
#[expect(clippy::unused_async, reason = "that is the least that a task can do")]
async fn child(fails: bool) -> Ended {
    if fails { Err(std::fmt::Error) } else { Ok(()) }
}

/// Each waits for all children, and keeps the errors until the last one has ended.
async fn with_task_group(children: usize, fails: bool) -> usize {
    let group = TaskGroup::new("g").on_failure(OnFailure::WaitForAll);
    let ended = group.scope(async |group| {
        for _ in 0..children {
            group.spawn("child", child(fails))?;
        }
        Ok(())
    });
    ended
        .await
        .map_or_else(|errors| errors.error_count(), |()| 0)
}

async fn with_join_set(children: usize, fails: bool) -> usize {
    let mut set = JoinSet::new();
    for _ in 0..children {
        set.spawn(child(fails));
    }
    let mut errors = Vec::new();
    while let Some(ended) = set.join_next_with_id().await {
        let (id, ended) = ended.expect("no child panics");
        errors.extend(ended.err().map(|error| (id, error)));
    }
    errors.len()
}

async fn with_task_tracker(children: usize, fails: bool) -> usize {
    let tracker = TaskTracker::new();
    let (failed, mut failures) = mpsc::unbounded_channel();
    for _ in 0..children {
        let failed = failed.clone();
        tracker.spawn(async move {
            if let Err(error) = child(fails).await {
                let _ = failed.send(error);
            }
        });
    }
    drop(failed);
    tracker.close();
    tracker.wait().await;
    let mut errors = Vec::new();
    while let Some(error) = failures.recv().await {
        errors.push(error);
    }
    errors.len()
}

async fn with_join_all(children: usize, fails: bool) -> usize {
    let handles = (0..children).map(|_| task::spawn(child(fails)));
    let ended = join_all(handles).await;
    let failed = ended
        .into_iter()
        .filter_map(|ended| ended.expect("no child panics").err());
    failed.collect::<Vec<_>>().len()
}

async fn with_futures_unordered(children: usize, fails: bool) -> usize {
    let mut handles: FuturesUnordered<_> =
        (0..children).map(|_| task::spawn(child(fails))).collect();
    let mut errors = Vec::new();
    while let Some(ended) = handles.next().await {
        errors.extend(ended.expect("no child panics").err());
    }
    errors.len()
}

fn runtimes() -> [(&'static str, Runtime); 2] {
    let one = Builder::new_current_thread().enable_time().build();
    let two = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build();
    [
        ("1 thread", one.expect("a runtime")),
        ("2 threads", two.expect("a runtime")),
    ]
}

fn compare(criterion: &mut Criterion, fails: bool, numbers: &[usize]) {
    for (flavor, runtime) in runtimes() {
        for &children in numbers {
            let what = if fails { "fail" } else { "succeed" };
            let mut group =
                criterion.benchmark_group(format!("{children} children {what}, {flavor}"));
            group.throughput(Throughput::Elements(children as u64));
            if children >= 10_000 {
                group.sample_size(10);
            }
            macro_rules! bench {
                ($name:literal, $run:path, $at_most:expr) => {
                    if children <= $at_most {
                        group.bench_function(BenchmarkId::from_parameter($name), |bencher| {
                            // In one task, so that the time to wake a thread for it is not measured.
                            bencher.iter_custom(|times| {
                                let task = async move {
                                    let started = Instant::now();
                                    for _ in 0..times {
                                        black_box($run(children, fails).await);
                                    }
                                    started.elapsed()
                                };
                                runtime.block_on(runtime.spawn(task)).expect("no panic")
                            });
                        });
                    }
                };
            }
            bench!("TaskGroup", with_task_group, usize::MAX);
            bench!("JoinSet", with_join_set, usize::MAX);
            bench!("TaskTracker", with_task_tracker, usize::MAX);
            bench!("join_all", with_join_all, 30_000);
            bench!("FuturesUnordered", with_futures_unordered, 30_000);
            group.finish();
        }
    }
}

fn succeed(criterion: &mut Criterion) {
    compare(criterion, false, &[1, 1_000, 10_000, 30_000, 1_000_000]);
}

fn fail(criterion: &mut Criterion) {
    compare(criterion, true, &[1_000, 100_000]);
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = succeed, fail
}
criterion_main!(benches);
