//! The programs that come to an end, as programs and tests of one's own: under a guard, and under a check.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use tokio::runtime::Builder;
use tracing_subscriber::layer::SubscriberExt as _;
use unstuck::demo::{Job, Scenario};
use unstuck::report::Report;
use unstuck::verdict::Verdict;
use unstuck::{BoxError, Guard, check, observe};

/// Ends with 0 if nothing was said of the program that is not true of it: that it is stuck, or a part of it.
pub(crate) fn main(all: &[Scenario], arguments: &[String]) -> Result<ExitCode, BoxError> {
    let ends = |it: &&Scenario| {
        let verdict = it.sides[0].expected.verdict;
        it.name != "wrong-expectation" && matches!(verdict, Verdict::Completed | Verdict::Failed)
    };
    let mut healthy = all.iter().filter(ends);
    let [how, name] = arguments else {
        healthy.for_each(|it| println!("{}", it.name));
        return Ok(ExitCode::SUCCESS);
    };
    let program = healthy
        .find(|it| it.name == name)
        .ok_or("no such program")?;
    let how = if let Some(how) = how.strip_prefix("unrecorded-") {
        how
    } else {
        let records = tracing_subscriber::registry().with(observe::layer());
        tracing::subscriber::set_global_default(records)?;
        how.as_str()
    };
    let folder = tempfile::tempdir()?;
    let body = (program.sides[0].main)(job(&folder)?);
    let mut runtime = match how {
        "current-thread" => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    runtime.enable_all();
    match how {
        "check" => {
            let _ended = check(body);
            return Ok(ExitCode::SUCCESS);
        }
        "current-thread" => {}
        workers => drop(runtime.worker_threads(workers.parse()?)),
    }
    let wrong = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&wrong);
    let guard = Guard::new().runtime(runtime).watch();
    let guard = guard.on_report(move |report| {
        if is_wrong(report) {
            eprintln!("{report}");
            told.store(true, Ordering::Relaxed);
        }
    });
    let _ended = guard.run(body)?;
    Ok(u8::from(wrong.load(Ordering::Relaxed)).into())
}

fn is_wrong(report: &Report) -> bool {
    // Rules that do not say that anything is stuck.
    const TRUE: [&str; 5] = [
        "blocked-worker",
        "outlived",
        "outside",
        "swallowed-error",
        "unseen",
    ];
    let rules = report.rules();
    report.verdict() == Verdict::Stuck || rules.iter().any(|rule| !TRUE.contains(rule))
}

fn job(folder: &tempfile::TempDir) -> Result<Job, BoxError> {
    let database = SqliteConnectOptions::new()
        .filename(folder.path().join("posts.db"))
        .create_if_missing(true);
    let fill = async {
        let mut db = database.connect().await?;
        sqlx::query("CREATE TABLE post (id INTEGER PRIMARY KEY, url TEXT, content TEXT)")
            .execute(&mut db)
            .await?;
        db.close().await
    };
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(fill)?;
    Ok(Job {
        database,
        posts: 0,
        workers: 3,
        latency: Duration::ZERO,
        fixed: true,
    })
}
