//! `explain -- COMMAND`: reports on a command that runs, on standard error, as standard output is the command's.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anstream::adapter::strip_str;
use anstream::{AutoStream, ColorChoice};
use rustix::termios::{self, OutputModes};
use supports_hyperlinks::Stream;

use super::Failure;
use super::arguments::{Color, Explain};
use super::explain::saved;
use super::output::{detail, page_of, with_links};
use super::usage::escaped;
use crate::explain::command::{self, Event};
use crate::explain::{self, Explanation};
use crate::report::page::{Detail, Page};
use crate::report::process;
use crate::report_dir::ReportDir;

/// Runs the command, and returns its exit code.
pub(super) fn explain(arguments: &Explain) -> Result<u8, Failure> {
    let folder = arguments
        .report_dir
        .clone()
        .map(ReportDir::open)
        .transpose();
    let folder = folder.map_err(|error| Failure::Failed(escaped(&error.to_string())))?;
    let mut reports = Reports {
        folder,
        detail: detail(arguments.full),
        quiet: arguments.quiet,
        color: arguments.color,
        save: arguments.save.clone(),
        first: None,
    };
    let ended = command::run(&arguments.command, move |event| reports.print(event));
    let ended = ended.map_err(|error| {
        let command = arguments.command[0].display();
        Failure::Failed(format!("`{command}` can't be started: {error}"))
    })?;
    Ok(ended.end_alike())
}

struct Reports {
    detail: Detail,
    /// The verdict only.
    quiet: bool,
    color: Color,
    folder: Option<ReportDir>,
    save: Option<PathBuf>,
    /// The first process that was saved.
    first: Option<u32>,
}

impl Reports {
    fn print(&mut self, event: Event) {
        match event {
            Event::Explained(explanation) | Event::Stuck(explanation) => self.report(&explanation),
            Event::Nothing(unreadable) if unreadable.is_empty() => {
                self.write("unstuck: no Tokio program runs yet that could be explained\n");
            }
            Event::Nothing(unreadable) => {
                let lines = unreadable.iter().map(|(id, error)| {
                    format!("unstuck: process {id} can't be explained: {error}\n")
                });
                self.write(&lines.collect::<String>());
            }
        }
    }

    fn report(&mut self, explanation: &Explanation) {
        let page = page_of(terminal_size::terminal_size_of(io::stderr()));
        let mut text = if self.quiet {
            let title = format!("unstuck: process {}: ", explanation.snapshot.process.id);
            process::render_verdict(explanation, &title, page)
        } else {
            let text = process::render(explanation, self.detail, page);
            let links = || process::links(explanation);
            with_links(text, links, self.choice(), Stream::Stderr)
        };
        if let Some(folder) = &self.folder {
            let line = match write_to(folder, explanation) {
                Ok(_) if self.quiet => String::new(),
                Ok(file) => format!(
                    "report written to {}\n",
                    escaped(&file.display().to_string())
                ),
                Err(error) => format!("unstuck: no report can be written: {error}\n"),
            };
            text.push_str(&line);
        }
        if let Some(file) = &self.save {
            let snapshot = &explanation.snapshot;
            let id = snapshot.process.id;
            let is_first = *self.first.get_or_insert(id) == id;
            let file = if is_first {
                file.clone()
            } else {
                with_id(file, id)
            };
            let line = match explain::save(snapshot, &file) {
                Ok(()) if self.quiet => String::new(),
                Ok(()) => saved(&file),
                Err(error) => format!("unstuck: {}\n", escaped(&error.to_string())),
            };
            text.push_str(&line);
        }
        self.write(&text);
    }

    fn choice(&self) -> ColorChoice {
        match self.color {
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
            Color::Auto => AutoStream::choice(&io::stderr()),
        }
    }

    /// In one write, so that the command's own output does not end up in the middle.
    fn write(&self, text: &str) {
        let stderr = io::stderr();
        let mut text = text.to_owned();
        if self.choice() == ColorChoice::Never {
            text = strip_str(&text).to_string();
        }
        if stderr.is_terminal() {
            // The cursor is behind what the command has printed last, or the key that was pressed.
            text.insert(0, '\n');
            let settings = termios::tcgetattr(&stderr);
            if settings.is_ok_and(|it| !it.output_modes.contains(OutputModes::OPOST)) {
                text = text.replace('\n', "\r\n");
            }
        }
        // Nobody may be there to read it. The command goes on.
        let _ = stderr.lock().write_all(text.as_bytes());
    }
}

/// All of a report.
fn write_to(folder: &ReportDir, explanation: &Explanation) -> io::Result<PathBuf> {
    let text = process::render(explanation, Detail::Full, Page::Plain);
    let json = process::to_json(explanation, Detail::Full)?;
    folder.write(explanation.snapshot.process.id, &text, &json)
}

/// `hang.json` is `hang.4242.json`.
fn with_id(file: &Path, id: u32) -> PathBuf {
    let extension = file.extension().map(|it| it.to_string_lossy().into_owned());
    match extension {
        Some(extension) => file.with_extension(format!("{id}.{extension}")),
        None => file.with_extension(id.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn further_snapshots_have_the_id_of_their_process_before_the_extension() {
        for (file, expected) in [
            ("hang.json", "hang.42.json"),
            ("a/hang", "a/hang.42"),
            ("a.b/hang.tar.json", "a.b/hang.tar.42.json"),
        ] {
            assert_eq!(with_id(Path::new(file), 42), Path::new(expected));
        }
    }
}
