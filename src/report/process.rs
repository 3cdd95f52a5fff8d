//! Why a process hangs and what its tasks wait for, as text: from a snapshot of its memory.

mod answer;
mod descriptors;
mod document;
mod errors;
mod flags;
mod folder;
mod groups;
#[cfg(tokio_unstable)]
mod program;
mod sentences;

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::mem;
use std::path::Path;
use std::time::Duration;

use unstuck_inspect::snapshot::{
    Address, AwaitTree, BlockingState, Frame, FrameIndex, Gap, Handle, HandleKind, HeldIn, Leaf,
    Lifecycle, NameId, NativeFrame, NotifyKind, Object, ObjectId, Origin, Outcome, PermitKind,
    Place, Snapshot, StackGap, Task, Thread, WaitsFor,
};

pub(super) use self::document::FindingDocument;
use self::folder::Folder;
#[cfg(all(tokio_unstable, feature = "demo"))]
pub(super) use self::program::{busy, findings_until_timeouts};
#[cfg(tokio_unstable)]
pub(super) use self::program::{findings, gaps, tasks};
use super::Finding;
use super::json;
use super::layout::Block;
#[cfg(feature = "explain")]
use super::links::Links;
use super::page::{BOLD, Detail, FAINT, NONE, Page, heading, plural};
use crate::explain::Explanation;
use crate::liveness::maps::{HashMap, HashSet};
use crate::liveness::{Actor, Diagnosis, ResourceKind};

/// The whole report. In brief, code of libraries is left out, and so are handles that no task waits for.
///
/// Tasks that are alike are shown once. Styles are written as escape sequences, to be stripped where they are not
/// wanted.
pub fn render(explanation: &Explanation, detail: Detail, page: Page) -> String {
    let mut text = Text::new(&explanation.snapshot, detail, page);
    text.process();
    text.answer(explanation);
    text.futures(&explanation.diagnosis);
    text.blocking_tasks();
    text.threads();
    text.gaps();
    text.block.print()
}

/// The verdict and why, and nothing else.
pub fn render_answer(explanation: &Explanation, page: Page) -> String {
    let mut text = Text::new(&explanation.snapshot, Detail::Brief, page);
    text.answer(explanation);
    text.block.print()
}

/// Where the files are that the report names.
#[cfg(feature = "explain")]
pub fn links(explanation: &Explanation) -> Links {
    let text = Text::new(&explanation.snapshot, Detail::Brief, Page::Plain);
    let mut links = Links::default();
    let places = explanation.snapshot.places.iter();
    let files = places.flat_map(|place| [&place.file, &place.function_file]);
    for file in files.collect::<BTreeSet<&String>>() {
        links.add_file(text.file(file), Path::new(file));
    }
    links
}

/// The verdict in one line, behind `title`.
pub fn render_verdict(explanation: &Explanation, title: &str, page: Page) -> String {
    let mut text = Text::new(&explanation.snapshot, Detail::Brief, page);
    text.verdict_line(title, &explanation.diagnosis);
    text.block.print()
}

/// The same as [JSON](super::json). In full, tasks that are alike are not put together.
///
/// # Errors
///
/// Never for what this crate reports; serializing to text can fail in principle.
pub fn to_json(explanation: &Explanation, detail: Detail) -> Result<String, serde_json::Error> {
    let mut text = Text::new(&explanation.snapshot, detail, Page::Plain);
    text.one_by_one = detail == Detail::Full;
    text.folder = Folder::Whole;
    text.number_all();
    json::render(&text.document(explanation))
}

/// Findings of the diagnosis by their indices, each by itself.
pub(crate) fn findings_by_themselves(explanation: &Explanation, which: &[usize]) -> Vec<Finding> {
    if which.is_empty() {
        return Vec::new();
    }
    let text = Text::new(&explanation.snapshot, Detail::Full, Page::Plain);
    let findings = which.iter().map(|it| &explanation.diagnosis.findings[*it]);
    let documents = findings.map(|it| text.finding_document(it));
    documents.map(Finding::running).collect()
}

/// What tasks are called that the program gave names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Titles {
    /// `worker-1 (task 7)`.
    WithNumbers,
    /// `worker-1`, where each name is one task's.
    Names,
}

struct Text<'s> {
    snapshot: &'s Snapshot,
    full: bool,
    titles: Titles,
    names: Objects<'s>,
    /// Tasks that are alike are shown each by itself.
    one_by_one: bool,
    /// Whether what is being shown is polled, so that nothing tells which of its futures are.
    runs: bool,
    /// Under which numbers they are shown.
    labels: HashMap<usize, usize>,
    folder: Folder,
    width: Option<usize>,
    block: Block,
}

/// How many futures that differ are shown in brief, and how many lines of each.
const GROUPS: usize = 40;
const TREE: usize = 30;

/// Futures that are alike: tasks, or what a thread runs with `block_on`.
struct Alike<'s> {
    /// The tasks; empty for `block_on`.
    tasks: Vec<&'s Task>,
    /// The thread of a `block_on`.
    thread: Option<u32>,
    name: NameId,
    origin: Option<Origin>,
    state: State,
    /// How they ended, if that is known.
    outcome: Option<&'s Outcome>,
    futures: &'s AwaitTree,
}

/// What a task, or the future of a `block_on`, is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum State {
    Waits,
    Aborted,
    Queued,
    /// Its frames are as they were before it was polled.
    Runs,
    Ended,
    /// While it was read.
    Moved,
}

impl State {
    fn of(task: &Task) -> Self {
        match task.state.lifecycle {
            _ if task.changed => State::Moved,
            Lifecycle::Idle if task.state.cancelled => State::Aborted,
            Lifecycle::Idle => State::Waits,
            Lifecycle::Scheduled => State::Queued,
            Lifecycle::Running => State::Runs,
            Lifecycle::Complete => State::Ended,
        }
    }

    /// What follows its name.
    fn words(self) -> &'static str {
        match self {
            Self::Waits => "",
            Self::Aborted => ", aborted",
            Self::Queued => ", in a run queue",
            Self::Runs => ", running; this is where it was before",
            Self::Ended => ", ended",
            Self::Moved => ", moved while it was read",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Waits => "waits",
            Self::Aborted => "aborted",
            Self::Queued => "queued",
            Self::Runs => "runs",
            Self::Ended => "ended",
            Self::Moved => "moved",
        }
    }
}

/// Threads with the same name that are in the same functions, as those of a pool mostly are.
struct AlikeThreads {
    name: String,
    /// With the system call.
    state: String,
    functions: Vec<String>,
    ids: Vec<u32>,
}

impl<'s> Text<'s> {
    fn new(snapshot: &'s Snapshot, detail: Detail, page: Page) -> Self {
        let mut text = Self {
            snapshot,
            full: detail == Detail::Full,
            titles: Titles::WithNumbers,
            one_by_one: false,
            names: Objects::of(snapshot),
            runs: false,
            labels: HashMap::default(),
            folder: Folder::of(snapshot.process.folder.as_deref()),
            width: page.width(),
            block: Block::new(page.width()),
        };
        text.number();
        text
    }

    fn process(&mut self) {
        let Snapshot {
            process, runtimes, ..
        } = self.snapshot;
        let program = Path::new(&process.executable).file_name();
        let program = program.map_or(process.executable.as_str().into(), |it| {
            it.to_string_lossy()
        });
        let version = process.tokio_version.as_ref();
        let version = version.map_or(String::new(), |version| format!(", Tokio {version}"));
        let title = format!("process {}: {program}{version}", process.id);
        self.block.add(&title, "", BOLD);
        if self.snapshot.no_tasks().is_some() {
            let threads = plural(self.snapshot.threads.len(), "thread");
            let line = format!("{threads}; the tasks can't be read");
            self.block.add(&line, "", NONE);
            return;
        }
        let tasks = &self.snapshot.tasks;
        let mut counts = Vec::new();
        for (state, word) in [
            (Lifecycle::Idle, "waiting"),
            (Lifecycle::Scheduled, "in a run queue"),
            (Lifecycle::Running, "running"),
            (Lifecycle::Complete, "ended"),
        ] {
            let in_state = tasks.iter().filter(|task| task.state.lifecycle == state);
            match in_state.count() {
                0 => {}
                count => counts.push(format!("{count} {word}")),
            }
        }
        let tasks = format!(
            "{}, {}{}{}",
            plural(runtimes.len(), "runtime"),
            plural(tasks.len(), "task"),
            if counts.is_empty() { "" } else { ": " },
            counts.join(", ")
        );
        self.block.add(&tasks, "", NONE);
    }

    /// Tasks and what threads run, those that are alike put together unless all is shown as data.
    fn alike(&self) -> Vec<Alike<'s>> {
        let mut all: Vec<Alike<'s>> = Vec::new();
        for block_on in &self.snapshot.block_ons {
            all.push(Alike {
                tasks: Vec::new(),
                thread: Some(block_on.thread),
                name: block_on.name,
                origin: block_on.origin,
                state: match (block_on.polled, block_on.changed) {
                    (true, _) => State::Runs,
                    (_, true) => State::Moved,
                    _ => State::Waits,
                },
                outcome: None,
                futures: &block_on.futures,
            });
        }
        let mut titles: HashMap<String, usize> = HashMap::default();
        let mut known: HashMap<(NameId, Option<Origin>), usize> = HashMap::default();
        let mut shapes: HashMap<Box<[Shape]>, usize> = HashMap::default();
        let mut places: HashMap<_, usize> = HashMap::default();
        let mut shape = Vec::new();
        for task in &self.snapshot.tasks {
            let state = State::of(task);
            let title = *known.entry((task.name, task.origin)).or_insert_with(|| {
                let number = titles.len();
                let title = self.name(task.name, task.origin);
                *titles.entry(title).or_insert(number)
            });
            shape.clear();
            shape.extend(self.shape(&task.futures));
            let number = shapes.len();
            let shape = match shapes.get(&shape[..]) {
                Some(known) => *known,
                None => *shapes.entry(shape[..].into()).or_insert(number),
            };
            let alone = self.one_by_one.then_some(task.id);
            let outcome = task.outcome.as_ref();
            let key = (title, task.origin, state, outcome, shape, alone);
            let place = *places.entry(key).or_insert(all.len());
            if place == all.len() {
                all.push(Alike {
                    tasks: Vec::new(),
                    thread: None,
                    name: task.name,
                    origin: task.origin,
                    state,
                    outcome,
                    futures: &task.futures,
                });
            }
            all[place].tasks.push(task);
        }
        all
    }

    fn futures(&mut self, diagnosis: &Diagnosis) {
        let mut all = self.alike();
        let mut left_out = Vec::new();
        if !self.full && all.len() > GROUPS {
            let named = self.named(diagnosis);
            let is_named = |alike: &Alike<'_>| {
                alike.thread.is_some() || alike.tasks.iter().any(|task| named.contains(&task.id))
            };
            // In their order, but those that a finding names come first.
            all.sort_by_key(|alike| !is_named(alike));
            left_out = all.split_off(GROUPS);
        }
        for alike in &all {
            self.future(alike);
        }
        if !left_out.is_empty() {
            let tasks: usize = left_out.iter().map(|it| it.tasks.len().max(1)).sum();
            let more = format!("{} more tasks in {} other places", tasks, left_out.len());
            heading(&mut self.block, &format!("{more}; `--full` shows all"));
        }
    }

    /// The ids of the tasks that findings name.
    fn named(&self, diagnosis: &Diagnosis) -> HashSet<u64> {
        let links = diagnosis.waits().flat_map(|(_, wait)| &wait.links);
        let actors = links.flat_map(|link| {
            let waiters = link.waiters.iter().map(|it| it.actor);
            waiters.chain(link.holders.iter().filter_map(|it| it.actor))
        });
        let ids = actors.filter_map(|actor| match actor {
            Actor::Task(index) => Some(self.snapshot.tasks[index].id),
            _ => None,
        });
        ids.collect()
    }

    fn future(&mut self, alike: &Alike<'s>) {
        let name = self.name(alike.name, alike.origin);
        let who = match (&alike.tasks[..], alike.thread) {
            ([one], _) => format!("{}: {name}", self.task_title(one)),
            ([first, .., last], _) => {
                let count = alike.tasks.len();
                let called = |task: &Task| match task.given_name {
                    Some(name) => self.snapshot[name].clone(),
                    None => task.id.to_string(),
                };
                let (first, last) = (called(first), called(last));
                format!("{count} tasks, {first} to {last}: {name}")
            }
            ([], Some(thread)) if thread != self.snapshot.process.id => {
                format!("thread {thread}: block_on({name})")
            }
            ([], _) => format!("main: block_on({name})"),
        };
        let library = match (alike.origin, alike.thread) {
            (Some(Origin::Library), None) => ", spawned by a library",
            _ => "",
        };
        let state = match alike.state {
            State::Ended => Self::ended(alike.outcome),
            state => state.words().to_owned(),
        };
        heading(&mut self.block, &format!("{who}{library}{state}"));
        self.runs = alike.state == State::Runs;
        let before = self.block.lines.len();
        self.tree(alike.futures);
        let lines = self.block.lines.len() - before;
        if !self.full && lines > TREE {
            // The middle is left out: the innermost functions come last.
            let at = before + TREE / 2;
            self.block.lines.drain(at..at + lines - TREE);
            let end = self.block.lines.split_off(at);
            let more = format!("… {} more lines; `--full` shows all", lines - TREE);
            self.add(&more, 1, FAINT);
            self.block.lines.extend(end);
        }
    }

    /// The name of a function, or a type if it is no async function.
    /// What a task is called: by the name that the program gave it, if it did.
    fn task_title(&self, task: &Task) -> String {
        match task.given_name {
            Some(name) if self.titles == Titles::Names => self.snapshot[name].clone(),
            Some(name) => format!("{} (task {})", &self.snapshot[name], task.id),
            None => format!("task {}", task.id),
        }
    }

    fn name(&self, name: NameId, origin: Option<Origin>) -> String {
        match origin {
            Some(_) => short_path(&self.snapshot[name]),
            None => short_type(&self.snapshot[name]),
        }
    }

    /// The functions of a task, from the outermost to what it waits for.
    fn tree(&mut self, futures: &AwaitTree) {
        let mut children: HashMap<Option<FrameIndex>, Children<'_>> = HashMap::default();
        for (index, frame) in (0..).map(FrameIndex).zip(&futures.frames) {
            let children = children.entry(frame.parent).or_default();
            children.frames.push((index, frame));
        }
        for leaf in &futures.leaves {
            children.entry(leaf.frame).or_default().leaves.push(leaf);
        }
        let digests = self.digests(futures);
        let mut left = vec![(None, 1, 1)];
        while let Some((parent, times, depth)) = left.pop() {
            if let Some(FrameIndex(at)) = parent {
                self.frame(&futures.frames[at as usize], times, depth);
            }
            let Some(Children { frames, leaves }) = children.get(&parent) else {
                continue;
            };
            let frames = once_each(frames, |(FrameIndex(at), _)| digests[*at as usize]);
            let leaves = once_each(leaves, |leaf| self.leaf_shape(leaf));
            let parent = parent.map(|FrameIndex(at)| &futures.frames[at as usize]);
            let leaves: Vec<_> = leaves
                .into_iter()
                .filter(|(leaf, _)| self.shows_leaf(leaf))
                .collect();
            let awaited = frames.iter().filter(|((_, it), _)| it.held_in.is_none());
            let branches = awaited.count() + leaves.len() > 1;
            let inner =
                depth + usize::from(branches && parent.is_some_and(|it| self.shows_frame(it)));
            for (leaf, times) in leaves {
                self.leaf(futures, leaf, times, inner);
            }
            // The last one in is the first one out.
            let frames = frames.into_iter().rev();
            left.extend(frames.map(|((index, _), times)| (Some(*index), times, inner)));
        }
    }

    fn frame(&mut self, frame: &Frame, times: usize, depth: usize) {
        let place = &self.snapshot[frame.place];
        if self.shows_frame(frame) {
            let at = self.place(place);
            let held = self.held_in(frame.held_in);
            let times = shown_times(times);
            let line = format!("{} at {at}{held}{times}", short_path(&place.function));
            self.add(&line, depth, NONE);
        }
        let shown = frame.handles.iter().filter(|it| self.shows(place, it));
        let mut lines: Vec<String> = shown.map(|handle| self.handle(handle)).collect();
        lines.dedup();
        lines.extend(frame.results.iter().map(|it| self.held_results(it)));
        for line in lines {
            self.add(&line, depth + 1, FAINT);
        }
    }

    fn shows_frame(&self, frame: &Frame) -> bool {
        self.full || self.snapshot[frame.place].origin == Origin::Program
    }

    /// A future that is held and not awaited matters if others wait for the same thing.
    fn shows_leaf(&self, leaf: &Leaf) -> bool {
        // What would only end a wait: the tasks of a group whose body goes on, and the end of a pool.
        let only_ends = matches!(
            leaf.waits_for,
            WaitsFor::Group { drains: false, .. }
                | WaitsFor::Notify {
                    of: NotifyKind::PoolClosed,
                    ..
                }
        );
        if only_ends && !self.full {
            return false;
        }
        let number = || self.names.number_at(awaited(&leaf.waits_for));
        self.full || leaf.held_in.is_none() || number().is_some()
    }

    fn add(&mut self, line: &str, depth: usize, style: anstyle::Style) {
        let indent = "  ".repeat(depth);
        let hang = format!("{indent}    ");
        self.block.add(&format!("{indent}{line}"), &hang, style);
    }

    fn place(&self, place: &Place) -> String {
        if !place.has_own_line() {
            let file = self.file(&place.function_file);
            return match (place.first_line, place.last_line) {
                (0, _) => file,
                (first, last) if first == last => format!("{file}:{first}"),
                (first, last) => format!("{file}:{first}-{last}"),
            };
        }
        format!("{}:{}", self.file(&place.file), place.line)
    }

    fn file(&self, path: &str) -> String {
        self.folder.file(path)
    }

    fn held_in(&self, held: Option<HeldIn>) -> String {
        let Some(HeldIn {
            local,
            maybe_dropped,
        }) = held
        else {
            return String::new();
        };
        let name = shown_local(self.snapshot[local].name.as_deref());
        let dropped = if maybe_dropped {
            ", may be dropped"
        } else {
            ""
        };
        let polled = if self.runs { "" } else { ", not polled now" };
        format!(", in {name}{polled}{dropped}")
    }

    /// Numbers what is shown more than once, in the order in which it is shown.
    fn number(&mut self) {
        let block_ons = self.snapshot.block_ons.iter().map(|it| &it.futures);
        let tasks = self.snapshot.tasks.iter().map(|it| &it.futures);
        let shown = block_ons
            .chain(tasks)
            .flat_map(|futures| self.shown_numbers(futures));
        let mut once = HashSet::default();
        let mut again = HashSet::default();
        // In the order of their first use.
        let mut order = Vec::new();
        for number in shown {
            if once.insert(number) {
                order.push(number);
            } else {
                again.insert(number);
            }
        }
        let numbered = order.into_iter().filter(|number| again.contains(number));
        self.labels = numbered.zip(1..).collect();
    }

    /// Numbers what is left, too.
    fn number_all(&mut self) {
        let numbers: BTreeSet<usize> = self.names.awaited.values().copied().collect();
        for number in numbers {
            let next = self.labels.len() + 1;
            self.labels.entry(number).or_insert(next);
        }
    }

    fn shown_numbers(&self, futures: &AwaitTree) -> impl Iterator<Item = usize> {
        let handles = futures.frames.iter().flat_map(move |frame| {
            let place = &self.snapshot[frame.place];
            let handles = frame.handles.iter();
            handles.filter(move |it| self.shows(place, it))
        });
        let held = handles.filter_map(|it| self.names.number(it.object));
        let leaves = futures.leaves.iter().filter(|it| self.shows_leaf(it));
        let awaited = leaves.filter_map(|it| self.names.number_at(awaited(&it.waits_for)));
        held.chain(awaited)
    }

    /// `Mutex #1`, or `a Mutex` if it is shown only here.
    fn object(&self, kind: &str, number: Option<usize>) -> String {
        match number.and_then(|number| self.labels.get(&number)) {
            Some(label) => format!("{kind} #{label}"),
            None if ["mpsc channel", "Event"].contains(&kind) => format!("an {kind}"),
            None => format!("a {kind}"),
        }
    }

    /// Whether a handle is shown. If not all are: those of the program's own variables, for which somebody waits.
    /// That an `Arc` keeps a primitive alive tells most where no other handle of that exists.
    fn shows(&self, place: &Place, handle: &Handle) -> bool {
        if self.full {
            return true;
        }
        let counts = match handle.kind {
            HandleKind::Arc | HandleKind::Weak | HandleKind::Rc => {
                !self.names.has_other_handles(handle.object)
            }
            // What a temporary waits with is what the task waits for.
            HandleKind::JoinHandle | HandleKind::OneshotReceiver => {
                self.snapshot[handle.local].name.is_some()
            }
            _ => true,
        };
        let is_own = place.origin == Origin::Program;
        is_own && counts && self.names.number(handle.object).is_some()
    }

    /// What a local holds.
    fn handle(&self, handle: &Handle) -> String {
        let number = self.names.number(handle.object);
        let local = shown_local(self.snapshot[handle.local].name.as_deref());
        let object = &self.snapshot[handle.object];
        let type_name = short_type(&self.snapshot[object.type_name]);
        let (what, of) = match handle.kind {
            HandleKind::MpscSender => ("a sender of", "mpsc channel"),
            HandleKind::MpscWeakSender => ("a weak sender of", "mpsc channel"),
            HandleKind::MpscReceiver => ("the receiver of", "mpsc channel"),
            HandleKind::MpscPermit => ("a permit to send to", "mpsc channel"),
            HandleKind::OneshotSender => ("the sender of", "oneshot channel"),
            HandleKind::OneshotReceiver => ("the receiver of", "oneshot channel"),
            HandleKind::WatchSender => ("a sender of", "watch channel"),
            HandleKind::WatchReceiver => ("a receiver of", "watch channel"),
            HandleKind::BroadcastSender => ("a sender of", "broadcast channel"),
            HandleKind::BroadcastWeakSender => ("a weak sender of", "broadcast channel"),
            HandleKind::BroadcastReceiver => ("a receiver of", "broadcast channel"),
            HandleKind::ChannelSender => ("a sender of", "channel"),
            HandleKind::ChannelWeakSender => ("a weak sender of", "channel"),
            HandleKind::ChannelReceiver => ("a receiver of", "channel"),
            HandleKind::PipeReader => ("the reading end of", "pipe"),
            HandleKind::PipeWriter => ("the writing end of", "pipe"),
            HandleKind::MutexGuard => ("the guard of", "Mutex"),
            HandleKind::RwLockReadGuard => ("a read guard of", "RwLock"),
            HandleKind::RwLockWriteGuard => ("the write guard of", "RwLock"),
            HandleKind::SemaphorePermit { .. } => ("a permit of", "Semaphore"),
            HandleKind::JoinHandle => ("the JoinHandle of", "task"),
            HandleKind::AbortHandle => ("an AbortHandle of", "task"),
            HandleKind::Arc => ("an Arc of", type_name.as_str()),
            HandleKind::Weak => ("a Weak of", type_name.as_str()),
            HandleKind::Rc => ("an Rc of", type_name.as_str()),
            HandleKind::Event => ("a handle of", "Event"),
            HandleKind::CancellationToken => ("a handle of", "CancellationToken"),
            HandleKind::TrackedTask => ("a place in", "TaskTracker"),
            HandleKind::Connection => ("a connection of", "pool"),
            _ => ("a handle of", type_name.as_str()),
        };
        let is_of_task = matches!(
            handle.kind,
            HandleKind::JoinHandle | HandleKind::AbortHandle
        );
        let task = is_of_task.then(|| self.task(object.address)).flatten();
        let of = task.unwrap_or_else(|| self.object(of, number));
        let dropped = if handle.maybe_dropped {
            ", may be dropped"
        } else {
            ""
        };
        format!("holds {local}: {what} {of}{dropped}")
    }

    /// The task at this address.
    fn task(&self, address: Address) -> Option<String> {
        if let Some(task) = self.names.task(self.snapshot, address) {
            return Some(self.task_title(task));
        }
        let id = self.names.blocking_tasks.get(&address)?;
        Some(format!("blocking task {id}"))
    }

    /// What a leaf is doing: `waits for a Mutex`.
    fn awaits(&self, leaf: &Leaf) -> String {
        let number = self.names.number_at(awaited(&leaf.waits_for));
        let thing = || match ResourceKind::of(&leaf.waits_for) {
            Some((kind, address)) => self.awaited_thing(kind, address),
            None => "something".to_owned(),
        };
        match &leaf.waits_for {
            WaitsFor::Message { channel } => {
                let senders = self.names.at(*channel).and_then(|it| it.counts.senders);
                let senders = senders.map_or(String::new(), |senders| {
                    let senders = usize::try_from(senders).unwrap_or(usize::MAX);
                    format!("; {} left", plural(senders, "sender"))
                });
                format!("waits for {}{senders}", thing())
            }
            WaitsFor::Permits {
                of,
                wanted,
                missing,
                queued,
                available,
                ..
            } => {
                let what = match of {
                    PermitKind::Semaphore | PermitKind::Other => {
                        let semaphore = self.object("Semaphore", number);
                        format!("{} of {semaphore}, {available} left", permits(*wanted))
                    }
                    _ => thing(),
                };
                let granted = if *queued && *missing == Some(0) {
                    ", which it was given and has not been polled since"
                } else {
                    ""
                };
                format!("waits for {what}{granted}")
            }
            WaitsFor::Signal => "waits for a signal or a child process".to_owned(),
            WaitsFor::Timer { deadline_ns, .. } => {
                let now = self.snapshot.taken_at_ns;
                match now.map(|now| deadline_ns.checked_sub(now)) {
                    Some(Some(left)) => {
                        let seconds = Duration::from_nanos(left).as_secs_f64();
                        format!("waits for a timer, due in {seconds:.1} s")
                    }
                    Some(None) => "waits for a timer, which has fired".to_owned(),
                    None => "waits for a timer".to_owned(),
                }
            }
            WaitsFor::Io { descriptor, .. } => {
                format!("waits for {}", self.awaited_descriptor(*descriptor))
            }
            WaitsFor::EmptySet { type_name } => {
                format!(
                    "waits for {}, which is empty",
                    short_type(&self.snapshot[*type_name])
                )
            }
            WaitsFor::LocalSet { .. } => "runs a LocalSet".to_owned(),
            WaitsFor::Group { group, .. } => self.group_leaf(*group),
            WaitsFor::Notify {
                of: NotifyKind::PoolClosed,
                ..
            } => "waits for its pool to be closed".to_owned(),
            WaitsFor::Never => "is pending forever".to_owned(),
            WaitsFor::Broadcast { .. }
            | WaitsFor::Oneshot { .. }
            | WaitsFor::Room { .. }
            | WaitsFor::Bytes { .. }
            | WaitsFor::PipeRoom { .. }
            | WaitsFor::Notify { .. }
            | WaitsFor::Task { .. } => format!("waits for {}", thing()),
            WaitsFor::Unknown { type_name } => {
                let type_name = short_type(&self.snapshot[*type_name]);
                format!("waits for {type_name}: what wakes it is not known")
            }
            _ => "waits for something that this version has no words for".to_owned(),
        }
    }

    fn leaf(&mut self, futures: &AwaitTree, leaf: &Leaf, times: usize, depth: usize) {
        let on = self.awaits(leaf);
        // What holds it may be a frame that is not shown.
        let hidden = futures.ancestors(leaf.frame);
        let mut hidden = hidden.take_while(|frame| !self.shows_frame(frame));
        let held = leaf.held_in.or_else(|| hidden.find_map(|it| it.held_in));
        let held = self.held_in(held);
        let times = shown_times(times);
        self.add(&format!("{on}{held}{times}"), depth + 1, NONE);
    }

    fn blocking_tasks(&mut self) {
        let tasks = &self.snapshot.blocking_tasks;
        if tasks.is_empty() {
            return;
        }
        let mut counts: Vec<(String, &str, usize)> = Vec::new();
        for task in tasks {
            let closure = short_path(&self.snapshot[task.closure]);
            let state = match task.state {
                BlockingState::Running { .. } => "running",
                BlockingState::Queued => "queued",
            };
            let same = counts
                .iter_mut()
                .find(|it| it.0 == closure && it.1 == state);
            match same {
                Some((.., count)) => *count += 1,
                None => counts.push((closure, state, 1)),
            }
        }
        heading(&mut self.block, "blocking pool");
        for (closure, state, count) in counts {
            self.add(&format!("{count} {state}: {closure}"), 1, NONE);
        }
    }

    /// Threads that are in the program's own code, but for one that only waits in `block_on`. All of them if nothing is
    /// known of tasks.
    fn threads(&mut self) {
        let waits_in_block_on = |thread: &Thread| {
            let mut block_ons = self.snapshot.block_ons.iter();
            block_ons.any(|it| it.thread == thread.id && !it.polled)
        };
        let no_tasks = self.snapshot.no_tasks().is_some();
        let own = |frame: &NativeFrame| match frame.origin {
            Some(origin) => origin == Origin::Program,
            None => no_tasks && frame.function.as_deref().is_some_and(may_be_own),
        };
        let threads = self.snapshot.threads.iter();
        let threads = threads.filter(|thread| self.full || !waits_in_block_on(thread));
        let threads: Vec<&Thread> = threads
            .filter(|thread| self.full || no_tasks || thread.stack.iter().any(own))
            .collect();
        let mut alike: Vec<AlikeThreads> = Vec::new();
        for thread in threads {
            let name = if thread.name.is_empty() {
                String::new()
            } else {
                format!(" {}", thread.name)
            };
            let mut functions = Vec::new();
            for frame in &thread.stack {
                if !self.full && !own(frame) {
                    continue;
                }
                let function = frame.function.as_deref().map_or("?", |it| it);
                let at = match (&frame.file, frame.line) {
                    (Some(file), Some(line)) => format!(" at {}:{line}", self.file(file)),
                    (Some(file), None) => format!(" at {}", self.file(file)),
                    _ => String::new(),
                };
                functions.push(format!("{}{at}", short_path(function)));
            }
            let state = sentences::state(thread);
            match alike
                .iter_mut()
                .find(|it| it.name == name && it.state == state && it.functions == functions)
            {
                Some(alike) => alike.ids.push(thread.id),
                None => alike.push(AlikeThreads {
                    name,
                    state,
                    functions,
                    ids: vec![thread.id],
                }),
            }
        }
        for AlikeThreads {
            name,
            state,
            functions,
            ids,
        } in alike
        {
            let title = match ids[..] {
                [id] => format!("thread {id}{name} {state}"),
                _ => format!("{} threads{name}: each {state}", ids.len()),
            };
            heading(&mut self.block, &title);
            for function in functions {
                self.add(&function, 1, NONE);
            }
        }
    }

    fn gaps(&mut self) {
        let gaps = self.snapshot.gaps.len();
        if gaps == usize::from(self.snapshot.no_tasks().is_some()) {
            return;
        }
        heading(&mut self.block, "not known");
        let mut lines: Vec<String> = Vec::new();
        for gap in &self.snapshot.gaps {
            // Of the first importance, so that it is elsewhere: the message with which the program ends.
            if matches!(gap, Gap::NoTasks { .. }) {
                continue;
            }
            let line = self.gap(gap);
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        for line in lines {
            self.add(&line, 1, NONE);
        }
    }

    fn gap(&self, gap: &Gap) -> String {
        match gap {
            Gap::MissingName { feature, name } => {
                format!("{feature}: the program's debug info has no `{name}`")
            }
            Gap::TasksChanged { read, counted, .. } => {
                let counted = counted.map_or(String::new(), |counted| format!(" of {counted}"));
                format!("tasks were spawned and ended meanwhile: {read}{counted} were read")
            }
            Gap::UnreadableTask { .. } => "a task that changed while it was read".to_owned(),
            Gap::AmbiguousFuture { tasks, candidates } => format!(
                "which future {tasks} tasks run: the linker merged {}",
                candidates.join(" and ")
            ),
            Gap::UndescribedFuture { tasks, type_name } => {
                format!("what {tasks} tasks of type {type_name} wait for: no debug info has it")
            }
            Gap::UnknownTraitObject { type_name } => {
                format!("what is behind {}", short_type(&self.snapshot[*type_name]))
            }
            Gap::SeveralTokioVersions { versions } => format!(
                "tasks of another Tokio: the program has {}",
                versions.join(" and ")
            ),
            Gap::LimitReached { what, limit } => format!("{what}: more than {limit}"),
            Gap::UnreadableStack { thread, why } => match why {
                StackGap::NotAsleep => format!("the stack of thread {thread}, which is not asleep"),
                _ => format!("the stack of thread {thread}, which can't be unwound"),
            },
            Gap::TruncatedCore { bytes, whole } => {
                format!("memory: the core file is truncated, and has {bytes} of {whole} bytes")
            }
            Gap::UncheckedExecutable => {
                "whether this is the executable that ran: the core file does not tell".to_owned()
            }
            Gap::NoThreads { reason } => format!("what threads do: {reason}"),
            _ => "something that this version has no words for".to_owned(),
        }
    }

    /// What tasks are compared by: equal ones are shown once.
    fn shape(&self, futures: &AwaitTree) -> impl Iterator<Item = Shape> {
        let frames = futures.frames.iter().flat_map(|frame| {
            let parent = Shape::In(frame.parent);
            std::iter::once(parent).chain(self.frame_shape(frame))
        });
        let leaves = futures.leaves.iter().flat_map(|leaf| {
            let parent = Shape::In(leaf.frame);
            [parent, Shape::Leaf(self.leaf_shape(leaf))]
        });
        frames.chain(leaves)
    }

    fn frame_shape(&self, frame: &Frame) -> impl Iterator<Item = Shape> {
        let place = &self.snapshot[frame.place];
        let handles = frame.handles.iter().filter(|it| self.shows(place, it));
        let handles = handles.map(|it| Shape::Handle(it.local.0, self.names.number(it.object)));
        let held_in = frame.held_in.map(|held| held.local.0);
        std::iter::once(Shape::Frame(frame.place.0, held_in)).chain(handles)
    }

    fn leaf_shape(&self, leaf: &Leaf) -> LeafShape {
        LeafShape {
            held_in: leaf.held_in.map(|held| held.local.0),
            kind: mem::discriminant(&leaf.waits_for),
            // Of tasks, each is of interest.
            task: match leaf.waits_for {
                WaitsFor::Task { task } => Some(task),
                _ => None,
            },
            number: self.names.number_at(awaited(&leaf.waits_for)),
        }
    }

    /// For each frame, a number that equal frames with equal children have in common.
    fn digests(&self, futures: &AwaitTree) -> Vec<u64> {
        let mut hashers: Vec<DefaultHasher> = Vec::new();
        for frame in &futures.frames {
            let mut hasher = DefaultHasher::new();
            self.frame_shape(frame).for_each(|it| it.hash(&mut hasher));
            hashers.push(hasher);
        }
        for leaf in &futures.leaves {
            let frame = leaf.frame.and_then(|it| hashers.get_mut(it.0 as usize));
            if let Some(frame) = frame {
                self.leaf_shape(leaf).hash(frame);
            }
        }
        // A parent comes before its children.
        for (at, frame) in futures.frames.iter().enumerate().rev() {
            let digest = hashers[at].finish();
            let parent = frame.parent.and_then(|it| hashers.get_mut(it.0 as usize));
            if let Some(parent) = parent {
                digest.hash(parent);
            }
        }
        hashers.iter().map(DefaultHasher::finish).collect()
    }
}

#[derive(Default)]
struct Children<'t> {
    frames: Vec<(FrameIndex, &'t Frame)>,
    leaves: Vec<&'t Leaf>,
}

/// What is shown of a task, part by part, by ids.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Shape {
    /// What follows is in this frame.
    In(Option<FrameIndex>),
    /// The place, and the local that holds it.
    Frame(u32, Option<u32>),
    /// The local, and what it holds. It belongs to the frame before it.
    Handle(u32, Option<usize>),
    Leaf(LeafShape),
}

/// What is shown of a leaf, by ids.
#[derive(Clone, PartialEq, Eq, Hash)]
struct LeafShape {
    held_in: Option<u32>,
    kind: mem::Discriminant<WaitsFor>,
    task: Option<Address>,
    number: Option<usize>,
}

/// The items whose keys differ, in their order, and how often each is there.
fn once_each<T, K: Eq + Hash>(items: &[T], key: impl Fn(&T) -> K) -> Vec<(&T, usize)> {
    let mut once: Vec<(&T, usize)> = Vec::new();
    let mut places: HashMap<K, usize> = HashMap::default();
    for item in items {
        let place = *places.entry(key(item)).or_insert(once.len());
        match once.get_mut(place) {
            Some((_, times)) => *times += 1,
            None => once.push((item, 1)),
        }
    }
    once
}

fn shown_local(name: Option<&str>) -> String {
    name.map_or("a temporary".to_owned(), |name| format!("`{name}`"))
}

fn shown_times(times: usize) -> String {
    match times {
        1 => String::new(),
        _ => format!(", {times} times"),
    }
}

/// What a leaf waits for, if that has an address of its own.
fn awaited(waits_for: &WaitsFor) -> Option<Address> {
    match waits_for {
        WaitsFor::Message { channel }
        | WaitsFor::Room { channel }
        | WaitsFor::Broadcast { channel }
        | WaitsFor::Oneshot { channel } => Some(*channel),
        WaitsFor::Bytes { pipe } | WaitsFor::PipeRoom { pipe } => Some(*pipe),
        WaitsFor::Permits { semaphore, .. } => Some(*semaphore),
        WaitsFor::Notify { notify, .. } => Some(*notify),
        WaitsFor::Task { task } => Some(*task),
        _ => None,
    }
}

/// The primitives that somebody waits for, by number.
struct Objects<'s> {
    /// In the order of their addresses.
    sorted: Vec<(ObjectId, &'s Object)>,
    /// By the address at which they are awaited, and by object.
    awaited: HashMap<Address, usize>,
    /// `None` for one that contains several of them.
    numbers: HashMap<ObjectId, Option<usize>>,
    /// The numbers of which there are handles besides `Arc` and the like.
    with_other_handles: HashSet<usize>,
    /// Tasks by their addresses: made when one is asked for.
    tasks: OnceCell<HashMap<Address, &'s Task>>,
    blocking_tasks: HashMap<Address, u64>,
}

impl<'s> Objects<'s> {
    fn of(snapshot: &'s Snapshot) -> Self {
        let all = (0..).map(ObjectId).zip(&snapshot.objects);
        let mut sorted: Vec<_> = all.filter(|(_, object)| !object.is_buffer).collect();
        sorted.sort_by_key(|(_, object)| object.address);
        let mut objects = Self {
            sorted,
            awaited: HashMap::default(),
            numbers: HashMap::default(),
            with_other_handles: HashSet::default(),
            tasks: OnceCell::new(),
            blocking_tasks: {
                let tasks = snapshot.blocking_tasks.iter();
                tasks.map(|it| (it.address, it.id)).collect()
            },
        };
        let futures = || {
            let tasks = snapshot.tasks.iter().map(|task| &task.futures);
            let block_ons = snapshot.block_ons.iter().map(|it| &it.futures);
            block_ons.chain(tasks)
        };
        let leaves = futures().flat_map(|futures| &futures.leaves);
        let mut count = 0;
        for address in leaves.filter_map(|leaf| awaited(&leaf.waits_for)) {
            if objects.awaited.contains_key(&address) {
                continue;
            }
            // One that no local holds needs no number: there is nothing to compare it with.
            let found: Vec<_> = objects.all_at(address).collect();
            if found.is_empty() {
                continue;
            }
            // A channel is awaited at more than one address. What an `Arc` shares may contain several primitives.
            let primitives = found.iter().filter(|(_, it)| is_primitive(snapshot, it));
            let innermost = primitives.min_by_key(|(_, it)| it.size);
            let known = innermost.and_then(|(id, _)| objects.number(*id));
            let number = known.unwrap_or_else(|| {
                count += 1;
                count
            });
            objects.awaited.insert(address, number);
            // Of a watch channel the whole is told.
            let innermost = found.iter().min_by_key(|(_, it)| it.size);
            if let Some((_, whole)) = innermost {
                objects.awaited.entry(whole.address).or_insert(number);
            }
            for (id, _) in found {
                let numbered = objects.numbers.entry(id).or_insert(Some(number));
                if *numbered != Some(number) {
                    *numbered = None;
                }
            }
        }
        let frames = futures().flat_map(|futures| &futures.frames);
        for handle in frames.flat_map(|frame| &frame.handles) {
            let shares = matches!(
                handle.kind,
                HandleKind::Arc | HandleKind::Weak | HandleKind::Rc
            );
            if let (false, Some(number)) = (shares, objects.number(handle.object)) {
                objects.with_other_handles.insert(number);
            }
        }
        objects
    }

    /// The objects that this address is in.
    fn all_at(&self, address: Address) -> impl Iterator<Item = (ObjectId, &'s Object)> {
        let end = self.sorted.partition_point(|(_, it)| it.address <= address);
        // One within another begins after it, and few are that deep.
        let before = self.sorted[..end].iter().rev().take(8).copied();
        before.filter(move |(_, it)| address.0 - it.address.0 < it.size.max(1))
    }

    fn at(&self, address: Address) -> Option<&'s Object> {
        self.all_at(address).next().map(|(_, object)| object)
    }

    /// The task at this address.
    fn task(&self, snapshot: &'s Snapshot, address: Address) -> Option<&'s Task> {
        let tasks = self.tasks.get_or_init(|| {
            let tasks = snapshot.tasks.iter();
            tasks.map(|it| (it.address, it)).collect()
        });
        tasks.get(&address).copied()
    }

    fn number(&self, object: ObjectId) -> Option<usize> {
        self.numbers.get(&object).copied().flatten()
    }

    fn has_other_handles(&self, object: ObjectId) -> bool {
        self.number(object)
            .is_some_and(|number| self.with_other_handles.contains(&number))
    }

    fn number_at(&self, address: Option<Address>) -> Option<usize> {
        self.awaited.get(&address?).copied()
    }
}

/// Whether an object is one of Tokio's, or a channel of another library, not a value of the program in which some are.
fn is_primitive(snapshot: &Snapshot, object: &Object) -> bool {
    object.channel.is_some() || snapshot[object.type_name].starts_with("tokio::")
}

fn permits(wanted: u64) -> String {
    plural(usize::try_from(wanted).unwrap_or(usize::MAX), "permit")
}

/// Whether a function is of neither the standard library nor Tokio, by its path alone.
fn may_be_own(function: &str) -> bool {
    let path = function.trim_start_matches(['<', '&']);
    let Some((library, _)) = path.split_once("::") else {
        return false;
    };
    !["alloc", "core", "std", "tokio"].contains(&library)
}

/// The path of a function without what the compiler puts in: `worker::run` for `worker::run::{async_fn#0}`, and
/// `Pool::get` for `Pool<T>::get`.
fn short_path(path: &str) -> String {
    let mut short = String::new();
    let mut depth = 0_usize;
    for part in path.split_inclusive(['<', '>', '{', '}']) {
        let text = part.trim_end_matches(['<', '>', '{', '}']);
        if depth == 0 {
            short += text;
        }
        match part.chars().next_back() {
            Some('<' | '{') => depth += 1,
            Some('>' | '}') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    let names: Vec<&str> = short.split("::").filter(|name| !name.is_empty()).collect();
    if names.is_empty() {
        path.to_owned()
    } else {
        names.join("::")
    }
}

/// A type without the modules that its names are in: `Vec<Job>` for `alloc::vec::Vec<app::Job, alloc::alloc::Global>`.
fn short_type(name: &str) -> String {
    let name = name.replace(", alloc::alloc::Global", "");
    let is_part_of_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '#' | '{' | '}');
    let mut short = String::new();
    let mut rest = name.as_str();
    while !rest.is_empty() {
        let end = rest.find(|c| !is_part_of_name(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if let Some(after) = after.strip_prefix("::") {
            rest = after;
            continue;
        }
        short += word;
        let next = after.find(is_part_of_name).unwrap_or(after.len());
        let (between, after) = after.split_at(next);
        short += between;
        rest = after;
    }
    short
}

/// The names of calls in which threads of a program mostly sleep, on x86-64.
fn name_of_call(number: u64) -> Option<&'static str> {
    Some(match number {
        0 => "read",
        1 => "write",
        7 => "poll",
        35 => "nanosleep",
        43 => "accept",
        44 => "sendto",
        45 => "recvfrom",
        61 => "wait4",
        202 => "futex",
        230 => "clock_nanosleep",
        232 | 281 => "epoll_wait",
        247 => "waitid",
        288 => "accept4",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_compiler_puts_into_a_path_is_left_out() {
        for (path, short) in [
            ("app::main::{async_block#0}::{async block}", "app::main"),
            ("pool::{impl#3}::get<app::Job>", "pool::get"),
            ("pool::Pool<app::Job>::get", "pool::Pool::get"),
            ("{closure#0}", "{closure#0}"),
        ] {
            assert_eq!(short_path(path), short);
        }
    }

    #[test]
    fn a_type_is_shown_without_modules() {
        for (name, short) in [
            ("u64", "u64"),
            (
                "alloc::vec::Vec<app::Job, alloc::alloc::Global>",
                "Vec<Job>",
            ),
            (
                "core::result::Result<(), &mut dyn core::error::Error>",
                "Result<(), &mut dyn Error>",
            ),
            ("[u8; 4]", "[u8; 4]"),
        ] {
            assert_eq!(short_type(name), short);
        }
    }
}
