//! Every scenario, one after the other.
//!
//! Each in a process of its own: a thread that one leaves behind could wake a task of the next, for all
//! that is known of it, so none after that could be proven to be stuck.

use std::env;
use std::io;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anstream::AutoStream;
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use serde_json::Value;

use super::arguments::Run;
use super::{Failure, answer, messages, write_all};
use crate::demo::{Chapter, Scenario};
use crate::exit;
use crate::report::table::{self, Played};

/// Plays all scenarios of these chapters, and says how each side came out.
pub(super) fn run(arguments: &Run, chapters: &'static [Chapter]) -> Result<u8, Failure> {
    let started = Instant::now();
    let mut documents = Vec::new();
    let mut table = Vec::new();
    let progress = progress(arguments, chapters);
    for chapter in chapters {
        let mut played = Vec::new();
        for scenario in chapter.scenarios {
            progress.set_message(scenario.name);
            let Some(document) = play(scenario)? else {
                return Ok(exit::INTERRUPTED);
            };
            played.push(Played::read(&document).map_err(|error| broken(&error))?);
            documents.push(document);
            progress.inc(1);
        }
        table.push((chapter, played));
    }
    progress.finish_and_clear();

    if arguments.json {
        let json = serde_json::to_string_pretty(&documents).map_err(|error| broken(&error))?;
        write_all(&mut io::stdout().lock(), &(json + "\n"))?;
    } else {
        let text = table::render(&table, started.elapsed());
        let mut out = AutoStream::new(io::stdout().lock(), answer::choice(arguments));
        write_all(&mut out, &text)?;
    }
    let mut played = table.iter().flat_map(|(_, played)| played);
    Ok(if played.all(Played::is_as_expected) {
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
        _ => {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = said.trim().trim_start_matches("error: ");
            Err(failed(&format!("{} ({said})", output.status)))
        }
    }
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
