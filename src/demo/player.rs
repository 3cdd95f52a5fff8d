//! The process that plays one side: it runs the side's main function, and tells how its tasks end.
//!
//! Each side has a process of its own, so that nothing of one side can wake a task of the other, and the demo explains
//! it from outside, as `unstuck explain` does any other. What memory does not tell, how tasks ended, comes from hooks
//! and goes through a pipe.

use std::env;
use std::ffi::OsString;
use std::future::Future;
use std::io::{self, BufRead, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::Command;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::{self, JoinError, JoinHandle};

use super::{Chapter, Job, Main, console, database, scenarios};
use crate::observe::{Keep, Observer, note_panics, unrecorded};
use crate::outcomes::{End, Outcomes, Returned, Surfaced, TaskId};
use crate::{BoxError, Panic, exit, own_threads};

/// The first argument of a process that plays a side. The second one is the [`Part`].
const MARK: &str = "unstuck-player";

/// What a player is given to play.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Part {
    pub(super) scenario: String,
    pub(super) side: String,
    pub(super) database: PathBuf,
    pub(super) posts: i64,
    pub(super) workers: usize,
    pub(super) latency: Duration,
    pub(super) fixed: bool,
    /// Where to serve tokio-console.
    pub(super) console: Option<SocketAddr>,
}

/// What a player is asked for: a line each on its standard input. At the end of the input it ends.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) enum Request {
    /// To begin.
    Play,
    /// To count polls.
    Count,
    /// To tell how its tasks did so far.
    Tell,
}

/// What a player tells: a line each on its standard output.
#[derive(Debug, Deserialize, Serialize)]
pub(super) enum Message {
    /// It can begin. tokio-console is served at this address.
    Ready(Option<SocketAddr>),
    /// tokio-console can't be served.
    NoConsole(String),
    /// So many polls have begun.
    Polls(u64),
    /// How its tasks did so far.
    SoFar(Outcomes),
    /// Its main function has returned after this time.
    Ended {
        outcomes: Outcomes,
        elapsed: Duration,
        /// What the program would have printed.
        printed: String,
    },
}

/// The command that starts a player of the same program.
pub(super) fn command(part: &Part) -> io::Result<Command> {
    let part = serde_json::to_string(part)?;
    let mut command = Command::new(env::current_exe()?);
    command.args([MARK, &part]);
    Ok(command)
}

/// Plays a side if this process was started for that, until nobody asks for anything any more.
pub(crate) fn play_if_asked(arguments: &[OsString], catalogue: &'static [Chapter]) -> Option<u8> {
    let [_, mark, part] = arguments else {
        return None;
    };
    if mark != MARK {
        return None;
    }
    let part: Part = serde_json::from_str(part.to_str()?).ok()?;
    let scenario = scenarios(catalogue).find(|it| it.name == part.scenario)?;
    let side = scenario.sides.iter().find(|it| it.name == part.side)?;
    // Whoever could be told of an error has gone.
    let played = own_threads::here(|| play(&part, side.main));
    Some(if played.is_ok() {
        exit::AS_EXPECTED
    } else {
        exit::FAILED
    })
}

/// On the main thread, which only waits for what the player is asked for.
fn play(part: &Part, main: fn(Job) -> Main) -> io::Result<()> {
    note_panics();
    let console = match console::subscribe(part.console) {
        Ok(address) => address,
        Err(error) => return tell(&Message::NoConsole(error.to_string())),
    };
    let mut ready = Some(Stage::set_up(part)?);
    let mut program = None;
    tell(&Message::Ready(console))?;
    for line in io::stdin().lock().lines() {
        match serde_json::from_str(&line?)? {
            Request::Play => {
                if let Some(stage) = ready.take() {
                    program = Some(stage.start(part, main)?);
                }
            }
            Request::Count => {
                let polls = program.as_ref().map(|it| it.observer.polls());
                tell(&Message::Polls(polls.unwrap_or_default()))?;
            }
            Request::Tell => {
                let outcomes = program.as_ref().map(Program::outcomes);
                tell(&Message::SoFar(outcomes.unwrap_or_default()))?;
            }
        }
    }
    // As when a process ends: what still runs is not waited for.
    std::process::exit(0)
}

fn tell(message: &Message) -> io::Result<()> {
    let _unrecorded = unrecorded();
    let line = serde_json::to_string(message)? + "\n";
    let mut out = io::stdout().lock();
    out.write_all(line.as_bytes())?;
    out.flush()
}

/// The runtime for the side's main function.
struct Stage {
    observer: Observer,
    runtime: Runtime,
}

impl Stage {
    fn set_up(part: &Part) -> io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        // One worker is enough, and easy to follow.
        builder
            .worker_threads(1)
            .enable_all()
            .thread_name(&part.side);
        // Tasks first run in the order in which they were spawned, which is the order of the lesson.
        builder.disable_lifo_slot();
        let observer = Observer::new(Keep::EveryTask);
        observer.keep_panics();
        observer.adopt_thread();
        observer.attach(&mut builder);
        let runtime = builder.build()?;
        Ok(Self { observer, runtime })
    }

    fn start(self, part: &Part, main: fn(Job) -> Main) -> io::Result<Program> {
        let Self { observer, runtime } = self;
        let job = Job {
            database: database::options(&part.database),
            posts: part.posts,
            workers: part.workers,
            latency: part.latency,
            fixed: part.fixed,
        };
        let started = Instant::now();
        // A task of its own, so that tokio-console shows it under its name.
        let main = task::Builder::new()
            .name("main")
            .spawn_on(main(job), runtime.handle())?;
        let program = Program {
            observer,
            main: main.id().into(),
        };
        let playing = program.clone();
        own_threads::start("unstuck-end", move || {
            let _unrecorded = unrecorded();
            let ended = wait(main);
            let elapsed = started.elapsed();
            // A player that can't tell it is not asked any more.
            let _ = tell(&playing.ended(ended, elapsed, runtime.handle()));
            stop();
            // What is left behind stays as it is until it was looked at.
            std::mem::forget(runtime);
        })?;
        Ok(program)
    }
}

/// The side's main function at work.
#[derive(Clone)]
struct Program {
    observer: Observer,
    main: TaskId,
}

impl Program {
    fn outcomes(&self) -> Outcomes {
        Outcomes {
            main: Some(self.main),
            ..self.observer.outcomes()
        }
    }

    fn ended(
        &self,
        ended: Result<Result<(), BoxError>, JoinError>,
        elapsed: Duration,
        runtime: &Handle,
    ) -> Message {
        let (end, surfaced, printed) = returned(ended);
        let at_rest = self.observer.settle(runtime);
        let returned = Some(Returned {
            end,
            surfaced,
            at_rest,
        });
        Message::Ended {
            outcomes: Outcomes {
                returned,
                ..self.outcomes()
            },
            elapsed,
            printed,
        }
    }
}

/// Stops this process until it is ended: once main has returned, nothing of a program goes on.
fn stop() {
    #[cfg(unix)]
    {
        use rustix::process::{Signal, getpid, kill_process};

        let _ = kill_process(getpid(), Signal::STOP);
    }
}

/// What main returned, and what Rust prints of that.
fn returned(ended: Result<Result<(), BoxError>, JoinError>) -> (End, Vec<Surfaced>, String) {
    match ended {
        Ok(Ok(())) => (End::Ok, Vec::new(), String::new()),
        Ok(Err(error)) => {
            let printed = format!("Error: {error:?}");
            let end = End::Error(error.to_string());
            (end, Surfaced::all_in(&*error), printed)
        }
        Err(end) => {
            let panic = end.try_into_panic().map(Panic::new);
            let text = panic.map_or_else(|end| end.to_string(), |panic| panic.message().to_owned());
            let error = Surfaced {
                task: None,
                text: text.clone(),
            };
            let printed = format!("thread 'main' panicked: {text}");
            (End::Panic(text), vec![error], printed)
        }
    }
}

/// Waits for a task on this thread. Not with `block_on`, as reports would show that as one more wait.
fn wait<T>(mut task: JoinHandle<T>) -> Result<T, JoinError> {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match Pin::new(&mut task).poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(ended) => return ended,
            Poll::Pending => thread::park(),
        }
    }
}
