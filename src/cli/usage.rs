//! A command line that was not understood: one line that says why, and what to do instead.

use std::error::Error as _;

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

pub(super) fn in_one_line(error: &Error) -> String {
    let said = |kind| error.get(kind).and_then(text);
    let argument = said(ContextKind::InvalidArg).unwrap_or_default();
    let see = "`unstuck --help` shows what there is";
    match error.kind() {
        ErrorKind::ValueValidation => {
            let why = error.source().map(ToString::to_string).unwrap_or_default();
            if why.contains(';') {
                return why;
            }
            let option = argument.split(' ').next().unwrap_or_default();
            format!("`{option}`: {why}; name a number in that range")
        }
        ErrorKind::UnknownArgument => match said(ContextKind::SuggestedArg) {
            Some(nearest) => format!("there is no option `{argument}`; the nearest is `{nearest}`"),
            None => format!("there is no option `{argument}`; {see}"),
        },
        ErrorKind::InvalidSubcommand => {
            let command = said(ContextKind::InvalidSubcommand).unwrap_or_default();
            match said(ContextKind::SuggestedSubcommand) {
                Some(nearest) => format!("there is no command `{command}`; the nearest is `{nearest}`"),
                None => format!("there is no command `{command}`; {see}"),
            }
        }
        ErrorKind::InvalidValue => {
            let value = said(ContextKind::InvalidValue).unwrap_or_default();
            let valid = said(ContextKind::ValidValue);
            let valid = valid.map_or_else(|| see.to_owned(), |valid| format!("name one of {valid}"));
            if value.is_empty() {
                format!("`{argument}` needs a value; {valid}")
            } else {
                format!("`{argument}` can't be `{value}`; {valid}")
            }
        }
        ErrorKind::ArgumentConflict => {
            let other = said(ContextKind::PriorArg).unwrap_or_default();
            format!("`{argument}` and `{other}` contradict each other; leave one of them out")
        }
        _ => {
            let rendered = error.render().to_string();
            let first = rendered.lines().next().unwrap_or_default();
            format!("{}; {see}", first.trim_start_matches("error: ").trim_end_matches(':'))
        }
    }
}

fn text(value: &ContextValue) -> Option<String> {
    match value {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) if !texts.is_empty() => Some(texts.join(", ")),
        _ => None,
    }
}
