//! A task group beside other ways to wait for many tasks, in one run: spawn and join so many children.
//!
//! They take turns, there and back, so that each follows each of its neighbours: how much memory the one before has
//! left in the process matters. So each case has a process of its own, too. The fastest pass of each counts, as
//! whatever else the machine does only adds to it. An argument selects the cases whose titles contain it.
//!
//! `join_all` and `FuturesUnordered` over handles can grow with the square of their number, where many
//! handles are ready at once, so they are stopped at 30,000.

use std::env;
use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::task::{self, JoinSet};
use tokio_util::task::TaskTracker;
use unstuck::{OnFailure, TaskGroup};

/// How many children there are, and whether they fail.
const CASES: [(usize, bool); 7] = [
    (1, false),
    (1_000, false),
    (10_000, false),
    (30_000, false),
    (1_000_000, false),
    (1_000, true),
    (100_000, true),
];

/// How long a case takes, or longer if its passes are long.
const EACH: Duration = Duration::from_secs(5);
const LEAST_PASSES: usize = 10;
/// Groups of few children are repeated within a pass until there are as many.
const LEAST_CHILDREN: usize = 100;

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

#[derive(Clone, Copy)]
enum Threads {
    One,
    Two,
}

impl Threads {
    fn runtime(self) -> Runtime {
        let runtime = match self {
            Threads::One => Builder::new_current_thread().enable_time().build(),
            Threads::Two => Builder::new_multi_thread()
                .worker_threads(2)
                .enable_time()
                .build(),
        };
        runtime.expect("a runtime")
    }
}

/// One pass: the time that it takes to run `$run` so many times.
///
/// In one task, so that the time to wake a thread for it is not measured.
macro_rules! pass {
    ($runtime:expr, $run:path, $children:expr, $fails:expr, $times:expr) => {{
        let (children, fails, times) = ($children, $fails, $times);
        let task = async move {
            let started = Instant::now();
            for _ in 0..times {
                black_box($run(children, fails).await);
            }
            started.elapsed()
        };
        $runtime.block_on($runtime.spawn(task)).expect("no panic")
    }};
}

/// Prints the time of each, as a multiple of that of `JoinSet`.
fn compare(runtime: &Runtime, children: usize, fails: bool) {
    let times = LEAST_CHILDREN.div_ceil(children);
    let has_all = children <= 30_000;
    let mut fastest = [
        ("TaskGroup", Duration::MAX),
        ("JoinSet", Duration::MAX),
        ("TaskTracker", Duration::MAX),
        ("join_all", Duration::MAX),
        ("FuturesUnordered", Duration::MAX),
    ];
    let (started, mut passes) = (Instant::now(), 0);
    while started.elapsed() < EACH || passes < LEAST_PASSES {
        passes += 1;
        for turn in 0..fastest.len() {
            let is_back = passes % 2 == 0;
            let number = if is_back {
                fastest.len() - 1 - turn
            } else {
                turn
            };
            let pass = match number {
                0 => pass!(runtime, with_task_group, children, fails, times),
                1 => pass!(runtime, with_join_set, children, fails, times),
                2 => pass!(runtime, with_task_tracker, children, fails, times),
                3 if has_all => pass!(runtime, with_join_all, children, fails, times),
                4 if has_all => pass!(runtime, with_futures_unordered, children, fails, times),
                _ => continue,
            };
            let (_, fastest) = &mut fastest[number];
            *fastest = pass.min(*fastest);
        }
    }
    let (_, join_set) = fastest[1];
    for (name, fastest) in fastest {
        if fastest < Duration::MAX {
            let ratio = fastest.as_secs_f64() / join_set.as_secs_f64();
            let each = fastest.as_secs_f64() * 1e9 / as_f64(children * times);
            println!("  {name:16} {ratio:5.2}   {each:6.0} ns a child");
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "they are far fewer than 2^52")]
fn as_f64(number: usize) -> f64 {
    number as f64
}

fn main() {
    const TITLE: &str = "UNSTUCK_GROUP_CASE";
    let wanted = env::var(TITLE).ok();
    let filter = env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    let program = env::current_exe().expect("this program");
    for (threads, name) in [(Threads::One, "1 thread"), (Threads::Two, "2 threads")] {
        for (children, fails) in CASES {
            let what = if fails { "fail" } else { "succeed" };
            let title = format!("{children} children {what}, {name}");
            if let Some(wanted) = &wanted {
                if title == *wanted {
                    compare(&threads.runtime(), children, fails);
                }
            } else if filter.as_ref().is_none_or(|filter| title.contains(filter)) {
                println!("{title}");
                let case = Command::new(&program).env(TITLE, title).status();
                assert!(case.expect("a process").success(), "a case failed");
            }
        }
    }
}
