//! A command line that was not understood: one line that says why, and if it is known what was meant, the command line
//! to type instead.

use std::error::Error as _;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, CommandFactory, Error, Parser};

use super::arguments::{Arguments, EVERY_CHAPTER};
use super::names::Names;
use super::nearest::{is_same, nearest};

/// What is wrong with a command line.
#[derive(Debug)]
pub(super) struct Misuse {
    line: String,
    instead: Option<Instead>,
}

/// How to make the command line that was meant.
#[derive(Debug)]
struct Instead {
    /// Consecutive arguments that `to` replaces. Where this is empty, `to` is put in front of all arguments.
    from: Vec<String>,
    to: Vec<String>,
}

impl Misuse {
    pub(super) fn new(line: impl Into<String>) -> Self {
        Self {
            line: line.into(),
            instead: None,
        }
    }

    /// Suggests the same command line with `to` in place of `from`.
    pub(super) fn replace(self, from: &[&str], to: &[&str]) -> Self {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let instead = Some(Instead {
            from: owned(from),
            to: owned(to),
        });
        Self { instead, ..self }
    }

    /// The same where `command` stands before `wanted` already.
    pub(super) fn behind(mut self, command: &str, wanted: &str) -> Self {
        if let Some(Instead { from, to }) = &mut self.instead {
            if to.first().is_some_and(|it| it == command) {
                to.remove(0);
            } else {
                *from = vec![command.to_owned(), wanted.to_owned()];
            }
        }
        self
    }

    /// Suggests the same command line with these arguments in front.
    fn begin_with(self, to: &[&str]) -> Self {
        self.replace(&[], to)
    }

    /// What is wrong, and what to type in place of these `arguments`, of which the first is the name of the program.
    pub(super) fn lines(&self, arguments: &[OsString]) -> (&str, Option<String>) {
        let instead = self.instead.as_ref();
        (&self.line, instead.and_then(|it| it.command(arguments)))
    }
}

impl Instead {
    /// The command line that was meant, as a shell reads it. None if something else is wrong with it, too.
    fn command(&self, arguments: &[OsString]) -> Option<String> {
        let arguments: Option<Vec<&str>> = arguments.iter().skip(1).map(|it| it.to_str()).collect();
        let meant = self.apply(&arguments?)?;
        if !is_understood(&meant) {
            return None;
        }
        let quoted: Option<Vec<String>> = meant.iter().map(|it| quoted(it)).collect();
        Some(format!("{} {}", program(), quoted?.join(" ")))
    }

    fn apply(&self, arguments: &[&str]) -> Option<Vec<String>> {
        let Self { from, to } = self;
        let mut meant: Vec<String> = arguments.iter().map(|it| (*it).to_owned()).collect();
        if from.is_empty() {
            meant.splice(0..0, to.iter().cloned());
            return Some(meant);
        }
        if let Some(at) = meant.windows(from.len()).position(|it| it == from) {
            meant.splice(at..at + from.len(), to.iter().cloned());
            return Some(meant);
        }
        let ([from], [others @ .., to]) = (&from[..], &to[..]) else {
            return None;
        };
        // An option and its value may be one argument.
        let joined = |argument: &String| {
            let (option, value) = argument.split_once('=')?;
            match from {
                from if from == option => Some(format!("{to}={value}")),
                from if from == value => Some(format!("{option}={to}")),
                _ => None,
            }
        };
        let (at, joined) = meant
            .iter()
            .enumerate()
            .find_map(|(at, argument)| Some((at, joined(argument)?)))?;
        meant.splice(at..=at, others.iter().cloned().chain([joined]));
        Some(meant)
    }
}

fn is_understood(arguments: &[String]) -> bool {
    let arguments = arguments.iter().map(String::as_str);
    match Arguments::try_parse_from(["unstuck"].into_iter().chain(arguments)) {
        Ok(_) => true,
        Err(error) => !error.use_stderr(),
    }
}

/// The argument, quoted for a shell. `None` if it has control characters, which can't be copied from a terminal.
pub(super) fn quoted(argument: &str) -> Option<String> {
    if escaped(argument) != argument {
        return None;
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !argument.is_empty() && argument.chars().all(is_plain) {
        return Some(argument.to_owned());
    }
    Some(format!("'{}'", argument.replace('\'', r"'\''")))
}

/// The text with escapes in place of characters that control a terminal, or the direction of what follows.
pub(super) fn escaped(text: &str) -> String {
    let controls = |c: char| {
        let directs = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}');
        c.is_control() || directs || c == '\u{feff}'
    };
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if controls(c) {
            escaped.extend(c.escape_default());
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// How whoever runs this would run it again.
pub(super) fn program() -> &'static str {
    let under_cargo = std::env::var_os("CARGO").is_some();
    if under_cargo {
        "cargo run --"
    } else {
        "unstuck"
    }
}

/// What is wrong with `arguments`, of which the first is the name of the program.
pub(super) fn misuse(error: &Error, arguments: &[OsString], names: &Names) -> Misuse {
    let said = |kind| error.get(kind).and_then(text);
    let mut all = Arguments::command();
    // Help and the version are options, too.
    all.build();
    let first = arguments.get(1).map(OsString::as_os_str);
    let command = first.and_then(|name| all.find_subcommand(name));
    let help = match command.filter(|it| it.get_name() != "help") {
        Some(command) => format!(
            "`unstuck {} --help` shows what there is",
            command.get_name()
        ),
        None => "`unstuck --help` shows what there is".to_owned(),
    };
    let whole = said(ContextKind::InvalidArg).unwrap_or_default();
    let argument = short(&whole);
    let value = said(ContextKind::InvalidValue).unwrap_or_default();
    match error.kind() {
        ErrorKind::ValueValidation => {
            let line = match error.source() {
                Some(instead) => format!("`{argument}` can't be `{value}`; {instead}"),
                None => format!("`{argument}` can't be `{value}`; {help}"),
            };
            let meant = (argument == "PID")
                .then(|| not_a_process(&value, names))
                .flatten();
            meant.map_or_else(|| Misuse::new(line), |it| it.behind("explain", &value))
        }
        ErrorKind::InvalidValue => {
            let valid: &[String] = match error.get(ContextKind::ValidValue) {
                Some(ContextValue::Strings(valid)) => valid,
                _ => &[],
            };
            let what = match &*value {
                "" => format!("`{argument}` needs a value"),
                value => format!("`{argument}` can't be `{value}`"),
            };
            match nearest(&value, valid.iter().map(String::as_str)) {
                Some(near) => did_you_mean(&what, near).replace(&[&value], &[near]),
                None if valid.is_empty() => Misuse::new(format!("{what}; {help}")),
                None => Misuse::new(format!("{what}; name one of {}", valid.join(", "))),
            }
        }
        ErrorKind::UnknownArgument if !whole.starts_with('-') => {
            Misuse::new(format!("`{whole}` is one argument too many; {help}"))
        }
        ErrorKind::UnknownArgument => match command {
            Some(command) => unknown_option(&whole, &[command], &help),
            None => option_without_command(&whole, &all, arguments, &help),
        },
        ErrorKind::InvalidSubcommand if first == Some(OsStr::new("--")) => {
            option_without_command("--", &all, arguments, &help)
        }
        ErrorKind::InvalidSubcommand => {
            let wanted = said(ContextKind::InvalidSubcommand).unwrap_or_default();
            let is_first = first == Some(OsStr::new(&wanted));
            let names = if is_first { names } else { &Names::default() };
            unknown_command(&wanted, is_first, &all, names, &help)
        }
        ErrorKind::MissingRequiredArgument if argument == "<PID>" => Misuse::new(format!(
            "name a process by its id, or a command after `--`; {help}"
        )),
        ErrorKind::MissingRequiredArgument => {
            Misuse::new(format!("`{argument}` is missing; {help}"))
        }
        ErrorKind::ArgumentConflict => {
            let other = short(&said(ContextKind::PriorArg).unwrap_or_default());
            Misuse::new(format!(
                "`{argument}` and `{other}` contradict each other; leave one of them out"
            ))
        }
        _ => {
            let rendered = error.render().to_string();
            let first = rendered.lines().next().unwrap_or_default();
            let first = first.trim_start_matches("error: ").trim_end_matches(':');
            Misuse::new(format!("{first}; {help}"))
        }
    }
}

/// An option that none of these commands has.
fn unknown_option(option: &str, commands: &[&Command], help: &str) -> Misuse {
    let what = format!("there is no option `{option}`");
    let options = |command: &Command| command.get_arguments().flat_map(written).collect();
    let near = commands.iter().find_map(|command| {
        let options: Vec<String> = options(command);
        let options = options.iter().map(String::as_str);
        Some((*command, near_option(option, options)?.to_owned()))
    });
    match near {
        // The first one is that of the command line.
        Some((command, near)) if command.get_name() == commands[0].get_name() => {
            did_you_mean(&what, &near).replace(&[option], &[&near])
        }
        Some((command, near)) => {
            let command = command.get_name();
            did_you_mean(&what, &format!("{command} {near}")).replace(&[option], &[command, &near])
        }
        None => Misuse::new(format!("{what}; {help}")),
    }
}

/// An option where a command should be. Those of `run` can be meant, as it is what `unstuck` does alone.
fn option_without_command(
    option: &str,
    all: &Command,
    arguments: &[OsString],
    help: &str,
) -> Misuse {
    const COMMANDS: [&str; 2] = ["run", "explain"];
    for command in COMMANDS {
        let Some(arguments) = arguments.iter().skip(1).map(|it| it.to_str()).collect() else {
            break;
        };
        let arguments: Vec<&str> = arguments;
        let meant = [command].into_iter().chain(arguments).map(str::to_owned);
        if is_understood(&meant.collect::<Vec<String>>()) {
            let line = if option == "--" {
                "a command is explained by `explain`; did you mean that?".to_owned()
            } else {
                format!("`{option}` is an option of `{command}`; did you mean that?")
            };
            return Misuse::new(line).begin_with(&[command]);
        }
    }
    let commands = COMMANDS
        .iter()
        .filter_map(|command| all.find_subcommand(command));
    let commands: Vec<&Command> = [all].into_iter().chain(commands).collect();
    unknown_option(option, &commands, help)
}

/// As it stands on a command line: `-h` and `--help`.
fn written(option: &Arg) -> Vec<String> {
    let long = option.get_long().map(|long| format!("--{long}"));
    let short = option.get_short().map(|short| format!("-{short}"));
    long.into_iter().chain(short).collect()
}

fn near_option<'o>(
    option: &str,
    options: impl Iterator<Item = &'o str> + Clone,
) -> Option<&'o str> {
    let is_long = |option: &str| option.starts_with("--");
    if is_long(option) {
        let names = options.filter_map(|it| it.strip_prefix("--").map(|name| (name, it)));
        let near = nearest(&option[2..], names.clone().map(|(name, _)| name))?;
        return names
            .clone()
            .find(|(name, _)| *name == near)
            .map(|(_, it)| it);
    }
    // Of one letter, only the case may differ.
    let mut options = options;
    options.find(|it| !is_long(it) && is_same(it, option))
}

/// Something that is no command, where a command should be.
fn unknown_command(
    wanted: &str,
    is_first: bool,
    all: &Command,
    names: &Names,
    help: &str,
) -> Misuse {
    if is_first && let Some(misuse) = not_a_process(wanted, names).or_else(|| number(wanted)) {
        return misuse;
    }
    if let Some(misuse) = known_otherwise(wanted, names) {
        return misuse;
    }
    let what = format!("there is no command `{wanted}`");
    let commands = || all.get_subcommands().map(Command::get_name);
    let scenarios = names.scenarios.iter().map(|it| it.name);
    let chapters = names.chapters.iter().map(|it| it.name);
    match nearest(wanted, commands().chain(scenarios).chain(chapters)) {
        Some(near) if commands().any(|it| it == near) => {
            did_you_mean(&what, near).replace(&[wanted], &[near])
        }
        Some(near) if names.chapter(near).is_some() => {
            let meant = did_you_mean(&what, &format!("run --all {near}"));
            meant.replace(&[wanted], &["run", "--all", near])
        }
        Some(near) => {
            did_you_mean(&what, &format!("run {near}")).replace(&[wanted], &["run", near])
        }
        None => Misuse::new(format!("{what}; {help}")),
    }
}

pub(super) fn number(wanted: &str) -> Option<Misuse> {
    let id: u32 = wanted.parse().ok()?;
    let line = format!("`{wanted}` is no command; did you mean to explain the process {id}?");
    Some(Misuse::new(line).replace(&[wanted], &["explain", wanted]))
}

/// A scenario or a file in place of a process id or a command.
fn not_a_process(wanted: &str, names: &Names) -> Option<Misuse> {
    let path = Path::new(wanted);
    if path.components().count() > 1 && path.is_file() {
        let line = format!("`{wanted}` is a file; did you mean to run it and explain it?");
        // The command is the rest of the line, its options included.
        let misuse = Misuse::new(line);
        return Some(misuse.replace(&[wanted], &["explain", "--", wanted]));
    }
    let scenario = names.scenarios.iter().find(|it| is_same(it.name, wanted))?;
    let line = format!("`{wanted}` is a scenario; did you mean to play it?");
    Some(Misuse::new(line).replace(&[wanted], &["run", scenario.name]))
}

/// A chapter, or a side, or what stands for all chapters.
pub(super) fn known_otherwise(wanted: &str, names: &Names) -> Option<Misuse> {
    if is_same(wanted, EVERY_CHAPTER) && !names.scenarios.is_empty() {
        let line = format!("`{wanted}` is no scenario; did you mean to play every one?");
        return Some(Misuse::new(line).replace(&[wanted], &["run", "--all"]));
    }
    if let Some(chapter) = names.chapters.iter().find(|it| is_same(it.name, wanted)) {
        let line = format!("`{wanted}` is a chapter; did you mean to play its scenarios?");
        return Some(Misuse::new(line).replace(&[wanted], &["run", "--all", chapter.name]));
    }
    let scenario = names.with_side(&wanted.to_lowercase())?;
    let line = format!(
        "`{wanted}` is a side of `{}`; did you mean to play it?",
        scenario.name
    );
    let side = wanted.to_lowercase();
    let to = ["run", scenario.name, "--only", &side];
    Some(Misuse::new(line).replace(&[wanted], &to))
}

pub(super) fn did_you_mean(what: &str, near: &str) -> Misuse {
    Misuse::new(format!("{what}; did you mean `{near}`?"))
}

/// `--posts <N>` is `--posts`, `[PID]` is `PID`, and `[COMMAND]...` is `COMMAND`; `<SHELL>` stays what it is.
fn short(argument: &str) -> String {
    let argument = argument.split(' ').next().unwrap_or_default();
    argument.trim_matches(['[', ']', '.']).to_owned()
}

fn text(value: &ContextValue) -> Option<String> {
    match value {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) if !texts.is_empty() => Some(texts.join(", ")),
        _ => None,
    }
}
