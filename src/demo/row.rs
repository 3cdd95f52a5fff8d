//! A row of scenarios, several at the same time.

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use super::{Error, Notices, Options, Outcome, Scenario, run, side};
use crate::signals::Signal;
use crate::verdict::Verdict;

/// How often a signal is looked for.
const TICK: Duration = Duration::from_millis(40);

/// What happens to a scenario of a row, which goes by its index.
pub(crate) enum Progress {
    /// It begins.
    Begun,
    /// It was played.
    Played(Outcome),
}

/// Plays scenarios as shipped, and tells what happens to each, until it hears `Break`. A signal ends those that are
/// playing, and the others are not played: then its [exit code](crate::exit).
///
/// # Errors
///
/// That of the first scenario that can't be played, with its index. It ends the others as a signal does.
pub(crate) fn run_row(
    scenarios: &[&'static Scenario],
    signals: &Receiver<Signal>,
    mut tell: impl FnMut(usize, Progress) -> ControlFlow<()>,
) -> Result<Option<u8>, (usize, Error)> {
    let next = AtomicUsize::new(0);
    let (news, heard) = mpsc::channel();
    let _debug_info = side::keep_debug_info();
    thread::scope(|scope| {
        let play = |news: Sender<_>| {
            let (cut_off, signals) = mpsc::channel();
            let next = &next;
            scope.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(scenario) = scenarios.get(index) else {
                        return;
                    };
                    // Whoever hears it waits for this thread.
                    let _ = news.send((index, Ok(Progress::Begun)));
                    let outcome = run::run(scenario, &Options::default(), &Quiet, &signals);
                    let _ = news.send((index, outcome.map(Progress::Played)));
                }
            });
            cut_off
        };
        // Mostly they wait, but what is timed in one should not wait for another one.
        let at_a_time = thread::available_parallelism().map_or(1, usize::from);
        let players: Vec<Sender<Signal>> = (0..at_a_time).map(|_| play(news.clone())).collect();
        drop(news);
        let cut_off = |signal| {
            next.store(scenarios.len(), Ordering::Relaxed);
            for player in &players {
                // It may have nothing left to play.
                let _ = player.send(signal);
            }
        };
        let (mut code, mut failed) = (None, None);
        loop {
            match heard.recv_timeout(TICK) {
                Ok((_, Ok(Progress::Played(outcome)))) if outcome.cut_off.is_some() => {}
                Ok((index, Ok(event))) => {
                    if tell(index, event).is_break() {
                        cut_off(Signal::Interrupt);
                    }
                }
                Ok((index, Err(error))) => {
                    cut_off(Signal::Interrupt);
                    failed.get_or_insert((index, error));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if let Ok(signal) = signals.try_recv() {
                cut_off(signal);
                code.get_or_insert(signal.exit_code());
            }
        }
        failed.map_or(Ok(code), Err)
    })
}

/// What is told in the end says all that there is to say.
struct Quiet;

impl Notices for Quiet {
    fn console(&self, _side: &'static str, _address: SocketAddr) {}

    fn playing(&self) {}

    fn held(&self, _sides: &[(&'static str, Verdict)]) {}

    fn asked(&self, _outcome: &Outcome) {}
}
