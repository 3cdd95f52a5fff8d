//! What this process is doing, from its own memory. One thread reads it, for all who ask.

use std::error::Error;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use unstuck_inspect::Inspector;

use crate::explain::{self, Explanation, Search};
use crate::own_threads;
use crate::sync::lock;

/// What was read.
#[derive(Clone)]
pub(crate) struct Reading {
    explanation: Arc<Explanation>,
    /// How long it took, without the indexing.
    pub(crate) took: Duration,
}

impl Reading {
    pub(crate) fn into_explanation(self) -> Explanation {
        Arc::unwrap_or_clone(self.explanation)
    }
}

type Answer = Result<Reading, Arc<unstuck_inspect::Error>>;
type Request = Sender<Answer>;

/// The thread that reads is started when it is first needed, and stays.
static READER: Mutex<Option<Sender<Request>>> = Mutex::new(None);

/// Reads the memory of this process, without the threads that only watch.
///
/// All who ask while one reading goes on share the next. So a process in which many tests run, each under a check, is
/// not read more often than one with two. And what readings leave behind in freed memory, which the next one searches,
/// is in the arena of one thread.
///
/// # Errors
///
/// If it can't be read, or no thread can be started that does.
pub(crate) fn read() -> Result<Reading, Box<dyn Error>> {
    let (request, answer) = mpsc::channel();
    {
        let mut reader = lock(&READER);
        let requests = match &*reader {
            Some(requests) => requests,
            None => reader.insert(start()?),
        };
        requests.send(request)?;
    }
    Ok(answer.recv()??)
}

fn start() -> std::io::Result<Sender<Request>> {
    let (requests, asked) = mpsc::channel();
    own_threads::start("unstuck-reader", move || serve(&asked))?;
    Ok(requests)
}

fn serve(requests: &Receiver<Request>) {
    let mut inspector = None;
    while let Ok(first) = requests.recv() {
        let others: Vec<Request> = requests.try_iter().collect();
        let answer = read_with(&mut inspector).map_err(Arc::new);
        // Whoever asked may have given up.
        for request in others {
            let _ = request.send(answer.clone());
        }
        // One that asks alone has it for itself.
        let _ = first.send(answer);
    }
}

fn read_with(inspector: &mut Option<Inspector>) -> Result<Reading, unstuck_inspect::Error> {
    let inspector = match inspector {
        Some(inspector) => inspector,
        none => none.insert(Inspector::attach_self()?),
    };
    let begun = Instant::now();
    inspector.ignore_threads(own_threads::ids());
    let explanation = explain::read(inspector, Search::Nothing)?;
    Ok(Reading {
        explanation: Arc::new(explanation),
        took: begun.elapsed(),
    })
}
