//! One side at work: on a runtime of its own, watched from a thread of its own.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::task::{self, JoinError, JoinHandle};

use super::{Job, Side};
use crate::diagnosis::{Diagnosis, Program, Surfaced, diagnose};
use crate::observe::{End, Observer, TaskId, unrecorded};
use crate::watch::{Sight, Watch};
use crate::{BoxError, ErrorGroup, Failure, Panic};

/// What became of a side.
#[derive(Debug)]
pub struct SideRun {
    /// Which side.
    pub side: &'static Side,
    /// What it came to, and why.
    pub diagnosis: Diagnosis,
    /// What the program would have printed by itself.
    pub printed: String,
    /// What it did.
    pub posts: Posts,
    /// From its start to its end, or to the verdict.
    pub elapsed: Duration,
    /// Its database, where that is kept.
    pub database: Option<PathBuf>,
}

/// Posts in the database of a side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Posts {
    /// All.
    pub total: u64,
    /// Those that have content, read back from the database.
    pub stored: u64,
}

/// A side that was played, and its runtime with all that is still in it.
pub(super) struct Played {
    pub(super) diagnosis: Diagnosis,
    pub(super) printed: String,
    pub(super) elapsed: Duration,
    pub(super) runtime: Runtime,
}

type Ended = Result<Result<(), BoxError>, JoinError>;

/// Plays `side` until it ends, or until it is clear that it will not.
pub(super) fn play(side: &Side, job: Job) -> std::io::Result<Played> {
    let started = Instant::now();
    let observer = Observer::new();
    observer.adopt_thread();
    let mut builder = Builder::new_multi_thread();
    // One worker is enough, and makes a dump of its tasks a matter of one thread.
    builder
        .worker_threads(1)
        .enable_all()
        .thread_name(side.name);
    // Tasks first run in the order in which they were spawned, which is the order of the lesson.
    builder.disable_lifo_slot();
    observer.attach(&mut builder);
    let runtime = builder.build()?;
    observer.runtime_is_built(runtime.handle());

    let name = format!("{}/main", side.name);
    let main = task::Builder::new()
        .name(&name)
        .spawn_on((side.main)(job), runtime.handle())?;
    let id = TaskId::from(main.id());
    let sight = Watch::default().over(&observer, runtime.handle(), id, || main.is_finished());
    let elapsed = started.elapsed();

    let (mut seen, (program, printed)) = match sight {
        Sight::Halted(seen, judgement) => (seen, (Program::Runs(judgement), String::new())),
        Sight::Ended(seen) => (seen, returned(&runtime, main)),
    };
    seen.shorten_names(&format!("{}/", side.name));
    Ok(Played {
        diagnosis: diagnose(&seen, id, &program),
        printed,
        elapsed,
        runtime,
    })
}

/// What main returned, and what Rust prints of that.
fn returned(runtime: &Runtime, main: JoinHandle<Result<(), BoxError>>) -> (Program, String) {
    let _unrecorded = unrecorded();
    let ended: Ended = runtime.block_on(main);
    match ended {
        Ok(Ok(())) => (Program::Returned(End::Ok, Vec::new()), String::new()),
        Ok(Err(error)) => {
            let end = End::Error(error.to_string());
            let printed = format!("Error: {error:?}");
            (Program::Returned(end, surfaced(&error)), printed)
        }
        Err(end) => {
            let panic = end.try_into_panic().map(Panic::new);
            let text = panic.map_or_else(|end| end.to_string(), |panic| panic.message().to_owned());
            let error = Surfaced {
                task: None,
                text: text.clone(),
            };
            let printed = format!("thread 'main' panicked: {text}");
            (Program::Returned(End::Panic(text), vec![error]), printed)
        }
    }
}

/// The errors in what main returned: all of a group's, or the one.
fn surfaced(error: &BoxError) -> Vec<Surfaced> {
    match error.downcast_ref::<ErrorGroup>() {
        Some(group) => group
            .leaves()
            .map(|leaf| Surfaced {
                task: leaf.id().map(TaskId::from),
                text: match leaf.failure() {
                    Failure::Panic(panic) => panic.message().to_owned(),
                    other => other.to_string(),
                },
            })
            .collect(),
        None => vec![Surfaced {
            task: None,
            text: error.to_string(),
        }],
    }
}
