//! What tasks hold.

use unstuck_inspect::memory::{Memory, ProcessMemory, Region, Unreadable};
use unstuck_inspect::snapshot::{Counts, HandleKind, Object, Snapshot, Task};

use crate::program::{Program, task};

/// The handles of a task's outermost function: the local's name, the kind, and the object.
fn handles<'s>(snapshot: &'s Snapshot, task: &Task) -> Vec<(&'s str, HandleKind, &'s Object)> {
    let frame = task.futures.frames.first().expect("a frame");
    let named = frame.handles.iter().map(|handle| {
        let name = snapshot[handle.local].name.as_deref().unwrap_or("");
        (name, handle.kind, &snapshot[handle.object])
    });
    named.collect()
}

#[track_caller]
fn one<'s>(handles: &[(&str, HandleKind, &'s Object)], name: &str, kind: HandleKind) -> &'s Object {
    let mut found = handles
        .iter()
        .filter(|(local, of, _)| (*local, *of) == (name, kind));
    let (_, _, object) = found
        .next()
        .unwrap_or_else(|| panic!("no {kind:?} in `{name}`: {handles:#?}"));
    assert!(found.next().is_none(), "more than one {kind:?} in `{name}`");
    object
}

fn snapshot(program: &Program) -> Snapshot {
    let snapshot = program.snapshot_at_rest(8);
    assert_eq!(snapshot.gaps, [], "nothing is missing");
    snapshot
}

#[test]
fn senders_and_receivers_are_found_with_the_counts_of_their_channels() {
    let program = Program::start(&["handles"]);
    let snapshot = snapshot(&program);
    let handles = handles(&snapshot, task(&snapshot, "programs::handles::senders"));
    let channel = one(&handles, "sender", HandleKind::MpscSender);
    assert_eq!(one(&handles, "second", HandleKind::MpscSender), channel);
    assert_eq!(one(&handles, "receiver", HandleKind::MpscReceiver), channel);
    assert_eq!(one(&handles, "weak", HandleKind::MpscWeakSender), channel);
    let Counts {
        senders,
        weak_senders,
        permits,
        ..
    } = channel.counts;
    assert_eq!(
        (senders, weak_senders, permits),
        (Some(2), Some(1), Some(4))
    );

    let reply = one(&handles, "reply", HandleKind::OneshotSender);
    assert_eq!(one(&handles, "answer", HandleKind::OneshotReceiver), reply);
    assert_eq!(reply.counts.strong, Some(2));

    let setting = one(&handles, "setting", HandleKind::WatchSender);
    assert_eq!(
        one(&handles, "settings", HandleKind::WatchReceiver),
        setting
    );
    assert_eq!(
        (setting.counts.senders, setting.counts.receivers),
        (Some(1), Some(1))
    );

    let news = one(&handles, "news", HandleKind::BroadcastSender);
    assert_eq!(
        one(&handles, "listener", HandleKind::BroadcastReceiver),
        news
    );
    assert_eq!(
        (news.counts.senders, news.counts.receivers),
        (Some(1), Some(1))
    );
}

#[test]
fn guards_lead_to_their_locks() {
    let program = Program::start(&["handles"]);
    let snapshot = snapshot(&program);
    let held = handles(&snapshot, task(&snapshot, "programs::handles::guards"));
    one(&held, "guard", HandleKind::MutexGuard);
    assert_eq!(
        one(&held, "write", HandleKind::RwLockWriteGuard)
            .counts
            .permits,
        Some(0)
    );
    one(&held, "read", HandleKind::RwLockReadGuard);
    assert_eq!(
        one(&held, "permit", HandleKind::SemaphorePermit { permits: 3 })
            .counts
            .permits,
        Some(7)
    );

    let owned = handles(&snapshot, task(&snapshot, "programs::handles::owned_guard"));
    let lock = one(&owned, "guard", HandleKind::MutexGuard);
    assert_eq!(
        (lock.counts.permits, lock.counts.strong),
        (Some(0), Some(1))
    );
}

#[test]
fn containers_are_looked_into() {
    let program = Program::start(&["handles"]);
    let snapshot = snapshot(&program);
    let handles = handles(&snapshot, task(&snapshot, "programs::handles::collections"));
    let senders = |name: &str| {
        let named = handles
            .iter()
            .filter(|(local, kind, _)| *local == name && *kind == HandleKind::OneshotSender);
        let mut objects: Vec<_> = named.map(|(_, _, object)| object.address).collect();
        objects.sort_unstable();
        objects.dedup();
        objects.len()
    };
    assert_eq!(senders("vector"), 3);
    assert_eq!(senders("queue"), 3);
    assert_eq!(senders("boxed"), 3);
    assert_eq!(senders("maybe"), 1);
    assert_eq!(senders("nothing"), 0);
}

#[test]
fn handles_of_tasks_lead_to_the_tasks() {
    let program = Program::start(&["handles"]);
    let snapshot = snapshot(&program);
    let handles = handles(&snapshot, task(&snapshot, "programs::handles::tasks"));
    let joined = one(&handles, "handle", HandleKind::JoinHandle).address;
    assert_eq!(
        one(&handles, "abort", HandleKind::AbortHandle).address,
        joined
    );
    let member = one(&handles, "set", HandleKind::JoinHandle).address;
    for address in [joined, member] {
        let task = snapshot.task_at(address).expect("a task");
        assert_eq!(snapshot[task.name], "core::future::pending::Pending<()>");
    }
    assert_ne!(joined, member);
}

/// The compiler keeps the bytes of a value that was moved after it was lent out. The count shows that it is gone.
#[test]
fn a_moved_handle_is_marked_and_the_count_tells_the_truth() {
    let program = Program::start(&["handles"]);
    let snapshot = snapshot(&program);
    let task = task(&snapshot, "programs::handles::moved");
    let handles = handles(&snapshot, task);
    assert_eq!(
        one(&handles, "kept", HandleKind::MpscSender).counts.senders,
        Some(1)
    );
    let candidates = handles
        .iter()
        .filter(|(_, kind, _)| *kind == HandleKind::MpscSender)
        .count();
    let marked = task.futures.frames[0]
        .handles
        .iter()
        .filter(|handle| handle.maybe_dropped)
        .count();
    assert!(
        candidates == 1 || marked > 0,
        "more senders than the count says, and none is marked: {handles:?}"
    );
}

/// Memory in which containers of three elements have a length that no container has.
struct LongLengths(ProcessMemory);

impl Memory for LongLengths {
    fn read(&self, address: u64, buffer: &mut [u8]) -> Result<(), Unreadable> {
        self.0.read(address, buffer)?;
        if *buffer == 3_u64.to_le_bytes() {
            buffer.copy_from_slice(&(1_u64 << 40).to_le_bytes());
        }
        Ok(())
    }

    fn read_uncached(&self, address: u64, buffer: &mut [u8]) -> usize {
        self.0.read_uncached(address, buffer)
    }

    fn regions(&self) -> &[Region] {
        self.0.regions()
    }
}

/// A local without a value may have any bytes. They are no container that is too long to be read.
#[test]
fn a_length_that_leads_out_of_the_memory_is_no_length() {
    let program = Program::start(&["handles"]);
    snapshot(&program);
    let memory = ProcessMemory::open(&program.id().to_string()).expect("the program's memory");
    let read = program.inspector().snapshot_of(&LongLengths(memory));
    let snapshot = read.expect("a snapshot");
    assert_eq!(snapshot.gaps, [], "nothing is missing");
    let handles = handles(&snapshot, task(&snapshot, "programs::handles::collections"));
    let local = |name: &str| handles.iter().any(|(local, ..)| *local == name);
    assert!(local("maybe") && !local("vector") && !local("queue"));
}
