//! Answers commands that need scenarios.

use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anstream::{AutoStream, ColorChoice};
use indicatif::{ProgressBar, ProgressDrawTarget};

use super::arguments::{Color, Command, Run};
use super::{Failure, print, write_all};
use crate::demo::{self, Notices, Options, Scenario, Side};
use crate::exit;
use crate::report::text::Page;
use crate::report::{Document, json, sides};

pub(super) fn answer(command: Command, catalogue: &'static [Scenario]) -> Result<u8, Failure> {
    match command {
        Command::Run(run) => self::run(&run, catalogue),
        _ => list(catalogue),
    }
}

fn list(catalogue: &[Scenario]) -> Result<u8, Failure> {
    let line = |scenario: &Scenario| {
        let sides: Vec<_> = scenario.sides.iter().map(|side| side.name).collect();
        format!(
            "{}  {} ({})\n",
            scenario.name,
            scenario.summary,
            sides.join(", ")
        )
    };
    print(&catalogue.iter().map(line).collect::<String>())
}

fn run(arguments: &Run, catalogue: &'static [Scenario]) -> Result<u8, Failure> {
    let scenario = find_scenario(catalogue, arguments.scenario.as_deref())?;
    let options = Options {
        only: match &arguments.only {
            Some(name) => Some(find_side(scenario, name)?.name),
            None => None,
        },
        workers: arguments.workers as usize,
        posts: arguments.posts,
        latency: Duration::from_millis(arguments.latency.into()),
        fixed: arguments.fixed,
        keep_db: arguments.keep_db,
        hold: arguments.hold,
        console: arguments.console,
    };

    let notices = Messages::new(scenario, arguments);
    let outcome = demo::run(scenario, &options, &notices);
    notices.spinner.finish_and_clear();
    let outcome = outcome.map_err(|error| Failure::Failed(error.to_string()))?;
    if outcome.sides.is_empty() {
        return Ok(exit::INTERRUPTED);
    }

    let document = Document::new(scenario, &options, &outcome);
    if arguments.json {
        let json = json::render(&document).map_err(|error| Failure::Failed(error.to_string()))?;
        write_all(&mut io::stdout().lock(), &(json + "\n"))?;
    } else {
        let mut report = String::new();
        if outcome.interrupted {
            let played = scenario.sides.iter();
            let held = played.flat_map(|side| {
                let documents = document.sides.iter();
                let held = documents.filter(|held| held.name == side.name);
                held.filter_map(move |held| sides::innocent_line(side, held))
            });
            report.extend(held);
        }
        report += &sides::render(&document, scenario, page(arguments), program());
        let mut out = AutoStream::new(io::stdout().lock(), color(arguments));
        write_all(&mut out, &report)?;
    }
    Ok(if outcome.interrupted {
        exit::INTERRUPTED
    } else if let Some(sentence) = document.unexpected().next() {
        // The report has it too, but may have gone elsewhere.
        let _ = writeln!(io::stderr(), "not as expected: {sentence}");
        exit::UNEXPECTED
    } else {
        exit::AS_EXPECTED
    })
}

fn page(arguments: &Run) -> Page {
    if arguments.plain {
        return Page::Plain;
    }
    match terminal_size::terminal_size_of(io::stdout()) {
        Some((width, _)) => Page::Terminal(usize::from(width.0)),
        None => Page::Plain,
    }
}

fn color(arguments: &Run) -> ColorChoice {
    match arguments.color {
        _ if arguments.plain => ColorChoice::Never,
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
        Color::Auto => AutoStream::choice(&io::stdout()),
    }
}

/// How whoever runs this would run it again.
fn program() -> &'static str {
    let under_cargo = std::env::var_os("CARGO").is_some();
    if under_cargo {
        "cargo run --"
    } else {
        "unstuck"
    }
}

fn find_scenario(
    catalogue: &'static [Scenario],
    name: Option<&str>,
) -> Result<&'static Scenario, Failure> {
    let found = match name {
        Some(name) => catalogue.iter().find(|scenario| scenario.name == name),
        None => catalogue.first(),
    };
    found.ok_or_else(|| {
        let names = catalogue.iter().map(|scenario| scenario.name);
        let name = name.unwrap_or_default();
        let instead = instead(name, names, "`unstuck list` names all");
        Failure::Usage(format!("there is no scenario `{name}`; {instead}"))
    })
}

fn find_side(scenario: &'static Scenario, name: &str) -> Result<&'static Side, Failure> {
    scenario
        .sides
        .iter()
        .find(|side| side.name == name)
        .ok_or_else(|| {
            let names: Vec<_> = scenario.sides.iter().map(|side| side.name).collect();
            let all = format!("its sides are {}", names.join(" and "));
            let instead = instead(name, names.into_iter(), &all);
            Failure::Usage(format!(
                "`{}` has no side `{name}`; {instead}",
                scenario.name
            ))
        })
}

/// The nearest of the names there are, or where to find them all if none is near.
fn instead(wanted: &str, names: impl Iterator<Item = &'static str>, otherwise: &str) -> String {
    const NEAR: f64 = 0.7;
    let near = names.map(|name| (strsim::jaro_winkler(wanted, name), name));
    let nearest = near.max_by(|(a, _), (b, _)| a.total_cmp(b));
    match nearest {
        Some((nearness, name)) if nearness >= NEAR => format!("the nearest is `{name}`"),
        _ => otherwise.to_owned(),
    }
}

/// What is said on standard error while a scenario plays.
struct Messages {
    spinner: ProgressBar,
    started: Instant,
}

/// A run that ends sooner shows no sign of progress.
const SHOW_AFTER: Duration = Duration::from_millis(600);

impl Messages {
    fn new(scenario: &Scenario, arguments: &Run) -> Self {
        let quiet = arguments.json || arguments.plain || !io::stdout().is_terminal();
        let target = if quiet {
            ProgressDrawTarget::hidden()
        } else {
            // Hides itself where standard error is no terminal.
            ProgressDrawTarget::stderr()
        };
        // Nothing is drawn before the first tick.
        let spinner = ProgressBar::new_spinner().with_message(format!("playing {}", scenario.name));
        spinner.set_draw_target(target);
        Self {
            spinner,
            started: Instant::now(),
        }
    }

    fn say(&self, line: &str) {
        self.spinner.finish_and_clear();
        let _ = writeln!(io::stderr(), "{line}");
    }
}

impl Notices for Messages {
    fn console(&self, address: SocketAddr) {
        self.say(&format!(
            "tokio-console can connect: tokio-console http://{address}"
        ));
    }

    fn playing(&self) {
        if self.started.elapsed() >= SHOW_AFTER {
            self.spinner.tick();
        }
    }

    fn held(&self, sides: &[&'static str]) {
        let are = if sides.len() == 1 { "is" } else { "are" };
        self.say(&format!(
            "{} {are} stuck, and held; Ctrl+C ends it and explains",
            sides.join(" and ")
        ));
    }
}
