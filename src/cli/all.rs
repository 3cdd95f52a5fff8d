//! Every scenario, one after the other.
//!
//! Each in a process of its own: a thread that one leaves behind could wake a task of the next, for all
//! that is known of it, so none after that could be proven to be stuck.

use std::env;
use std::fmt::Write as _;
use std::io;
#[cfg(unix)]
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anstream::AutoStream;
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use serde_json::Value;

use super::arguments::Run;
use super::{Failure, answer, messages, write_all};
use crate::demo::{Chapter, Scenario};
use crate::exit;
use crate::report::table::{self, Played};
use crate::report::text::Page;
use crate::signals::{self, Signal};

/// Whether Ctrl+C was pressed. On a terminal, the scenario that plays hears of it too, and ends.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

fn is_interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// Plays all scenarios of these chapters, and says how each side came out; of those that were played, if Ctrl+C
/// ends it.
pub(super) fn run(
    arguments: &Run,
    chapters: &'static [Chapter],
    page: Page,
) -> Result<u8, Failure> {
    let started = Instant::now();
    let mut documents = Vec::new();
    let mut table: Vec<(&Chapter, Vec<Played>)> = Vec::new();
    // A second one ends it at once, whatever it is at.
    let interrupt = || !INTERRUPTED.swap(true, Ordering::Relaxed);
    signals::on(Signal::Interrupt, interrupt)
        .map_err(|error| Failure::Failed(format!("Ctrl+C can't be heard: {error}")))?;
    let progress = progress(arguments, chapters);
    let scenarios = || {
        let of = |chapter: &'static Chapter| chapter.scenarios.iter().map(move |it| (chapter, it));
        chapters.iter().flat_map(of)
    };
    for (chapter, scenario) in scenarios() {
        progress.set_message(scenario.name);
        let Some(document) = play(scenario)? else {
            break;
        };
        let played = Played::read(&document).map_err(|error| broken(&error))?;
        match table.last_mut() {
            Some((last, all)) if last.name == chapter.name => all.push(played),
            _ => table.push((chapter, vec![played])),
        }
        documents.push(document);
        progress.inc(1);
        if is_interrupted() {
            break;
        }
    }
    progress.finish_and_clear();
    let left = scenarios().count() - documents.len();

    if arguments.json {
        let json = serde_json::to_string_pretty(&documents).map_err(|error| broken(&error))?;
        write_all(&mut io::stdout().lock(), &(json + "\n"))?;
    } else if !documents.is_empty() {
        let mut text = table::render(&table, started.elapsed(), page);
        if left > 0 {
            let _ = writeln!(text, "Ctrl+C came before {left} more.");
        }
        let mut out = AutoStream::new(io::stdout().lock(), answer::choice(arguments));
        write_all(&mut out, &text)?;
    }
    let mut played = table.iter().flat_map(|(_, played)| played);
    Ok(if left > 0 {
        exit::INTERRUPTED
    } else if played.all(Played::is_as_expected) {
        exit::AS_EXPECTED
    } else {
        exit::UNEXPECTED
    })
}

fn broken(error: &serde_json::Error) -> Failure {
    Failure::Failed(error.to_string())
}

/// What the run of one scenario printed as JSON. None if Ctrl+C ended it.
fn play(scenario: &Scenario) -> Result<Option<Value>, Failure> {
    let failed = |why: &str| {
        let line = format!("`{}` can't be played: {why}", scenario.name);
        Failure::Failed(line)
    };
    let output = env::current_exe().and_then(|program| {
        Command::new(program)
            .args(["run", scenario.name, "--json"])
            .stdin(Stdio::null())
            .output()
    });
    let output = output.map_err(|error| failed(&error.to_string()))?;
    match output.status.code().map(u8::try_from) {
        Some(Ok(exit::AS_EXPECTED | exit::UNEXPECTED)) => {
            let document = serde_json::from_slice(&output.stdout);
            document
                .map(Some)
                .map_err(|error| failed(&error.to_string()))
        }
        Some(Ok(exit::INTERRUPTED)) => Ok(None),
        _ if is_interrupted() || is_cut_off(output.status) => Ok(None),
        _ => {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = said.trim().trim_start_matches("error: ");
            Err(failed(&format!("{} ({said})", output.status)))
        }
    }
}

/// Whether Ctrl+C ended it before it could listen for that.
#[cfg(unix)]
fn is_cut_off(status: ExitStatus) -> bool {
    const SIGINT: i32 = 2;
    status.signal() == Some(SIGINT)
}

#[cfg(not(unix))]
fn is_cut_off(_status: ExitStatus) -> bool {
    false
}

fn progress(arguments: &Run, chapters: &[Chapter]) -> ProgressBar {
    const TICK: Duration = Duration::from_millis(80);
    let scenarios: usize = chapters.iter().map(|chapter| chapter.scenarios.len()).sum();
    let style = ProgressStyle::with_template("{spinner} {pos} of {len}: playing {msg}");
    let progress =
        ProgressBar::with_draw_target(u64::try_from(scenarios).ok(), messages::target(arguments));
    progress.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    progress.enable_steady_tick(TICK);
    progress.with_finish(ProgressFinish::AndClear)
}
