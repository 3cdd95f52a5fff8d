//! One side at work: on a runtime of its own, watched from a thread of its own.

use std::path::PathBuf;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinError;

use super::{Job, Side};
use crate::diagnosis::{Diagnosis, Judgement, Program, Surfaced};
use crate::observe::{End, Observer, Snapshot, unrecorded};
use crate::observed::Observed;
use crate::watch::{TICK, Watch};
use crate::{BoxError, Panic};

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub struct Posts {
    /// All.
    pub total: u64,
    /// Those that have content, read back from the database.
    pub stored: u64,
}

/// A side that was played.
pub(super) struct Played {
    pub(super) diagnosis: Diagnosis,
    pub(super) printed: String,
    pub(super) elapsed: Duration,
    pub(super) left_running: LeftRunning,
}

/// The runtime of a side that has not ended, with all that is still in it. Dropping it waits for none of its threads.
pub(super) struct LeftRunning(Option<Runtime>);

impl Drop for LeftRunning {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Plays `side` until it ends, or until it is clear that it will not.
pub(super) fn play(side: &Side, job: Job) -> std::io::Result<Played> {
    let mut builder = Builder::new_multi_thread();
    // One worker is enough, and easy to follow.
    builder
        .worker_threads(1)
        .enable_all()
        .thread_name(side.name);
    // Tasks first run in the order in which they were spawned, which is the order of the lesson.
    builder.disable_lifo_slot();
    let name = format!("{}/main", side.name);
    let observer = Observer::new();
    observer.keep_panics();
    let mut played = Observed::start(observer, builder, &name, (side.main)(job))?;
    let view = played.view.clone();
    let sight = watch(&mut played);
    let elapsed = view.elapsed();

    let (mut seen, (program, printed), runtime) = match sight {
        Sight::Halted(seen, judgement) => {
            let runs = (Program::Runs(judgement), String::new());
            (*seen, runs, Some(played.runtime))
        }
        Sight::Ended(pause) => {
            let _unrecorded = unrecorded();
            let (ended, runtime) = played.end();
            // As when a process ends: what still runs is not waited for.
            let seen = view.look_back(|| runtime.shutdown_background());
            let seen = Snapshot { pause, ..seen };
            (seen, returned(ended), None)
        }
    };
    seen.shorten_names(&format!("{}/", side.name));
    Ok(Played {
        diagnosis: view.diagnose(&seen, &program),
        printed,
        elapsed,
        left_running: LeftRunning(runtime),
    })
}

/// What a side came to.
enum Sight {
    /// It will clearly not end.
    Halted(Box<Snapshot>, Judgement),
    /// It has ended, and last came to rest like this.
    Ended(Option<Box<Snapshot>>),
}

/// Watches a side until it has ended, or will clearly not.
fn watch(side: &mut Observed<Result<(), BoxError>>) -> Sight {
    let view = side.view.clone();
    let mut watching = view.watching(Watch::default());
    loop {
        if side.has_ended_within(TICK) {
            return Sight::Ended(watching.last_rest().map(Box::new));
        }
        if let Some((seen, judgement)) = watching.tick() {
            return Sight::Halted(Box::new(seen), judgement);
        }
    }
}

/// What main returned, and what Rust prints of that.
fn returned(ended: Result<Result<(), BoxError>, JoinError>) -> (Program, String) {
    match ended {
        Ok(Ok(())) => (Program::Returned(End::Ok, Vec::new()), String::new()),
        Ok(Err(error)) => {
            let end = End::Error(error.to_string());
            let printed = format!("Error: {error:?}");
            (Program::Returned(end, Surfaced::all_in(&*error)), printed)
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
