//! The most memory that a task group takes, beside a `JoinSet`: each case in a process of its own, which
//! tells at its end how much it had at most. Linux only.

use std::env;
use std::error::Error;
use std::fs;
use std::process::Command;

use tokio::runtime::Builder;
use tokio::task::{self, JoinSet};
use unstuck::{BoxError, TaskGroup};

const MILLION: usize = 1_000_000;

type Ended = Result<u64, BoxError>;

async fn child() -> Ended {
    task::yield_now().await;
    Ok(1)
}

/// How often a case gives its children time to end while it spawns them.
#[derive(Clone, Copy)]
enum Pause {
    Never,
    AfterEach,
}

impl Pause {
    async fn after_each(self) {
        if let Pause::AfterEach = self {
            // One for the child's first poll and one for its second.
            task::yield_now().await;
            task::yield_now().await;
        }
    }
}

async fn with_task_group(children: usize, pause: Pause) -> Result<(), BoxError> {
    let group = TaskGroup::new("g").scope(async |group| {
        for _ in 0..children {
            group.spawn("child", child())?;
            pause.after_each().await;
        }
        Ok(())
    });
    Ok(group.await?)
}

async fn with_join_set(children: usize, pause: Pause) -> Result<(), BoxError> {
    let mut set = JoinSet::new();
    for _ in 0..children {
        set.spawn(child());
        pause.after_each().await;
    }
    while let Some(ended) = set.join_next().await {
        ended??;
    }
    Ok(())
}

async fn through_a_limit(children: usize, limit: usize) -> Result<(), BoxError> {
    let group = TaskGroup::new("g").limit(limit).scope(async |group| {
        for _ in 0..children {
            group.spawn_within_limit("child", child()).await?;
        }
        Ok(())
    });
    Ok(group.await?)
}

const CASES: [&str; 6] = [
    "1,000,000 at once, TaskGroup",
    "1,000,000 at once, JoinSet",
    "1,000,000 that end early, TaskGroup",
    "1,000,000 that end early, JoinSet",
    "10,000 through a limit of 1,000, TaskGroup",
    "10,000,000 through a limit of 1,000, TaskGroup",
];

fn play(case: usize) -> Result<(), BoxError> {
    let runtime = Builder::new_current_thread().build()?;
    runtime.block_on(async {
        match case {
            0 => with_task_group(MILLION, Pause::Never).await,
            1 => with_join_set(MILLION, Pause::Never).await,
            2 => with_task_group(MILLION, Pause::AfterEach).await,
            3 => with_join_set(MILLION, Pause::AfterEach).await,
            4 => through_a_limit(10_000, 1_000).await,
            _ => through_a_limit(10 * MILLION, 1_000).await,
        }
    })
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let case = env::var("UNSTUCK_MEMORY_CASE").ok();
    if let Some(case) = case {
        play(case.parse()?)?;
        let status = fs::read_to_string("/proc/self/status")?;
        let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        println!("{}", most.unwrap_or("unknown").trim());
        return Ok(());
    }
    for (case, name) in CASES.iter().enumerate() {
        let mut command = Command::new(env::current_exe()?);
        let output = command
            .env("UNSTUCK_MEMORY_CASE", case.to_string())
            .output()?;
        let most = String::from_utf8_lossy(&output.stdout);
        println!("{name:48} {:>12}", most.trim());
    }
    Ok(())
}
