//! Every scenario, several at a time, and a table.

use std::fmt::{Display, Write as _};
use std::io;
use std::mem;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use anstream::AutoStream;
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use serde_json::Value;

use super::super::Failure;
use super::super::arguments::Run;
use super::super::output::write_all;
use super::output::{self, color};
use crate::demo::{self, Chapter, Options, Progress, Scenario};
use crate::exit;
use crate::report::Document;
use crate::report::page::Page;
use crate::report::table::{Played, Table};
use crate::signals::{self, Signal};

/// Plays all scenarios of these chapters, and prints how the sides of each came out, in the order of the catalogue. A
/// signal ends those that are playing, and the others are not played.
pub(super) fn run(arguments: &Run, chapters: &'static [Chapter]) -> Result<u8, Failure> {
    let started = Instant::now();
    let signals = signals::listen().map_err(failed)?;
    let row: Vec<&Scenario> = demo::scenarios(chapters).collect();
    let mut results = Results::of(chapters, output::page(arguments));
    let progress = progress(arguments, row.len());
    let mut out = AutoStream::new(io::stdout().lock(), color(arguments));
    let mut print = |text: &str| {
        if arguments.json || arguments.quiet {
            return Ok(exit::AS_EXPECTED);
        }
        progress.suspend(|| write_all(&mut out, text))
    };

    let mut playing: Vec<usize> = Vec::new();
    let mut failure = None;
    let played = demo::run_row(&row, &signals, |index, event| {
        let shown = match event {
            Progress::Begun => {
                playing.push(index);
                Ok(exit::AS_EXPECTED)
            }
            Progress::Played(outcome) => {
                playing.retain(|other| *other != index);
                progress.inc(1);
                let document = Document::new(row[index], &Options::default(), &outcome);
                let added = results.add(index, &document);
                added.and_then(|()| print(&results.next_rows()))
            }
        };
        let names: Vec<&str> = playing.iter().map(|index| row[*index].name).collect();
        progress.set_message(names.join(", "));
        match shown {
            Ok(_) => ControlFlow::Continue(()),
            Err(error) => {
                failure.get_or_insert(error);
                ControlFlow::Break(())
            }
        }
    });
    // What is printed may be what takes so long.
    drop(signals);
    progress.finish_and_clear();
    let cut_off = played.map_err(|(index, error)| {
        Failure::Failed(format!("`{}` can't be played: {error}", row[index].name))
    })?;
    if let Some(failure) = failure {
        return Err(failure);
    }

    let played = results.played();
    let mut text = if arguments.json {
        let documents: Vec<&Value> = results.documents().collect();
        serde_json::to_string_pretty(&documents).map_err(failed)? + "\n"
    } else {
        let rows = results.last_rows();
        let sum = results.table.sum(&played, started.elapsed());
        if arguments.quiet { sum } else { rows + &sum }
    };
    let signal = |code: u8| Signal::ALL.into_iter().find(|it| it.exit_code() == code);
    if let (Some(signal), false) = (cut_off.and_then(signal), arguments.json) {
        let (left, all) = (row.len() - played.len(), row.len());
        let _ = writeln!(
            text,
            "{signal} ended it; {left} of {all} scenarios were not played"
        );
    }
    let written = write_all(&mut out, &text);
    if let Some(code) = cut_off {
        // Whoever sent it may have taken the terminal away.
        return Ok(code);
    }
    written?;
    Ok(if played.iter().all(Played::is_as_expected) {
        exit::AS_EXPECTED
    } else {
        exit::UNEXPECTED
    })
}

/// How scenarios came out, printed in their order though they end in another one.
struct Results {
    table: Table,
    /// That of each scenario.
    chapters: Vec<&'static Chapter>,
    /// Of each scenario, once it was played.
    ended: Vec<Option<(Value, Played)>>,
    /// The first scenario whose rows were not printed.
    next: usize,
    /// The chapter of the last row.
    last: Option<&'static str>,
}

impl Results {
    fn of(chapters: &'static [Chapter], page: Page) -> Self {
        Self {
            table: Table::new(chapters, page),
            ended: demo::scenarios(chapters).map(|_| None).collect(),
            chapters: chapters
                .iter()
                .flat_map(|chapter| chapter.scenarios.iter().map(move |_| chapter))
                .collect(),
            next: 0,
            last: None,
        }
    }

    fn add(&mut self, index: usize, document: &Document) -> Result<(), Failure> {
        let document = serde_json::to_value(document).map_err(failed)?;
        let played = Played::read(&document).map_err(failed)?;
        self.ended[index] = Some((document, played));
        Ok(())
    }

    /// The rows whose turn has come.
    fn next_rows(&mut self) -> String {
        let ready = self.ended[self.next..].iter().take_while(|it| it.is_some());
        let ready = ready.count();
        self.rows(ready)
    }

    /// The rows that are left, and the end of the last chapter.
    fn last_rows(&mut self) -> String {
        let left = self.ended.len() - self.next;
        let mut rows = self.rows(left);
        if !self.played().is_empty() {
            rows.push('\n');
        }
        rows
    }

    /// The rows of so many scenarios more, as far as they were played.
    fn rows(&mut self, count: usize) -> String {
        let mut text = String::new();
        let end = self.next + count;
        for index in mem::replace(&mut self.next, end)..end {
            let Some((_, played)) = &self.ended[index] else {
                continue;
            };
            let chapter = self.chapters[index];
            if self.last != Some(chapter.name) {
                text += if self.last.is_some() { "\n" } else { "" };
                text += &self.table.chapter(chapter);
                self.last = Some(chapter.name);
            }
            text += &self.table.rows(played);
        }
        text
    }

    fn documents(&self) -> impl Iterator<Item = &Value> {
        self.ended.iter().flatten().map(|(document, _)| document)
    }

    fn played(&self) -> Vec<Played> {
        let ended = self.ended.iter().flatten();
        ended.map(|(_, played)| played.clone()).collect()
    }
}

fn failed(error: impl Display) -> Failure {
    Failure::Failed(error.to_string())
}

fn progress(arguments: &Run, scenarios: usize) -> ProgressBar {
    const TICK: Duration = Duration::from_millis(80);
    let style = ProgressStyle::with_template("{spinner} {pos}/{len} {wide_msg}");
    let progress =
        ProgressBar::with_draw_target(u64::try_from(scenarios).ok(), output::progress(arguments));
    progress.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    progress.enable_steady_tick(TICK);
    progress.with_finish(ProgressFinish::AndClear)
}
