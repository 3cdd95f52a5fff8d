//! The threads of the process that belong to no observed runtime: a database, a blocking call.
//!
//! Linux tells of each whether it runs, and how often it was put to sleep and woken. A thread that was
//! asleep at two moments and was never woken in between did nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use super::snapshot::Doing;
use crate::sync::lock;

pub(super) const UNSEEN: &str = "threads outside the runtime (only Linux tells of them)";

/// How the names of threads begin that only watch. A thread has its creator's name at first, so this also
/// holds for those that they start, and for one that is about to end and has taken its mark off.
const WATCHERS: &str = "unstuck-";

/// The threads of observed runtimes, and those of the watching itself.
static OWN: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

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

/// Counts the calling thread among those that wake no task: it works for an observed runtime, or only
/// watches.
pub fn mark_own_thread() {
    MARK.with(|_| {});
}

/// Counts the main thread among those, unless this is it: in a test it only waits for tests.
pub fn leave_out_harness() {
    let main = u64::from(std::process::id());
    if this_thread() != Some(main) {
        lock(&OWN).insert(main);
    }
}

thread_local! {
    static MARK: Mark = Mark::new();
}

/// Keeps a thread marked for as long as it lives: the system gives its number to another one later.
struct Mark(Option<u64>);

impl Mark {
    fn new() -> Self {
        let id = this_thread();
        lock(&OWN).extend(id);
        Self(id)
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        if let Some(id) = self.0 {
            lock(&OWN).remove(&id);
        }
    }
}

impl Threads {
    /// The threads at this moment; none where the system does not tell.
    pub(super) fn now() -> Option<Self> {
        let own = lock(&OWN).clone();
        let threads = all_threads()?
            .filter(|(id, thread)| !own.contains(id) && !thread.name.starts_with(WATCHERS));
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
fn all_threads() -> Option<impl Iterator<Item = (u64, Thread)>> {
    const TRIES: usize = 100;
    let ids = (0..TRIES).find_map(|_| all_listed())?;
    // A thread may end while its status is being read.
    let threads = ids.into_iter();
    Some(threads.filter_map(|id| Some((id, status(id)?))))
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
fn asleep_in(_thread: u64) -> Option<String> {
    None
}

#[cfg(not(target_os = "linux"))]
fn all_threads() -> Option<std::iter::Empty<(u64, Thread)>> {
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

    #[test]
    fn a_thread_that_was_marked_is_left_out() {
        let thread = std::thread::Builder::new().name("marked".into());
        let marked = thread.spawn(|| {
            let seen = || {
                Threads::now()
                    .unwrap()
                    .0
                    .into_values()
                    .any(|t| t.name == "marked")
            };
            assert!(seen());
            mark_own_thread();
            assert!(!seen());
        });
        marked.unwrap().join().unwrap();
    }
}
