//! Whom a signal goes to: every guard that there is in the process when it comes.

use std::io;
use std::process;
use std::sync::{Arc, Mutex};

use crate::registry::Registry;
use crate::signals::{self, Signal};
use crate::sync::lock;

static GUARDS: Registry<Reachable> = Registry::new();

/// The signals that are listened to. From then on that goes on for as long as the process lives.
static LISTENED_TO: Mutex<Vec<Signal>> = Mutex::new(Vec::new());

/// The signals that some guard has left to its program.
static LEFT_TO_PROGRAM: Mutex<Vec<Signal>> = Mutex::new(Vec::new());

/// Asks a guard for a report; the process may be about to end. Whether it is still there.
type Ask = dyn Fn(Option<Arc<Ending>>) -> bool + Send + Sync;

/// What a guard does on a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OnSignal {
    /// Whether it reports.
    pub(crate) reports: bool,
    /// Whether the process ends then.
    pub(crate) ends: bool,
}

/// A guard that signals reach, as long as this is kept.
pub(crate) struct Reachable {
    ask: Box<Ask>,
    on_interrupt: OnSignal,
    on_terminate: OnSignal,
}

/// A signal that ends the process, once every guard that was asked has answered or is gone.
pub(crate) struct Ending(Signal);

impl Drop for Ending {
    fn drop(&mut self) {
        process::exit(self.0.exit_code().into());
    }
}

impl Reachable {
    pub(crate) fn new(
        on_interrupt: OnSignal,
        on_terminate: OnSignal,
        ask: impl Fn(Option<Arc<Ending>>) -> bool + Send + Sync + 'static,
    ) -> io::Result<Arc<Self>> {
        let guard = Arc::new(Self {
            ask: Box::new(ask),
            on_interrupt,
            on_terminate,
        });
        GUARDS.enter(&guard);
        for signal in [Signal::Quit, Signal::Interrupt, Signal::Terminate] {
            let on_signal = guard.on(signal);
            if on_signal.reports {
                listen_to(signal)?;
            }
            if signal != Signal::Quit && !on_signal.ends {
                lock(&LEFT_TO_PROGRAM).push(signal);
            }
        }
        Ok(guard)
    }

    fn on(&self, signal: Signal) -> OnSignal {
        match signal {
            Signal::Interrupt => self.on_interrupt,
            Signal::Terminate => self.on_terminate,
            Signal::Quit => OnSignal {
                reports: true,
                ends: false,
            },
            Signal::Hangup => OnSignal {
                reports: false,
                ends: false,
            },
        }
    }
}

fn listen_to(signal: Signal) -> io::Result<()> {
    let mut listened_to = lock(&LISTENED_TO);
    if listened_to.contains(&signal) {
        return Ok(());
    }
    signals::on(signal, move || {
        ask(signal);
        true
    })?;
    listened_to.push(signal);
    Ok(())
}

/// Asks all guards that report on the signal. The process ends after their reports if one of them ends it. If no guard
/// is left, the process ends at once, as the signal would have ended it without guards; but not if a guard has left the
/// signal to its program, which may handle it.
fn ask(signal: Signal) {
    let guards = GUARDS.alive();
    let asked = || guards.iter().filter(|guard| guard.on(signal).reports);
    let is_ended_by_guard = asked().any(|guard| guard.on(signal).ends);
    let ending = is_ended_by_guard.then(|| Arc::new(Ending(signal)));
    let answering = asked().filter(|guard| (guard.ask)(ending.clone()));
    let is_answered = answering.count() > 0;
    if !is_answered && !lock(&LEFT_TO_PROGRAM).contains(&signal) {
        drop(Ending(signal));
    }
}
