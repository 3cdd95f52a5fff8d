//! Every scenario, one after the other.
//!
//! Each in a process of its own: a thread that one leaves behind could wake a task of the next, so none after that
//! could be proven to be stuck.

use std::env;
use std::fmt::{Display, Write as _};
use std::io;
use std::mem;
#[cfg(unix)]
use std::os::unix::process::ExitStatusExt;
use std::pin::pin;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use anstream::AutoStream;
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use serde_json::Value;
use tokio::process::Command;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{self, UnboundedReceiver};

use super::arguments::Run;
use super::output::write_all;
use super::{Failure, answer, messages};
use crate::demo::{Chapter, Scenario, scenarios};
use crate::exit;
use crate::report::page::Page;
use crate::report::table::{Played, Table};
use crate::signals::{self, Signal};

/// Plays all scenarios of these chapters, and prints how the sides of each came out once they have. A signal ends the
/// scenario that is playing, and those after it are not played.
pub(super) fn run(
    arguments: &Run,
    chapters: &'static [Chapter],
    page: Page,
) -> Result<u8, Failure> {
    let started = Instant::now();
    let mut player = Player::new()?;
    let count = scenarios(chapters).count();
    let progress = progress(arguments, count);
    let table = Table::new(chapters, page);
    let mut out = AutoStream::new(io::stdout().lock(), answer::choice(arguments));
    let mut print = |text: &str| {
        if arguments.json {
            return Ok(exit::AS_EXPECTED);
        }
        progress.suspend(|| write_all(&mut out, text))
    };

    let (mut all_rows, mut documents) = (Vec::new(), Vec::new());
    'all: for chapter in chapters {
        let mut head = table.chapter(chapter);
        for scenario in chapter.scenarios {
            progress.inc(1);
            progress.set_message(scenario.name);
            let Some(document) = player.play(scenario)? else {
                if head.is_empty() {
                    print("\n")?;
                }
                break 'all;
            };
            let rows = Played::read(&document).map_err(failed)?;
            print(&(mem::take(&mut head) + &table.rows(&rows)))?;
            all_rows.push(rows);
            documents.push(document);
        }
        print("\n")?;
    }
    progress.finish_and_clear();

    let mut text = if arguments.json {
        serde_json::to_string_pretty(&documents).map_err(failed)? + "\n"
    } else {
        table.sum(&all_rows, started.elapsed())
    };
    if let (Some(signal), false) = (player.cut_off, arguments.json) {
        let left = count - all_rows.len();
        let _ = writeln!(
            text,
            "{signal} ended it; {left} of {count} scenarios were not played"
        );
    }
    let written = write_all(&mut out, &text);
    if let Some(signal) = player.cut_off {
        // Whoever sent it may have taken the terminal away.
        return Ok(signal.exit_code());
    }
    written?;
    Ok(if all_rows.iter().all(Played::is_as_expected) {
        exit::AS_EXPECTED
    } else {
        exit::UNEXPECTED
    })
}

fn failed(error: impl Display) -> Failure {
    Failure::Failed(error.to_string())
}

/// Plays scenarios, each in a process of its own, until a signal comes.
struct Player {
    runtime: Runtime,
    signals: UnboundedReceiver<Signal>,
    cut_off: Option<Signal>,
}

impl Player {
    fn new() -> Result<Self, Failure> {
        let (tell, signals) = mpsc::unbounded_channel();
        for signal in Signal::ALL {
            let tell = tell.clone();
            let mut is_first = true;
            // A second one ends the process at once.
            let heard = move || mem::take(&mut is_first) && tell.send(signal).is_ok();
            signals::on(signal, heard)
                .map_err(|error| failed(format!("{signal} can't be listened to: {error}")))?;
        }
        let runtime = Builder::new_current_thread().enable_all().build();
        Ok(Self {
            runtime: runtime.map_err(failed)?,
            signals,
            cut_off: None,
        })
    }

    /// What the run of `scenario` printed as JSON. None if a signal ended it.
    fn play(&mut self, scenario: &Scenario) -> Result<Option<Value>, Failure> {
        let failed = |why: &dyn Display| {
            let line = format!("`{}` can't be played: {why}", scenario.name);
            Failure::Failed(line)
        };
        if let Ok(signal) = self.signals.try_recv() {
            self.cut_off = Some(signal);
            return Ok(None);
        }
        let (signals, cut_off) = (&mut self.signals, &mut self.cut_off);
        let output = self.runtime.block_on(output(scenario, signals, cut_off));
        let output = output.map_err(|error| failed(&error))?;
        self.cut_off = self.cut_off.or(signal_behind(&output));
        match output.status.code().map(u8::try_from) {
            Some(Ok(exit::AS_EXPECTED | exit::UNEXPECTED)) => {
                let document = serde_json::from_slice(&output.stdout);
                document.map(Some).map_err(|error| failed(&error))
            }
            _ if self.cut_off.is_some() => Ok(None),
            _ => {
                let said = String::from_utf8_lossy(&output.stderr);
                let said = said.trim().trim_start_matches("error: ");
                Err(failed(&format!("{} ({said})", output.status)))
            }
        }
    }
}

/// Runs a scenario. A signal that comes meanwhile is passed on to its process, which clears up after itself.
async fn output(
    scenario: &Scenario,
    signals: &mut UnboundedReceiver<Signal>,
    cut_off: &mut Option<Signal>,
) -> io::Result<Output> {
    let process = Command::new(env::current_exe()?)
        .args(["run", scenario.name, "--json"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let id = process.id();
    let mut output = pin!(process.wait_with_output());
    loop {
        tokio::select! {
            biased;
            output = &mut output => return output,
            Some(signal) = signals.recv() => {
                cut_off.get_or_insert(signal);
                // One that has just ended needs no signal.
                let _ = id.map(|id| signal.send_to(id));
            }
        }
    }
}

/// The signal that ended the process.
fn signal_behind(output: &Output) -> Option<Signal> {
    #[cfg(unix)]
    let by_signal = output.status.signal().map(|number| 128 + number);
    #[cfg(not(unix))]
    let by_signal = None;
    let code = output.status.code().or(by_signal)?;
    let is_it = |signal: &Signal| i32::from(signal.exit_code()) == code;
    Signal::ALL.into_iter().find(is_it)
}

fn progress(arguments: &Run, scenarios: usize) -> ProgressBar {
    const TICK: Duration = Duration::from_millis(80);
    let style = ProgressStyle::with_template("{spinner} {pos}/{len} {msg}");
    let progress =
        ProgressBar::with_draw_target(u64::try_from(scenarios).ok(), messages::target(arguments));
    progress.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    progress.enable_steady_tick(TICK);
    progress.with_finish(ProgressFinish::AndClear)
}
