//! One side at work: in a process of its own, which is explained from outside.

use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::Barrier;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use unstuck_inspect::Inspector;
use unstuck_inspect::snapshot::{Lifecycle, Origin, RuntimeKind, Task};

use super::player::{self, Message, Part, Request};
use super::{Error, Side};
#[cfg(target_os = "linux")]
use crate::explain::Activity;
use crate::explain::{self, Explanation, Search};
use crate::liveness::Actor;
use crate::report::ProgramReport;
use crate::verdict::Verdict;

/// What became of a side.
#[derive(Debug)]
pub struct SideRun {
    /// Which side.
    pub side: &'static Side,
    /// What it came to, and why.
    pub report: ProgramReport,
    /// What the program would have printed by itself.
    pub printed: String,
    /// What it did.
    pub posts: Posts,
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
    pub(super) report: ProgramReport,
    pub(super) printed: String,
    /// The process of a side that has not ended.
    pub(super) left_running: Option<Player>,
}

/// The process that plays a side. Dropping it ends the process.
pub(super) struct Player {
    side: &'static Side,
    process: Child,
    requests: ChildStdin,
    messages: Receiver<Message>,
}

impl Drop for Player {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[cfg(not(target_os = "linux"))]
type Activity = std::convert::Infallible;

/// How the names of threads begin that only watch.
#[cfg(target_os = "linux")]
const OWN_THREADS: &str = "unstuck-";
/// How often the process is looked at.
const TICK: Duration = Duration::from_millis(10);
/// How long it must sleep before its memory is read.
const QUIET: Duration = Duration::from_millis(40);
/// How long it is until it is read again.
const BETWEEN_READINGS: Duration = Duration::from_millis(500);
/// How long it must be at the same thing before it is called `blocked` or `waiting`. One that is stuck is called so at
/// once.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a process that does not sleep is asked whether it still begins polls.
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(500);

impl Player {
    /// Starts the process, which does not play yet. Where it serves tokio-console, if it does.
    pub(super) fn start(
        side: &'static Side,
        part: &Part,
    ) -> Result<(Self, Option<SocketAddr>), Error> {
        let mut command = player::command(part)?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // Keys of the terminal are for this process.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut process = command.spawn()?;
        let (requests, output) = (process.stdin.take(), process.stdout.take());
        let (Some(requests), Some(output)) = (requests, output) else {
            unreachable!("both are pipes");
        };
        let player = Self {
            side,
            messages: messages(output)?,
            requests,
            process,
        };
        match player.messages.recv() {
            Ok(Message::Ready(console)) => Ok((player, console)),
            Ok(Message::NoConsole(reason)) => Err(Error::Console(reason)),
            _ => Err(player.has_died()),
        }
    }

    fn has_died(&self) -> Error {
        let side = self.side.name;
        Error::SideDied { side }
    }

    fn ask(&mut self, request: Request) -> io::Result<()> {
        let line = serde_json::to_string(&request)? + "\n";
        self.requests.write_all(line.as_bytes())
    }

    /// Plays the side until it ends, or until it is clear that it will not. Begins once all sides can.
    pub(super) fn play(mut self, all: &Barrier) -> Result<Played, Error> {
        // Most of what it takes to read a process is learned with the first reading.
        let inspector = Inspector::attach(self.process.id());
        let inspector = inspector.and_then(|it| it.snapshot().map(|_| it));
        let inspector = inspector.map_err(|error| error.to_string());
        all.wait();
        self.ask(Request::Play)?;
        let started = Instant::now();
        let mut rest = Rest::begins(None);
        let mut polls = Polls::none_yet();
        // At the last time that it rested.
        let mut explained = None;
        loop {
            match self.hear_within(TICK)? {
                Some(Message::Polls(count)) if polls.same_for(count) >= PATIENCE => {
                    return self.without_progress(&inspector, started);
                }
                Some(Message::Polls(_)) | None => {}
                Some(ended) => return self.ended(&inspector, ended, explained),
            }
            let activity = self.activity();
            if activity.is_none() || activity != rest.activity {
                rest = Rest::begins(activity);
                if polls.are_due() {
                    self.ask(Request::Count)?;
                }
                continue;
            }
            let is_over = rest.since.elapsed() >= PATIENCE;
            let read = rest
                .read
                .map_or(QUIET, |read| read - rest.since + BETWEEN_READINGS);
            if rest.since.elapsed() < read {
                continue;
            }
            rest.read = Some(Instant::now());
            let Some(mut explanation) = explain(&inspector) else {
                if is_over {
                    return self.without_progress(&inspector, started);
                }
                continue;
            };
            // Only what was still asleep after the reading was asleep all the time.
            if self.activity() != rest.activity {
                continue;
            }
            if all_are_stuck(&explanation) {
                explanation.diagnosis.verdict = Verdict::Stuck;
            }
            let is_clear = match explanation.diagnosis.verdict {
                Verdict::Stuck => true,
                Verdict::Running => false,
                _ => is_over,
            };
            if !is_clear {
                explained = Some(explanation);
                continue;
            }
            return match self.asked()? {
                Message::SoFar(outcomes) => {
                    let explanation = outcomes.added_to(explanation);
                    let report = ProgramReport::running(&explanation, started.elapsed());
                    Ok(self.left_running(report))
                }
                ended => self.ended(&inspector, ended, None),
            };
        }
    }

    /// What the process tells of its program.
    fn hear_within(&self, at_most: Duration) -> Result<Option<Message>, Error> {
        match self.messages.recv_timeout(at_most) {
            Ok(Message::Ready(_) | Message::NoConsole(_)) | Err(RecvTimeoutError::Disconnected) => {
                Err(self.has_died())
            }
            Ok(message) => Ok(Some(message)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
        }
    }

    /// How the tasks did so far, or that main has returned after all.
    fn asked(&mut self) -> Result<Message, Error> {
        const AT_MOST: Duration = Duration::from_secs(10);
        self.ask(Request::Tell)?;
        loop {
            match self.hear_within(AT_MOST)? {
                Some(Message::Polls(_)) => {}
                Some(answer) => return Ok(answer),
                None => return Err(self.has_died()),
            }
        }
    }

    /// How often its threads have slept, if all of them do now. Those that only watch are left out, the main thread
    /// among them.
    #[cfg(target_os = "linux")]
    fn activity(&self) -> Option<Activity> {
        Activity::of_others_sleeping(self.process.id(), OWN_THREADS)
    }

    /// This system does not tell.
    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unused_self, reason = "elsewhere its process is asked for")]
    fn activity(&self) -> Option<Activity> {
        None
    }

    /// The report on a side that begins no poll any more, and does not sleep, or can't be read.
    fn without_progress(mut self, inspector: &Reader, started: Instant) -> Result<Played, Error> {
        let outcomes = match self.asked()? {
            Message::SoFar(outcomes) => outcomes,
            ended => return self.ended(inspector, ended, None),
        };
        let explanation = match inspector {
            Ok(inspector) => {
                explain::read(inspector, Search::Nothing).map_err(|error| error.to_string())
            }
            Err(reason) => Err(reason.clone()),
        };
        let report = match explanation {
            Ok(explanation) => {
                let explanation = outcomes.added_to(explanation);
                ProgramReport::without_polls(&explanation, started.elapsed())
            }
            Err(reason) => ProgramReport::unread(&outcomes, reason, started.elapsed()),
        };
        Ok(self.left_running(report))
    }

    fn left_running(self, report: ProgramReport) -> Played {
        Played {
            report,
            printed: String::new(),
            left_running: Some(self),
        }
    }

    /// The report on a side that has ended. `before` is why it made no progress when it was read last.
    fn ended(
        self,
        inspector: &Reader,
        ended: Message,
        before: Option<Explanation>,
    ) -> Result<Played, Error> {
        let Message::Ended {
            outcomes,
            elapsed,
            printed,
        } = ended
        else {
            return Err(self.has_died());
        };
        let leaves_tasks = outcomes.left_behind().next().is_some();
        let left = leaves_tasks.then(|| explain(inspector)).flatten();
        let report = ProgramReport::ended(&outcomes, left.as_ref(), elapsed);
        Ok(Played {
            report: match before {
                Some(before) => report.after(&outcomes.added_to(before)),
                None => report,
            },
            printed,
            left_running: None,
        })
    }
}

/// Reads this program's debug info. As long as it is kept, that is not read again for a side: a player runs the same
/// program.
pub(super) fn keep_debug_info() -> Option<Inspector> {
    Inspector::attach_self().ok()
}

/// What a process is read with, or why it can't be read.
type Reader = Result<Inspector, String>;

/// Reads the process. `None` if it can't be read, or not any more.
fn explain(inspector: &Reader) -> Option<Explanation> {
    explain::read(inspector.as_ref().ok()?, Search::Nothing).ok()
}

/// Whether nothing in the process ends the waits of the side's tasks. What serves tokio-console goes on, on a runtime
/// of one thread.
fn all_are_stuck(explanation: &Explanation) -> bool {
    let Explanation {
        snapshot,
        diagnosis,
        ..
    } = explanation;
    let is_of_side = |task: &Task| {
        let runtime = task.runtime.map(|id| &snapshot.runtimes[id.0 as usize]);
        let is_alive = task.state.lifecycle != Lifecycle::Complete;
        let is_own = task.origin != Some(Origin::Library);
        is_alive && is_own && runtime.is_some_and(|it| it.kind == RuntimeKind::MultiThread)
    };
    let tasks = snapshot.tasks.iter().enumerate();
    let mut of_side = tasks.filter(|(_, task)| is_of_side(task)).peekable();
    let is_stuck = |index| diagnosis.stuck.binary_search(&Actor::Task(index)).is_ok();
    of_side.peek().is_some() && of_side.all(|(index, _)| is_stuck(index))
}

/// A time in which the process sleeps.
struct Rest {
    activity: Option<Activity>,
    since: Instant,
    /// When its memory was read last.
    read: Option<Instant>,
}

impl Rest {
    fn begins(activity: Option<Activity>) -> Self {
        Self {
            activity,
            since: Instant::now(),
            read: None,
        }
    }
}

/// How many polls have begun, as far as the process was asked.
struct Polls {
    count: u64,
    since: Instant,
    asked: Instant,
}

impl Polls {
    fn none_yet() -> Self {
        let now = Instant::now();
        Self {
            count: 0,
            since: now,
            asked: now,
        }
    }

    /// Whether to ask again, which is noted.
    fn are_due(&mut self) -> bool {
        let are_due = self.asked.elapsed() >= BETWEEN_QUESTIONS;
        if are_due {
            self.asked = Instant::now();
        }
        are_due
    }

    /// For how long the count has been the same.
    fn same_for(&mut self, count: u64) -> Duration {
        if count != self.count {
            *self = Self {
                count,
                since: Instant::now(),
                ..*self
            };
        }
        self.since.elapsed()
    }
}

/// Hears what a process tells on its standard output, on a thread of its own.
fn messages(output: ChildStdout) -> io::Result<Receiver<Message>> {
    let (tell, messages) = mpsc::channel();
    let hear = move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let Ok(message) = serde_json::from_str(&line) else {
                break;
            };
            if tell.send(message).is_err() {
                break;
            }
        }
    };
    thread::Builder::new()
        .name("unstuck-messages".to_owned())
        .spawn(hear)?;
    Ok(messages)
}
