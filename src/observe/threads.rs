//! The threads of the process that belong to no observed runtime: a database, a blocking call.
//!
//! Linux tells of each whether it runs, and how often it was put to sleep and woken. A thread that was
//! asleep at two moments and was never woken in between did nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Mutex, mpsc};
use std::thread::JoinHandle;

use super::snapshot::Doing;
use crate::own_threads;
use crate::sync::lock;

pub(super) const UNSEEN: &str = "threads outside the runtime (only Linux tells of them)";

static OWN: Mutex<Own> = Mutex::new(Own {
    threads: BTreeSet::new(),
    ending: Vec::new(),
});

/// Held while a thread is being started that only watches, as it is not among [`OWN`] at first.
static STARTING: Mutex<()> = Mutex::new(());

/// The threads that wake no task. Told by their numbers, as anybody may give a thread any name.
#[derive(Clone)]
struct Own {
    /// The threads of observed runtimes, and those of the watching itself.
    threads: BTreeSet<u64>,
    /// Those that the system may still tell of for a moment, with when they were started: later it gives their
    /// numbers to others.
    ending: Vec<(u64, u64)>,
}

impl Own {
    fn has(&self, thread: u64) -> bool {
        let mut ending = self.ending.iter();
        self.threads.contains(&thread)
            || ending.any(|(id, started)| *id == thread && started_at(thread) == Some(*started))
    }
}

/// The threads of the process at one moment, those of observed runtimes left out.
#[derive(Clone, Debug, Default)]
pub(super) struct Threads(BTreeMap<u64, Thread>);

#[derive(Clone, Debug)]
struct Thread {
    name: String,
    runs: bool,
    switches: u64,
}

/// A thread at one moment, and the function of the system that it sleeps in, where that is told.
pub(super) struct Moment {
    thread: Thread,
    asleep_in: Option<String>,
}

impl Moment {
    pub(super) fn of(thread: u64) -> Option<Self> {
        Some(Self {
            thread: status(thread)?,
            asleep_in: asleep_in(thread),
        })
    }

    pub(super) fn doing_since(self, then: &Self) -> Doing {
        match (then.thread.runs, self.thread.runs) {
            (true, true) => Doing::Works,
            (false, false) if then.thread.switches == self.thread.switches => {
                Doing::Sleeps(self.asleep_in)
            }
            _ => Doing::WorksAndSleeps,
        }
    }
}

/// Leaves the calling thread out, for as long as it lives: it only watches, or waits for those that do.
pub fn mark_own_thread() {
    own_threads::mark();
    mark();
}

/// Counts the calling thread, for as long as it lives, among those that wake no task: it works for an observed runtime,
/// or only watches.
pub(super) fn mark() {
    MARK.with(|mark| lock(&OWN).threads.extend(mark.0));
}

/// Starts a thread that only watches. It is counted among those that wake no task from its first moment to its last.
pub(crate) fn start<T: Send + 'static>(
    name: &str,
    watches: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    let _starting = lock(&STARTING);
    let (marks, marked) = mpsc::channel::<()>();
    let thread = own_threads::start(name, move || {
        mark();
        drop(marks);
        watches()
    })?;
    // Until it has hung up.
    let _ = marked.recv();
    Ok(thread)
}

thread_local! {
    static MARK: Mark = Mark(this_thread());
}

/// The number of a thread that is, or was, marked.
struct Mark(Option<u64>);

impl Drop for Mark {
    fn drop(&mut self) {
        // So many may be gone by now.
        const MANY: usize = 64;
        let Some(id) = self.0 else { return };
        let started = started_at(id);
        let mut own = lock(&OWN);
        if !own.threads.remove(&id) {
            return;
        }
        if own.ending.len() >= MANY {
            own.ending
                .retain(|(id, started)| started_at(*id) == Some(*started));
        }
        own.ending.extend(started.map(|started| (id, started)));
    }
}

impl Threads {
    /// The threads at this moment; none where the system does not tell.
    pub(super) fn now() -> Option<Self> {
        let ids = {
            let _none_starts = lock(&STARTING);
            all_numbers()?
        };
        let own = lock(&OWN).clone();
        let others = ids.into_iter().filter(|id| !own.has(*id));
        // A thread may end while its status is being read.
        let threads = others.filter_map(|id| Some((id, status(id)?)));
        Some(Self(threads.collect()))
    }

    /// The names of the threads that were at work since `earlier`, and of those that slept.
    pub(super) fn since(self, earlier: &Threads) -> (Vec<String>, Vec<String>) {
        let slept = |id: &u64, now: &Thread| {
            let then = earlier.0.get(id);
            !now.runs && then.is_some_and(|then| !then.runs && then.switches == now.switches)
        };
        let (asleep, busy): (Vec<_>, Vec<_>) = self
            .0
            .into_iter()
            .partition(|(id, thread)| slept(id, thread));
        let names =
            |threads: Vec<(u64, Thread)>| threads.into_iter().map(|(_, t)| t.name).collect();
        (names(busy), names(asleep))
    }
}

#[cfg(target_os = "linux")]
pub(super) fn this_thread() -> Option<u64> {
    let link = std::fs::read_link("/proc/thread-self").ok()?;
    link.file_name()?.to_str()?.parse().ok()
}

#[cfg(target_os = "linux")]
fn all_numbers() -> Option<Vec<u64>> {
    const TRIES: usize = 100;
    (0..TRIES).find_map(|_| all_listed())
}

/// The numbers of all threads. None if the list may lack some: where one ends while it is being read, those
/// that come after it are left out.
#[cfg(target_os = "linux")]
fn all_listed() -> Option<Vec<u64>> {
    let number = || {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        field(&status, "Threads")?.parse::<usize>().ok()
    };
    let before = number()?;
    let listed = std::fs::read_dir("/proc/self/task").ok()?;
    let listed = listed.map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let listed: Vec<u64> = listed.collect::<Option<_>>()?;
    (before == listed.len() && number() == Some(before)).then_some(listed)
}

#[cfg(target_os = "linux")]
fn status(thread: u64) -> Option<Thread> {
    let status = std::fs::read_to_string(format!("/proc/self/task/{thread}/status"));
    parse(&status.ok()?)
}

/// When a thread was started, in ticks since the system was.
#[cfg(target_os = "linux")]
fn started_at(thread: u64) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat")).ok()?;
    // Anything may be in the name, which is the second of the fields; this is the twenty-second.
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(target_os = "linux")]
fn asleep_in(thread: u64) -> Option<String> {
    let function = std::fs::read_to_string(format!("/proc/self/task/{thread}/wchan"));
    // `0` where the system keeps it to itself.
    function.ok().filter(|name| !name.is_empty() && name != "0")
}

#[cfg(target_os = "linux")]
fn parse(status: &str) -> Option<Thread> {
    let switches = |name| field(status, name)?.parse::<u64>().ok();
    Some(Thread {
        name: field(status, "Name")?.to_owned(),
        // Running, about to run, or in the midst of disk I/O.
        runs: field(status, "State")?.starts_with(['R', 'D']),
        switches: switches("voluntary_ctxt_switches")? + switches("nonvoluntary_ctxt_switches")?,
    })
}

#[cfg(target_os = "linux")]
pub(super) fn field<'s>(status: &'s str, name: &str) -> Option<&'s str> {
    let mut lines = status.lines();
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn this_thread() -> Option<u64> {
    None
}

#[cfg(not(target_os = "linux"))]
fn status(_thread: u64) -> Option<Thread> {
    None
}

#[cfg(not(target_os = "linux"))]
fn started_at(_thread: u64) -> Option<u64> {
    None
}

#[cfg(not(target_os = "linux"))]
fn asleep_in(_thread: u64) -> Option<String> {
    None
}

#[cfg(not(target_os = "linux"))]
fn all_numbers() -> Option<Vec<u64>> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn of(names: &[String], wanted: &str) -> bool {
        names.iter().any(|name| name == wanted)
    }

    #[test]
    fn a_thread_that_was_woken_counts_as_busy_and_one_that_slept_on_does_not() {
        let (wake, woken) = mpsc::channel::<()>();
        let (answer, answered) = mpsc::channel();
        let thread = std::thread::Builder::new().name("sleeper".into());
        let sleeper = thread.spawn(move || {
            while woken.recv().is_ok() {
                answer.send(()).unwrap();
            }
        });
        wake.send(()).unwrap();
        answered.recv().unwrap();
        // It has answered, and goes back to sleep.
        let asleep = loop {
            let threads = Threads::now().unwrap();
            if threads
                .0
                .values()
                .any(|thread| thread.name == "sleeper" && !thread.runs)
            {
                break threads;
            }
            std::thread::yield_now();
        };
        wake.send(()).unwrap();
        answered.recv().unwrap();
        let (busy, _) = Threads::now().unwrap().since(&asleep);
        assert!(of(&busy, "sleeper"));
        drop(wake);
        sleeper.unwrap().join().unwrap();
    }

    #[test]
    fn no_thread_is_overlooked_while_others_end() {
        for again in 0..500 {
            let short: Vec<_> = (0..3).map(|_| std::thread::spawn(|| {})).collect();
            let (end, ends) = mpsc::channel::<()>();
            let (tell, told) = mpsc::channel();
            let long = std::thread::spawn(move || {
                tell.send(this_thread().unwrap()).unwrap();
                let _ = ends.recv();
            });
            let number = told.recv().unwrap();
            for _ in 0..3 {
                let Threads(threads) = Threads::now().unwrap();
                assert!(threads.contains_key(&number), "round {again}");
            }
            drop(end);
            for thread in short.into_iter().chain([long]) {
                thread.join().unwrap();
            }
        }
    }

    fn sees(name: &str) -> bool {
        let Threads(threads) = Threads::now().unwrap();
        threads.into_values().any(|thread| thread.name == name)
    }

    #[test]
    fn a_thread_is_left_out_for_as_long_as_it_is_marked_whatever_its_name() {
        for name in ["marked", "unstuck-guard"] {
            let thread = std::thread::Builder::new().name(name.into());
            let marked = thread.spawn(move || {
                assert!(sees(name));
                mark_own_thread();
                assert!(!sees(name));
            });
            marked.unwrap().join().unwrap();
        }
    }

    #[test]
    fn a_thread_that_watches_is_left_out_from_its_first_moment_to_its_last() {
        // That of its creator is its name at first.
        let starts = start("starts", || {
            for _ in 0..300 {
                start("watches", || {}).unwrap();
            }
        });
        let starts = starts.unwrap();
        while !starts.is_finished() {
            assert!(!sees("watches") && !sees("starts"));
        }
    }

    #[test]
    fn a_thread_that_gets_the_number_of_one_that_has_ended_is_not_left_out() {
        let own = |started| Own {
            threads: BTreeSet::new(),
            ending: vec![(this_thread().unwrap(), started)],
        };
        let id = this_thread().unwrap();
        let started = started_at(id).unwrap();
        assert!(own(started).has(id));
        assert!(!own(started - 1).has(id));
    }
}
