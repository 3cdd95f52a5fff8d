//! Completion: the script that a shell reads once, and what it asks for when somebody presses Tab.
//!
//! The script calls this program, so that it knows which processes run, and which sides the scenario has.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_complete::engine::{
    ArgValueCandidates, ArgValueCompleter, CompletionCandidate, PathCompleter,
};
use clap_complete::env::Shells;

use super::arguments::{Arguments, EVERY_CHAPTER};
use super::names::Names;

/// The variable by which the script asks, with the shell as its value.
const ASKED: &str = "UNSTUCK_COMPLETE";

/// The script for a shell. `program` is what this one was called as.
pub(super) fn script(shell: Shell, program: Option<&OsString>) -> io::Result<Vec<u8>> {
    const NAME: &str = "unstuck";
    // A path is of use in another folder, too. A name is looked up each time.
    let program = Path::new(program.map_or(OsStr::new(NAME), OsString::as_os_str));
    let program = match program.components().count() {
        1 => program.to_owned(),
        _ => env::current_dir()?.join(program),
    };
    let mut script = Vec::new();
    let shells = Shells::builtins();
    if let Some(shell) = shells.completer(&shell.to_string()) {
        let program = program.to_string_lossy();
        shell.write_registration(ASKED, NAME, NAME, &program, &mut script)?;
    }
    Ok(script)
}

/// What can stand at the cursor, if the script asks for that.
pub(super) fn answer_if_asked(
    arguments: &[OsString],
    names: &Names,
) -> Option<io::Result<Vec<u8>>> {
    let shell = env::var_os(ASKED)?;
    let shells = Shells::builtins();
    let shell = shells.completer(shell.to_str()?)?;
    let words = arguments.iter().skip_while(|it| *it != "--").skip(1);
    let words: Vec<OsString> = words.cloned().collect();
    if words.is_empty() {
        return None;
    }
    let mut answer = Vec::new();
    let folder = env::current_dir().ok();
    let mut command = command(&words, names);
    let written = shell.write_complete(&mut command, words, folder.as_deref(), &mut answer);
    Some(written.map(|()| answer))
}

/// The definition of the command line, with what its values can be.
fn command(words: &[OsString], names: &Names) -> Command {
    let scenarios: Values = names
        .scenarios
        .iter()
        .map(|it| (it.name, it.summary.to_owned()))
        .collect();
    let all_chapters = (EVERY_CHAPTER, "every chapter".to_owned());
    let chapters = names
        .chapters
        .iter()
        .map(|it| (it.name, it.title.to_owned()))
        .chain((!names.chapters.is_empty()).then_some(all_chapters))
        .collect();
    let called = |word: &OsString| names.scenarios.iter().find(|it| word == it.name);
    // The first one is played if none is named.
    let scenario = words
        .iter()
        .find_map(called)
        .or_else(|| names.scenarios.first());
    let sides = scenario.into_iter().flat_map(|scenario| {
        let help = format!("a side of {}", scenario.name);
        scenario.sides.iter().map(move |it| (*it, help.clone()))
    });
    let sides = sides.collect();
    Arguments::command()
        .mut_subcommand("run", |run| {
            run.mut_arg("scenario", |it| it.add(fixed(scenarios.clone())))
                .mut_arg("all", |it| it.add(fixed(chapters)))
                .mut_arg("only", |it| it.add(fixed(sides)))
        })
        .mut_subcommand("show", |show| {
            show.mut_arg("scenario", |it| it.add(fixed(scenarios)))
        })
        .mut_subcommand("explain", |explain| {
            let file = || ArgValueCompleter::new(PathCompleter::any());
            // Where the command begins, clap looks for the first positional argument.
            let is_command = words.iter().any(|it| it == "--");
            // What is changed goes to the end, so all that have a place are changed, in their order.
            let explain = explain.mut_arg("process", |it| {
                if is_command {
                    it.add(file())
                } else {
                    it.add(ArgValueCandidates::new(processes))
                }
            });
            explain.mut_arg("command", |it| it.add(file()))
        })
}

/// Values, each with its help.
type Values = Vec<(&'static str, String)>;

fn fixed(values: Values) -> ArgValueCandidates {
    ArgValueCandidates::new(move || {
        let candidates = values.iter().map(|(value, help)| candidate(value, help));
        candidates.collect()
    })
}

fn candidate(value: &str, help: &str) -> CompletionCandidate {
    CompletionCandidate::new(value).help(Some(help.to_owned().into()))
}

/// The processes of the user who asks, the latest first, each with its command. There is no cheap way to tell which of
/// them run Tokio.
#[cfg(target_os = "linux")]
fn processes() -> Vec<CompletionCandidate> {
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    const WIDEST: usize = 60;
    let user = |id: &str| fs::metadata(format!("/proc/{id}")).map(|it| it.uid());
    let Ok(own) = user("self") else {
        return Vec::new();
    };
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|it| it.file_name().to_str()?.parse::<u32>().ok());
    let mut ids: Vec<u32> = ids.filter(|it| *it != std::process::id()).collect();
    ids.sort_unstable_by(|a, b| b.cmp(a));
    let process = |id: u32| {
        let id = id.to_string();
        // One without a file is a thread of the kernel, or has ended.
        if user(&id).ok()? != own || fs::read_link(format!("/proc/{id}/exe")).is_err() {
            return None;
        }
        let command = fs::read(format!("/proc/{id}/cmdline")).ok()?;
        let command = String::from_utf8_lossy(&command).into_owned();
        let mut words = command.trim_end_matches('\0').split('\0');
        let program = Path::new(words.next()?).file_name()?.to_string_lossy();
        let command: Vec<&str> = [&*program].into_iter().chain(words).collect();
        let command = super::usage::escaped(&command.join(" "));
        Some(candidate(
            &id,
            &command.chars().take(WIDEST).collect::<String>(),
        ))
    };
    ids.into_iter().filter_map(process).collect()
}

#[cfg(not(target_os = "linux"))]
fn processes() -> Vec<CompletionCandidate> {
    Vec::new()
}
