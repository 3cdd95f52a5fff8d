//! `explain`: what the tasks of a process wait for. It needs no scenarios, and no cfg.

use std::io::{self, Write};
use std::mem;
use std::path::Path;

use anstream::AutoStream;
use supports_hyperlinks::Stream;

use super::Failure;
use super::arguments::Explain;
#[cfg(target_os = "linux")]
use super::command::explain as explain_command;
use super::output::{color, detail, page, with_links, write_all};
use super::usage::{Misuse, escaped};
use crate::exit;
use crate::explain::{self, Explanation};
use crate::report::process;

/// What the tasks of a process wait for.
pub(super) fn explain(arguments: &Explain) -> Result<u8, Failure> {
    if !arguments.command.is_empty() {
        return explain_command(arguments);
    }
    let failed = |error: explain::Error| Failure::Failed(error.to_string());
    let explained = match (arguments.process, &arguments.core, &arguments.snapshot) {
        (Some(id), ..) => explain::live(id),
        (None, Some(file), _) => explain::core(file, arguments.exe.as_deref()).map(Into::into),
        (None, None, Some(file)) => explain::saved(file).map(Into::into),
        (None, None, None) => {
            let misuse = Misuse::new("name a process by its id");
            return Err(Failure::Usage(misuse));
        }
    };
    let explained: Explanation = explained.map_err(failed)?;
    let detail = detail(arguments.full);
    let has_tasks = explained.snapshot.no_tasks().is_none();
    let text = if arguments.quiet && has_tasks {
        process::render_verdict(&explained, "", page())
    } else if arguments.quiet {
        // The error on standard error says why there is no verdict.
        String::new()
    } else if arguments.json {
        let json = process::to_json(&explained, detail);
        json.map_err(|error| Failure::Failed(error.to_string()))? + "\n"
    } else {
        let text = process::render(&explained, detail, page());
        let links = || process::links(&explained);
        with_links(text, links, color(arguments.color), Stream::Stdout)
    };
    let mut out = AutoStream::new(io::stdout().lock(), color(arguments.color));
    write_all(&mut out, &text)?;
    if let Some(file) = &arguments.save {
        explain::save(&explained.snapshot, file).map_err(failed)?;
        if !arguments.quiet {
            let _ = io::stderr().write_all(saved(file).as_bytes());
        }
    }
    let answer = match explained.snapshot.no_tasks() {
        Some(reason) => Err(Failure::Failed(reason.to_owned())),
        None => Ok(exit::AS_EXPECTED),
    };
    // The program ends here. Of many tasks, it takes long to give back the memory piece by piece.
    mem::forget(explained);
    answer
}

#[cfg(not(target_os = "linux"))]
fn explain_command(_: &Explain) -> Result<u8, Failure> {
    let line = "commands can be explained on Linux only; run this on the Linux machine where the program runs";
    Err(Failure::Failed(line.to_owned()))
}

/// What a snapshot contains, and where it is.
pub(super) fn saved(file: &Path) -> String {
    let file = escaped(&file.display().to_string());
    format!(
        "saved to {file}: names, types and lines of code, addresses, counts and errors, and no other memory\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_snapshot_was_saved_is_said_in_one_line_whatever_the_name() {
        let said = saved(Path::new("a\n\u{1b}[1mb"));
        assert!(said.starts_with(r"saved to a\n\u{1b}[1mb: names"), "{said}");
        assert_eq!(said.lines().count(), 1);
    }
}
