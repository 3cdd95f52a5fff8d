//! What descriptors refer to, in words.

use unstuck_inspect::snapshot::{Child, OtherEnd, RefersTo, ThreadActivity, Transfer, WaitsFor};

use super::Text;
use crate::liveness::Actor;

impl Text<'_> {
    /// What somebody waits for who waits for this descriptor.
    pub(super) fn awaited_descriptor(&self, descriptor: Option<i32>) -> String {
        let Some(number) = descriptor else {
            return "I/O".to_owned();
        };
        let mut known = self.snapshot.descriptors.iter();
        match known.find(|it| it.number == number).map(|it| &it.refers_to) {
            Some(RefersTo::Process(child)) => self.child(child),
            Some(refers_to) => format!("I/O on descriptor {number}{}", self.refers_to(refers_to)),
            None => format!("I/O on descriptor {number}"),
        }
    }

    fn refers_to(&self, refers_to: &RefersTo) -> String {
        match refers_to {
            RefersTo::Pipe { others } if others.is_empty() => ", a pipe".to_owned(),
            RefersTo::Pipe { others } => {
                format!(
                    ", a pipe of which this process also has {}",
                    descriptors(others)
                )
            }
            RefersTo::TcpListener { local } => format!(", a TCP listener on {local}"),
            RefersTo::TcpStream {
                peer, other_end, ..
            } => match other_end {
                OtherEnd::Descriptor(other) => format!(
                    ", a TCP connection whose other end is descriptor {other} of this process, {}",
                    self.who_waits_for(*other)
                ),
                OtherEnd::Backlog(listener) => format!(
                    ", a TCP connection that the listener of this process, descriptor {listener}, has not accepted"
                ),
                _ => format!(", a TCP connection to {peer}"),
            },
            RefersTo::UnixSocket { path: Some(path) } => format!(", the Unix socket {path}"),
            RefersTo::UnixSocket { path: None } => ", a Unix socket".to_owned(),
            RefersTo::Other { name } if name.starts_with('/') => format!(", {name}"),
            _ => String::new(),
        }
    }

    /// Whether a task waits for a descriptor of this process.
    fn who_waits_for(&self, number: i32) -> String {
        let actors = Actor::all(self.snapshot);
        let leaves = actors.filter_map(|it| Some((it, it.futures(self.snapshot)?)));
        let mut leaves =
            leaves.flat_map(|(actor, it)| it.leaves.iter().map(move |leaf| (actor, leaf)));
        let mut is_known = true;
        let found = leaves.find(|(_, leaf)| match leaf.waits_for {
            // One that is held is not polled.
            WaitsFor::Io { descriptor, .. } if leaf.held_in.is_none() => {
                is_known &= descriptor.is_some();
                descriptor == Some(number)
            }
            WaitsFor::Unknown { .. } => {
                is_known = false;
                false
            }
            _ => false,
        });
        match found {
            Some((actor, _)) => format!("for which {} waits", self.actor(actor)),
            None if is_known => "for which no task waits".to_owned(),
            None => "for which no task is known to wait".to_owned(),
        }
    }

    fn child(&self, child: &Child) -> String {
        let Child { id, name, transfer } = child;
        let process = if name.is_empty() {
            format!("process {id}")
        } else {
            format!("process {id} ({name})")
        };
        let Some(Transfer {
            writes,
            descriptor,
            others,
        }) = transfer
        else {
            return format!("{process} to end");
        };
        let call = if *writes { "a write to" } else { "a read of" };
        let what = match descriptor {
            0 => "its standard input".to_owned(),
            1 => "its standard output".to_owned(),
            2 => "its standard error".to_owned(),
            number => format!("its descriptor {number}"),
        };
        let end = match others[..] {
            [] => String::new(),
            [other] => format!(
                ", a pipe whose other end is descriptor {other} of this process, {}",
                self.who_waits_for(other)
            ),
            _ => format!(", a pipe of which this process has {}", descriptors(others)),
        };
        format!("{process} to end, which sleeps in {call} {what}{end}")
    }

    /// Who drops a runtime, and waits for closures of its blocking pool.
    pub(super) fn drops_runtime(&self) -> Option<String> {
        let mut threads = self.snapshot.threads.iter();
        let thread = threads.find(|it| it.activity == ThreadActivity::DropsRuntime)?;
        Some(if thread.id == self.snapshot.process.id {
            "main has returned from `block_on`, and the runtime that it drops waits for that"
                .to_owned()
        } else {
            format!(
                "{} drops a runtime, which waits for that",
                Self::thread_name(thread)
            )
        })
    }
}

fn descriptors(numbers: &[i32]) -> String {
    let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    match &numbers[..] {
        [one] => format!("descriptor {one}"),
        several => format!("descriptors {}", several.join(", ")),
    }
}
