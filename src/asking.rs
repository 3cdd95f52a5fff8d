//! Whom a signal goes to: every guard that there is in the process when it comes.

use std::io;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::registry::Registry;
use crate::signals::{self, Signal};
use crate::sync::lock;

static GUARDS: Registry<Reachable> = Registry::new();

/// The signals that are listened to. From then on that goes on for as long as the process lives.
static LISTENED_TO: Mutex<Vec<Signal>> = Mutex::new(Vec::new());

/// Some guard has left Ctrl+C to its program.
static IS_LEFT_TO_PROGRAM: AtomicBool = AtomicBool::new(false);

/// Asks a guard for a report; the process may be about to end. Whether it is still there.
type Ask = dyn Fn(Option<Arc<Ending>>) -> bool + Send + Sync;

/// A guard that signals reach, as long as this is kept.
pub(crate) struct Reachable {
    ask: Box<Ask>,
    interrupts: bool,
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
        interrupts: bool,
        ask: impl Fn(Option<Arc<Ending>>) -> bool + Send + Sync + 'static,
    ) -> io::Result<Arc<Self>> {
        let ask = Box::new(ask);
        let guard = Arc::new(Self { ask, interrupts });
        GUARDS.enter(&guard);
        listen_to(Signal::Quit, quit)?;
        if interrupts {
            listen_to(Signal::Interrupt, interrupt)?;
        } else {
            IS_LEFT_TO_PROGRAM.store(true, Ordering::SeqCst);
        }
        Ok(guard)
    }
}

fn listen_to(signal: Signal, ask: fn()) -> io::Result<()> {
    let mut listened_to = lock(&LISTENED_TO);
    if listened_to.contains(&signal) {
        return Ok(());
    }
    signals::on(signal, move || {
        ask();
        true
    })?;
    listened_to.push(signal);
    Ok(())
}

/// Where no guard is left, it ends the process, as it would have without one.
fn quit() {
    let guards = GUARDS.alive();
    let told = guards.iter().filter(|guard| (guard.ask)(None));
    if told.count() == 0 {
        drop(Ending(Signal::Quit));
    }
}

/// Once a guard has left it to its program, it is for the program to say what becomes of the process, unless there is
/// another guard to ask: the program may be about to end for having heard of it.
fn interrupt() {
    let guards = GUARDS.alive();
    let mut asked = guards.iter().filter(|guard| guard.interrupts).peekable();
    if asked.peek().is_none() && IS_LEFT_TO_PROGRAM.load(Ordering::SeqCst) {
        return;
    }
    let ending = Arc::new(Ending(Signal::Interrupt));
    for guard in asked {
        (guard.ask)(Some(Arc::clone(&ending)));
    }
}
