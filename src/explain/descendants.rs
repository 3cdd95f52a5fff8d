//! The processes below another one, and whether they do anything.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;

/// A process that runs one program. After an `exec` it is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Process {
    pub(super) id: u32,
    /// When it was started, in clock ticks since boot. The system gives ids to others after a while.
    started: u64,
    /// The file that it runs. `None` if it can't be told: it is another user's.
    pub(super) executable: Option<FileId>,
}

/// Which file it is, whatever its path is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

/// The descendants of a process, by id. Those that have ended and were not waited for are left out.
pub(super) fn descendants(of: u32) -> Vec<Process> {
    let mut children: HashMap<u32, Vec<(u32, u64)>> = HashMap::new();
    for id in processes() {
        if let Some(status) = Status::read(id).filter(|status| status.state != 'Z') {
            let siblings = children.entry(status.parent).or_default();
            siblings.push((id, status.started));
        }
    }
    let mut found = Vec::new();
    let mut parents = vec![of];
    while let Some(parent) = parents.pop() {
        for (id, started) in children.remove(&parent).unwrap_or_default() {
            parents.push(id);
            let file = fs::metadata(format!("/proc/{id}/exe")).ok();
            found.push(Process {
                id,
                started,
                executable: file.map(|file| FileId {
                    device: file.dev(),
                    inode: file.ino(),
                }),
            });
        }
    }
    found.sort_unstable();
    found
}

/// Whether a signal has stopped a process, and nothing has continued it.
pub(super) fn is_stopped(id: u32) -> bool {
    Status::read(id).is_some_and(|status| status.state == 'T')
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// What `/proc/PID/stat` says.
struct Status {
    state: char,
    parent: u32,
    started: u64,
}

impl Status {
    fn read(id: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The name, in parentheses, may have anything in it.
        let (_, fields) = text.rsplit_once(')')?;
        let mut fields = fields.split_whitespace();
        Some(Self {
            state: fields.next()?.chars().next()?,
            parent: fields.next()?.parse().ok()?,
            started: fields.nth(17)?.parse().ok()?,
        })
    }
}

/// How often each thread of a process was put to sleep so far. A process with the same activity at two moments did
/// nothing in between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Activity(Vec<(u32, u64)>);

impl Activity {
    /// `None` if a thread runs, or the process is stopped or has ended.
    pub(super) fn of_sleeping(id: u32) -> Option<Self> {
        Self::of_threads(id, |_, _| true)
    }

    /// The same without the main thread, and without those whose names begin like this.
    #[cfg(all(tokio_unstable, feature = "demo"))]
    pub(crate) fn of_others_sleeping(id: u32, prefix: &str) -> Option<Self> {
        Self::of_threads(id, |thread, name| thread != id && !name.starts_with(prefix))
    }

    fn of_threads(id: u32, is_one: impl Fn(u32, &str) -> bool) -> Option<Self> {
        let threads = fs::read_dir(format!("/proc/{id}/task")).ok()?;
        let mut switches = Vec::new();
        for thread in threads.flatten() {
            let Ok(status) = fs::read_to_string(thread.path().join("status")) else {
                continue;
            };
            let field = |name: &str| {
                let mut lines = status.lines();
                lines.find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim()))
            };
            let number = thread.file_name().to_str()?.parse().ok()?;
            if !field("Name").is_some_and(|name| is_one(number, name)) {
                continue;
            }
            match field("State")?.chars().next()? {
                'S' => {}
                // The main thread may have ended before the others.
                'Z' | 'X' => continue,
                _ => return None,
            }
            let count = |name| field(name)?.parse::<u64>().ok();
            let slept = count("voluntary_ctxt_switches")?;
            let preempted = count("nonvoluntary_ctxt_switches")?;
            switches.push((number, slept + preempted));
        }
        switches.sort_unstable();
        (!switches.is_empty()).then_some(Self(switches))
    }
}

#[cfg(test)]
mod tests {
    use std::process::{self, Command, Stdio};

    use super::*;

    #[test]
    fn a_process_below_another_is_found_and_sleeps() {
        let mut shell = Command::new("sh")
            .args(["-c", "cat; :"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        // Until it runs `cat`, what the shell has started is a copy of the shell.
        let cat = loop {
            let below = descendants(process::id());
            let sh = below.iter().find(|it| it.id == shell.id()).unwrap();
            if let [cat] = descendants(shell.id())[..]
                && cat.executable != sh.executable
            {
                break cat;
            }
        };
        assert!(cat.executable.is_some());
        assert!(descendants(process::id()).contains(&cat));
        // It sleeps until something is written.
        let asleep = loop {
            let before = Activity::of_sleeping(cat.id);
            if before.is_some() && before == Activity::of_sleeping(cat.id) {
                break before;
            }
        };
        drop(shell.stdin.take());
        shell.wait().unwrap();
        assert_ne!(Activity::of_sleeping(cat.id), asleep);
        assert!(!descendants(process::id()).contains(&cat));
    }

    #[test]
    fn a_process_that_runs_is_not_asleep() {
        assert_eq!(Activity::of_sleeping(process::id()), None);
    }
}
