//! The manual page: one for all commands, as there is one program.

use std::io::{self, Write};

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::arguments::{Arguments, EXIT_CODES};

pub(super) fn write(page: &mut impl Write) -> io::Result<()> {
    let mut program = Arguments::command().disable_help_subcommand(true);
    program.build();
    let man = Man::new(program.clone());
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_options_section(page)?;
    heading("SH", "COMMANDS", page)?;
    for command in program.get_subcommands() {
        write_command(command, page)?;
    }
    exit_status(page)
}

fn write_command(command: &Command, page: &mut impl Write) -> io::Result<()> {
    heading("SS", command.get_name(), page)?;
    let about = command.get_about().map(ToString::to_string);
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").to_owned();
    let mut roff = Roff::new();
    roff.text([bold(usage)]);
    roff.control("PP", []);
    roff.text([roman(about.unwrap_or_default())]);
    roff.to_writer(page)?;
    let mut options = Vec::new();
    Man::new(command.clone()).render_options_section(&mut options)?;
    // They stand below the command.
    let options = String::from_utf8_lossy(&options).replacen(".SH OPTIONS\n", "", 1);
    page.write_all(options.as_bytes())
}

fn exit_status(page: &mut impl Write) -> io::Result<()> {
    heading("SH", "EXIT STATUS", page)?;
    let mut roff = Roff::new();
    for (code, meaning) in EXIT_CODES
        .lines()
        .filter_map(|it| it.trim().split_once(' '))
    {
        if code.parse::<u8>().is_ok() {
            roff.control("TP", []);
            roff.text([bold(code)]);
            roff.text([roman(meaning.trim())]);
        }
    }
    roff.to_writer(page)
}

fn heading(level: &str, text: &str, page: &mut impl Write) -> io::Result<()> {
    let mut roff = Roff::new();
    roff.control(level, [text]);
    roff.to_writer(page)
}
