//! What is said on standard error while a scenario plays.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use super::super::arguments::Run;
use super::output::progress;
use crate::demo::{Notices, Outcome, Scenario};
use crate::verdict::Verdict;

pub(super) struct Messages<'r> {
    spinner: ProgressBar,
    started: Instant,
    report: &'r dyn Fn(&Outcome),
}

/// A run that ends sooner shows no sign of progress.
const SHOW_AFTER: Duration = Duration::from_millis(600);

impl<'r> Messages<'r> {
    /// Prints the `report` itself where somebody asks for it.
    pub(super) fn new(scenario: &Scenario, arguments: &Run, report: &'r dyn Fn(&Outcome)) -> Self {
        // Nothing is drawn before the first tick.
        let spinner = ProgressBar::new_spinner().with_message(format!("playing {}", scenario.name));
        spinner.set_draw_target(progress(arguments));
        Self {
            spinner,
            started: Instant::now(),
            report,
        }
    }

    /// Takes the sign of progress off the terminal.
    pub(super) fn clear(&self) {
        self.spinner.finish_and_clear();
    }

    fn say(&self, line: &str) {
        self.clear();
        let _ = writeln!(io::stderr(), "{line}");
    }
}

impl Notices for Messages<'_> {
    fn console(&self, side: &'static str, address: SocketAddr) {
        self.say(&format!(
            "tokio-console can connect to {side}: tokio-console http://{address}"
        ));
    }

    fn playing(&self) {
        if self.started.elapsed() >= SHOW_AFTER {
            self.spinner.tick();
        }
    }

    fn held(&self, sides: &[(&'static str, Verdict)]) {
        let held = sides
            .iter()
            .map(|(side, verdict)| format!("{side} is {verdict}"));
        let held: Vec<String> = held.collect();
        let held = held.join(" and ");
        let keys = if cfg!(unix) {
            r"Ctrl+\ explains, Ctrl+C explains and ends it"
        } else {
            "Ctrl+C explains and ends it"
        };
        self.say(&format!("{held}, and held; {keys}"));
    }

    fn asked(&self, outcome: &Outcome) {
        (self.report)(outcome);
    }
}
