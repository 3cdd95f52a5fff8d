//! Whom a signal goes to: every guard that there is in the process when it comes.

use std::io;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};

use super::News;
use crate::registry::Registry;
use crate::signals::{self, Signal};
use crate::sync::lock;

static GUARDS: Registry<Reachable> = Registry::new();

/// The signals that are listened to. From then on that goes on for as long as the process lives.
static LISTENED_TO: Mutex<Vec<Signal>> = Mutex::new(Vec::new());

/// Some guard has left Ctrl+C to its program.
static IS_LEFT_TO_PROGRAM: AtomicBool = AtomicBool::new(false);

/// A guard that signals reach, as long as this is kept.
pub(super) struct Reachable {
    news: Sender<News>,
    interrupts: bool,
}

/// A signal that ends the process, once every guard that was asked has answered or is gone.
pub(super) struct Ending(Signal);

impl Drop for Ending {
    fn drop(&mut self) {
        process::exit(self.0.exit_code().into());
    }
}

impl Reachable {
    pub(super) fn new(news: Sender<News>, interrupts: bool) -> io::Result<Arc<Self>> {
        let guard = Arc::new(Self { news, interrupts });
        GUARDS.enter(&guard);
        listen_to(Signal::Quit, quit)?;
        if interrupts {
            listen_to(Signal::Interrupt, interrupt)?;
        } else {
            IS_LEFT_TO_PROGRAM.store(true, Ordering::SeqCst);
        }
        Ok(guard)
    }

    fn tell(&self, news: News) -> bool {
        self.news.send(news).is_ok()
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
    let told = guards.iter().filter(|guard| guard.tell(News::Asked(None)));
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
        guard.tell(News::Asked(Some(Arc::clone(&ending))));
    }
}
