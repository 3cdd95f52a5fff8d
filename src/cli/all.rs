//! Every scenario, one after the other.

use std::fmt::{Display, Write as _};
use std::io;
use std::mem;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anstream::AutoStream;
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

use super::arguments::Run;
use super::output::write_all;
use super::{Failure, answer, messages};
use crate::demo::{self, Chapter, Notices, Options, Outcome, scenarios};
use crate::exit;
use crate::report::Document;
use crate::report::page::Page;
use crate::report::table::{Played, Table};
use crate::signals::{self, Signal};
use crate::verdict::Verdict;

/// Plays all scenarios of these chapters, and prints how the sides of each came out once they have. A signal ends the
/// scenario that is playing, and those after it are not played.
pub(super) fn run(
    arguments: &Run,
    chapters: &'static [Chapter],
    page: Page,
) -> Result<u8, Failure> {
    let started = Instant::now();
    let signals = signals::listen().map_err(failed)?;
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
    let options = Options::default();
    let mut cut_off = None;
    'all: for chapter in chapters {
        let mut head = table.chapter(chapter);
        for scenario in chapter.scenarios {
            progress.inc(1);
            progress.set_message(scenario.name);
            let outcome = demo::run(scenario, &options, &Quiet, &signals).map_err(|error| {
                Failure::Failed(format!("`{}` can't be played: {error}", scenario.name))
            })?;
            cut_off = outcome.cut_off;
            if cut_off.is_some() {
                if head.is_empty() {
                    print("\n")?;
                }
                break 'all;
            }
            let document = Document::new(scenario, &options, &outcome);
            let document = serde_json::to_value(document).map_err(failed)?;
            let rows = Played::read(&document).map_err(failed)?;
            print(&(mem::take(&mut head) + &table.rows(&rows)))?;
            all_rows.push(rows);
            documents.push(document);
        }
        print("\n")?;
    }
    // What is printed may be what takes so long.
    drop(signals);
    progress.finish_and_clear();

    let mut text = if arguments.json {
        serde_json::to_string_pretty(&documents).map_err(failed)? + "\n"
    } else {
        table.sum(&all_rows, started.elapsed())
    };
    let signal = |code: u8| Signal::ALL.into_iter().find(|it| it.exit_code() == code);
    if let (Some(signal), false) = (cut_off.and_then(signal), arguments.json) {
        let left = count - all_rows.len();
        let _ = writeln!(
            text,
            "{signal} ended it; {left} of {count} scenarios were not played"
        );
    }
    let written = write_all(&mut out, &text);
    if let Some(code) = cut_off {
        // Whoever sent it may have taken the terminal away.
        return Ok(code);
    }
    written?;
    Ok(if all_rows.iter().all(Played::is_as_expected) {
        exit::AS_EXPECTED
    } else {
        exit::UNEXPECTED
    })
}

/// The table says all that there is to say.
struct Quiet;

impl Notices for Quiet {
    fn console(&self, _side: &'static str, _address: SocketAddr) {}

    fn playing(&self) {}

    fn held(&self, _sides: &[(&'static str, Verdict)]) {}

    fn asked(&self, _outcome: &Outcome) {}
}

fn failed(error: impl Display) -> Failure {
    Failure::Failed(error.to_string())
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
