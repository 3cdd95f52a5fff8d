//! A command line that was not understood: one line that says why, and what to do instead.

use std::error::Error as _;

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

pub(super) fn in_one_line(error: &Error) -> String {
    let said = |kind| error.get(kind).and_then(text);
    let argument = short(&said(ContextKind::InvalidArg).unwrap_or_default());
    let value = said(ContextKind::InvalidValue).unwrap_or_default();
    let help = "`unstuck --help` shows what there is";
    let or_help = |instead: Option<String>| instead.unwrap_or_else(|| help.to_owned());
    let nearest = |kind| or_help(said(kind).map(|nearest| format!("the nearest is `{nearest}`")));
    match error.kind() {
        ErrorKind::ValueValidation => {
            let instead = or_help(error.source().map(ToString::to_string));
            format!("`{argument}` can't be `{value}`; {instead}")
        }
        ErrorKind::InvalidValue => {
            let valid = said(ContextKind::ValidValue).filter(|valid| !valid.is_empty());
            let instead = or_help(valid.map(|valid| format!("name one of {valid}")));
            if value.is_empty() {
                format!("`{argument}` needs a value; {instead}")
            } else {
                format!("`{argument}` can't be `{value}`; {instead}")
            }
        }
        ErrorKind::UnknownArgument if !argument.starts_with('-') => {
            format!("`{argument}` is one argument too many; {help}")
        }
        ErrorKind::UnknownArgument => {
            format!(
                "there is no option `{argument}`; {}",
                nearest(ContextKind::SuggestedArg)
            )
        }
        ErrorKind::InvalidSubcommand => {
            let command = said(ContextKind::InvalidSubcommand).unwrap_or_default();
            format!(
                "there is no command `{command}`; {}",
                nearest(ContextKind::SuggestedSubcommand)
            )
        }
        ErrorKind::MissingRequiredArgument if argument == "<PID>" => {
            format!("name a process by its id, or a command after `--`; {help}")
        }
        ErrorKind::MissingRequiredArgument => {
            format!("`{argument}` is missing; {help}")
        }
        ErrorKind::ArgumentConflict => {
            let other = short(&said(ContextKind::PriorArg).unwrap_or_default());
            format!("`{argument}` and `{other}` contradict each other; leave one of them out")
        }
        _ => {
            let rendered = error.render().to_string();
            let first = rendered.lines().next().unwrap_or_default();
            format!(
                "{}; {help}",
                first.trim_start_matches("error: ").trim_end_matches(':')
            )
        }
    }
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
