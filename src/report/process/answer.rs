//! The first lines of the report on a process: the verdict, and why.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::time::Duration;

use unstuck_inspect::snapshot::{
    Address, HandleKind, NativeFrame, Origin, PermitKind, PlaceId, SystemCall, Thread, WaitsFor,
};

use super::super::text::{FAINT, NONE, colour, plural};
use super::{Text, name_of_call, short_path, short_type, shown_local};
use crate::diagnosis::Verdict;
use crate::diagnosis::liveness::{
    Activity, Actor, Basis, Diagnosis, Doubt, Finding, Holder, Link, ResourceKind, Until, Waiter,
    With,
};

/// How many of several things a sentence names.
const NAMED: usize = 3;
/// How many findings, and how many links of one, are shown in brief.
const FINDINGS: usize = 3;
const LINKS: usize = 5;

impl Text<'_> {
    pub(super) fn answer(&mut self, diagnosis: &Diagnosis) {
        let verdict = Self::verdict(diagnosis);
        self.block
            .add(&verdict, "  ", colour(diagnosis.verdict).bold());
        let lines = self.why(diagnosis);
        let notes = self.notes(diagnosis);
        if lines.len() + notes.len() > 0 {
            self.block.gap();
        }
        self.block.row("why", &lines, NONE);
        self.block.row("note", &notes, FAINT);
    }

    fn verdict(diagnosis: &Diagnosis) -> String {
        let Diagnosis {
            verdict,
            confidence,
            ..
        } = diagnosis;
        let mut counts: BTreeMap<Activity, usize> = BTreeMap::new();
        for live in &diagnosis.live {
            *counts.entry(live.activity).or_default() += 1;
        }
        let waits = counts.iter().map(|(activity, count)| {
            let what = match activity {
                Activity::Runs => "running",
                Activity::Outside => "I/O",
                Activity::Timer => "timers",
                Activity::BlockingTask => "blocking tasks",
            };
            format!("{what} ({count})")
        });
        let waits = waits.collect::<Vec<_>>().join(", ");
        let because = match verdict {
            Verdict::Stuck => "nothing that is left in it can wake any of its tasks".to_owned(),
            Verdict::Blocked => "a thread does not return from a poll".to_owned(),
            Verdict::Running => "it moves".to_owned(),
            _ if waits.is_empty() => "what could wake it is not known".to_owned(),
            _ => format!("something may still wake it: {waits}"),
        };
        let part = match (verdict, diagnosis.findings.is_empty()) {
            (Verdict::Stuck, _) | (_, true) => "",
            _ => "; a part of it is stuck",
        };
        let confidence = match verdict {
            Verdict::Stuck | Verdict::Blocked => format!(" ({confidence})"),
            _ => String::new(),
        };
        format!("{verdict}{confidence}: {because}{part}")
    }

    fn why(&self, diagnosis: &Diagnosis) -> Vec<String> {
        let mut lines = Vec::new();
        let most = if self.full { usize::MAX } else { FINDINGS };
        for index in &diagnosis.blocked_threads {
            lines.push(self.blocked_thread(&self.snapshot.threads[*index]));
        }
        for finding in diagnosis.findings.iter().take(most) {
            lines.extend(self.finding(finding));
        }
        match diagnosis.findings.len().saturating_sub(most) {
            0 => {}
            more => lines.push(format!(
                "and {} like these; `--full` shows all",
                plural(more, "finding")
            )),
        }
        if lines.is_empty() && diagnosis.verdict == Verdict::Waiting {
            lines.extend(self.blocking_threads());
            lines.extend(self.outside(diagnosis));
        }
        lines
    }

    fn notes(&self, diagnosis: &Diagnosis) -> Vec<String> {
        let mut notes = Vec::new();
        match diagnosis.basis {
            Basis::TwoReadings => {}
            Basis::OneReading => notes.push(
                "this is one reading of a live process: whether it moved after that is not known"
                    .to_owned(),
            ),
            Basis::Core => {
                notes.push("this is the moment at which the core file was written".to_owned());
            }
        }
        if diagnosis.verdict != Verdict::Stuck {
            for doubt in &diagnosis.doubts {
                notes.push(
                    match doubt {
                        Doubt::Holder => "not found: some holders of what tasks wait for",
                        Doubt::Waker => "not found: some wakers of tasks",
                        Doubt::Future => "not understood: some futures that tasks wait for",
                    }
                    .to_owned(),
                );
            }
            let others = diagnosis.other_threads.iter();
            let others = others.map(|index| &self.snapshot.threads[*index]);
            let others: Vec<String> = others.take(NAMED).map(Self::thread_name).collect();
            if !others.is_empty() {
                let more = diagnosis.other_threads.len() - others.len();
                let more = match more {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                notes.push(format!("{}{more} may wake tasks, too", others.join(", ")));
            }
        }
        notes
    }

    /// A finding: a sentence for each link.
    fn finding(&self, finding: &Finding) -> Vec<String> {
        let Finding {
            rule, confidence, ..
        } = finding;
        let others = match finding.others {
            0 => String::new(),
            others => format!("; {} for that in turn", waits(others, "other")),
        };
        let until = match finding.until {
            Until::Never => String::new(),
            Until::Cancelled => " unless a task is aborted or a future dropped".to_owned(),
            Until::Timeout(deadline) => {
                let now = self.snapshot.taken_at_ns;
                match now.and_then(|now| deadline.checked_sub(now)) {
                    Some(left) => {
                        let left = Duration::from_nanos(left).as_secs_f64();
                        format!(" until a timeout in {left:.1} s")
                    }
                    None => " until a timeout".to_owned(),
                }
            }
        };
        let tag = format!("[{rule}, {confidence}]");
        if let [link] = &finding.links[..] {
            let sentence = self.link(finding, 0, link);
            let until = if until.is_empty() {
                until
            } else {
                format!("; stuck{until}")
            };
            return vec![format!("{sentence}{until}{others} {tag}")];
        }
        let mut lines = vec![format!("deadlock{until}, a circular wait{others} {tag}:")];
        let most = if self.full { usize::MAX } else { LINKS };
        let groups = Self::alike(finding);
        let shown = groups.iter().take(most);
        lines.extend(shown.map(|group| format!("- {}", self.links(finding, group))));
        match groups.len().saturating_sub(most) {
            0 => {}
            more => lines.push(format!("- and {more} more; `--full` shows all")),
        }
        lines
    }

    /// Who waits for what, and why it does not come.
    fn link(&self, finding: &Finding, index: usize, link: &Link) -> String {
        let mut kinds: Vec<(ResourceKind, Vec<&Waiter>)> = Vec::new();
        for waiter in &link.waiters {
            match kinds.iter_mut().find(|(kind, _)| *kind == waiter.kind) {
                Some((_, waiters)) => waiters.push(waiter),
                None => kinds.push((waiter.kind, vec![waiter])),
            }
        }
        let waits = kinds.iter().map(|(kind, waiters)| {
            let verb = match (kind, waiters.len()) {
                (ResourceKind::PoolThread, 1) => "is queued",
                (ResourceKind::PoolThread, _) => "are queued",
                (_, 1) => "waits",
                _ => "wait",
            };
            let what = self.awaited_thing(*kind, link.address);
            format!("{} for {what}", self.waiters(waiters, verb))
        });
        let mut sentence = and(&waits.collect::<Vec<_>>());
        let because = self.because(finding, index, link);
        if !because.is_empty() {
            let _ = write!(sentence, "; {because}");
        }
        sentence
    }

    /// Links that are alike: tasks that wait in the same places for others to end, which wait for the same thing.
    fn alike(finding: &Finding) -> Vec<Vec<usize>> {
        fn key(link: &Link) -> Option<(Vec<&[PlaceId]>, Option<usize>)> {
            let places = link.waiters.iter().map(|it| &*it.places).collect();
            let next = link.holders.first().and_then(|holder| holder.waits_in);
            (link.kind == ResourceKind::Task).then_some((places, next))
        }
        let mut groups: Vec<Vec<usize>> = Vec::new();
        let mut index = HashMap::new();
        for (number, link) in finding.links.iter().enumerate() {
            let place = match key(link) {
                Some(key) => *index.entry(key).or_insert(groups.len()),
                None => groups.len(),
            };
            match groups.get_mut(place) {
                Some(group) => group.push(number),
                None => groups.push(vec![number]),
            }
        }
        groups
    }

    /// Several links that are alike, in one sentence.
    fn links(&self, finding: &Finding, group: &[usize]) -> String {
        let [first, _, ..] = group else {
            return self.link(finding, group[0], &finding.links[group[0]]);
        };
        let links = group.iter().map(|index| &finding.links[*index]);
        let waiters: Vec<&Waiter> = links.clone().flat_map(|link| &link.waiters).collect();
        let ended: Vec<Actor> = links
            .flat_map(|link| &link.holders)
            .filter_map(|it| it.actor)
            .collect();
        let next = finding.links[*first].holders.first();
        let next = next.and_then(|holder| finding.links.get(holder.waits_in?));
        let why = next.map_or(String::new(), |next| {
            let next = self.awaited_thing(next.kind, next.address);
            format!(", which wait for {next}")
        });
        let ended = self.actors(&ended);
        let who = self.waiters(&waiters, "wait");
        format!("{who} for {ended} to end{why}")
    }

    /// `task 3 waits at src/main.rs:7 (`run`)`; of several, each place is named once.
    fn waiters(&self, waiters: &[&Waiter], verb: &str) -> String {
        let mut places: Vec<(&[PlaceId], Vec<Actor>)> = Vec::new();
        let mut index: HashMap<&[PlaceId], usize> = HashMap::new();
        for waiter in waiters {
            let place = *index.entry(&waiter.places).or_insert(places.len());
            match places.get_mut(place) {
                Some((_, actors)) => actors.push(waiter.actor),
                None => places.push((&waiter.places, vec![waiter.actor])),
            }
        }
        if let [(places, actors)] = &places[..] {
            return format!("{} {verb}{}", self.actors(actors), self.stack(places));
        }
        let shown = places.iter().take(NAMED).map(|(places, actors)| {
            let at = self.stack(places);
            format!("{}{at}", self.actors(actors))
        });
        let mut shown: Vec<String> = shown.collect();
        match places.len().saturating_sub(NAMED) {
            0 => {}
            more => shown.push(format!("{more} more")),
        }
        format!("{} {verb}", and(&shown))
    }

    /// ` at src/main.rs:9 in app::inner, called at src/main.rs:7`.
    fn stack(&self, places: &[PlaceId]) -> String {
        let Some((inner, callers)) = places.split_first() else {
            return String::new();
        };
        let mut stack = format!(" at {}", self.function(*inner));
        let callers = callers.iter().take(2);
        for caller in callers {
            let _ = write!(stack, ", from {}", self.function(*caller));
        }
        stack
    }

    fn function(&self, place: PlaceId) -> String {
        let place = &self.snapshot[place];
        let path = short_path(&place.function);
        let name = path.rsplit("::").next().unwrap_or(&path);
        format!("{} (`{name}`)", self.place(place))
    }

    fn actor(&self, actor: Actor) -> String {
        match actor {
            Actor::Task(index) => format!("task {}", self.snapshot.tasks[index].id),
            Actor::BlockOn(index) => {
                let thread = self.snapshot.block_ons[index].thread;
                if thread == self.snapshot.process.id {
                    "main".to_owned()
                } else {
                    format!("thread {thread}")
                }
            }
            Actor::Blocking(index) => {
                format!("blocking task {}", self.snapshot.blocking_tasks[index].id)
            }
        }
    }

    fn actors(&self, actors: &[Actor]) -> String {
        if actors.len() <= NAMED {
            let names: Vec<String> = actors.iter().map(|it| self.actor(*it)).collect();
            return and(&names);
        }
        let all = |is_one: fn(&Actor) -> bool| actors.iter().all(is_one);
        let what = if all(|it| matches!(it, Actor::Task(_))) {
            "tasks"
        } else if all(|it| matches!(it, Actor::Blocking(_))) {
            "blocking tasks"
        } else if all(|it| matches!(it, Actor::BlockOn(_))) {
            "threads in `block_on`"
        } else {
            "tasks and threads"
        };
        format!("{} {what}", actors.len())
    }

    /// What is waited for, with its number in the list of tasks.
    fn awaited_thing(&self, kind: ResourceKind, address: Address) -> String {
        let object = |kind: &str| self.object(kind, self.names.number_at(Some(address)));
        match kind {
            ResourceKind::Message => format!("a message of {}", object("mpsc channel")),
            ResourceKind::Broadcast => format!("a message of {}", object("broadcast channel")),
            ResourceKind::Oneshot => format!("the value of {}", object("oneshot channel")),
            ResourceKind::Watch => format!("a new value of {}", object("watch channel")),
            ResourceKind::Barrier => format!("more tasks to reach {}", object("Barrier")),
            ResourceKind::WatchClosed => {
                format!("all receivers of {} to be dropped", object("watch channel"))
            }
            ResourceKind::Permits(of) => match of {
                PermitKind::Mutex => format!("the lock of {}", object("Mutex")),
                PermitKind::RwLockRead => format!("a read lock of {}", object("RwLock")),
                PermitKind::RwLockWrite => format!("the write lock of {}", object("RwLock")),
                PermitKind::ChannelRoom => format!("room in {}", object("mpsc channel")),
                _ => format!("permits of {}", object("Semaphore")),
            },
            ResourceKind::Notify => format!("a notification of {}", object("Notify")),
            ResourceKind::Task => {
                let task = self.task(address);
                format!("{} to end", task.unwrap_or_else(|| "a task".to_owned()))
            }
            ResourceKind::LocalSet => "the tasks of a LocalSet".to_owned(),
            ResourceKind::PoolThread => "a thread of the blocking pool".to_owned(),
            ResourceKind::Never => "`pending()`, which never completes".to_owned(),
            ResourceKind::Waker => "a wake-up, and no waker of it exists".to_owned(),
        }
    }

    /// Who should bring it about, and why they will not.
    fn because(&self, finding: &Finding, index: usize, link: &Link) -> String {
        if matches!(link.kind, ResourceKind::Never | ResourceKind::Waker) {
            return String::new();
        }
        let mut groups: Vec<(String, Vec<&Holder>)> = Vec::new();
        for holder in &link.holders {
            let key = self.holds(link, holder);
            match groups.iter_mut().find(|(known, _)| *known == key) {
                Some((_, holders)) => holders.push(holder),
                None => groups.push((key, vec![holder])),
            }
        }
        let shown = groups.iter().take(NAMED).map(|(holds, holders)| {
            let mut actors: Vec<Actor> = holders.iter().filter_map(|it| it.actor).collect();
            actors.dedup();
            if actors.is_empty() {
                return holds.clone();
            }
            let mut waiters = link.waiters.iter().map(|it| it.actor);
            let is_own = actors.len() == 1 && waiters.all(|it| it == actors[0]);
            let who = self.actors(&actors);
            let who = if is_own { format!("{who} itself") } else { who };
            let why = match holders[0].waits_in {
                Some(next) if next == index && !is_own => {
                    format!(
                        ", which {} for it, too",
                        if actors.len() == 1 { "waits" } else { "wait" }
                    )
                }
                Some(next) if next != index && finding.links.len() > 1 => {
                    let next = &finding.links[next];
                    let next = if actors.len() > 1 && next.kind == ResourceKind::Task {
                        "tasks to end".to_owned()
                    } else {
                        self.awaited_thing(next.kind, next.address)
                    };
                    let verb = if actors.len() == 1 { "waits" } else { "wait" };
                    format!(", which {verb} for {next}")
                }
                _ => String::new(),
            };
            match holders[0].with {
                With::End if link.kind == ResourceKind::PoolThread => {
                    format!("its threads run {who}{why}")
                }
                With::End => format!("{who}{}", why.replacen(", which", "", 1)),
                // The sentence ends with the handle, which waits for nothing.
                With::Inside { local: Some(_), .. } if !why.is_empty() => {
                    format!("{who}{why}, {}", agree(holds, actors.len()))
                }
                _ => format!("{who} {}{why}", agree(holds, actors.len())),
            }
        });
        let mut shown: Vec<String> = shown.collect();
        match groups.len().saturating_sub(NAMED) {
            0 => {}
            more => shown.push(format!("{more} more hold it")),
        }
        let counted = Self::counted(link);
        shown.extend(counted);
        shown.join("; ")
    }

    /// `holds the guard in `guard` at src/main.rs:7`.
    fn holds(&self, link: &Link, holder: &Holder) -> String {
        let at = holder.place.map_or(String::new(), |place| {
            format!(" at {}", self.function(place))
        });
        match holder.with {
            With::Handle {
                kind,
                local,
                maybe_dropped,
            } => {
                let local = shown_local(self.snapshot[local].name.as_deref());
                let verb = if maybe_dropped { "may hold" } else { "hold" };
                format!("{verb} {} in {local}{at}", shown_handle(kind))
            }
            With::Inside {
                kind,
                object,
                is_queued,
                local,
            } => {
                let what = shown_handle(kind);
                let local = local.map(|it| shown_local(self.snapshot[it].name.as_deref()));
                let object = &self.snapshot[object];
                let channel =
                    || self.object("mpsc channel", self.names.number_at(Some(object.address)));
                let of = || short_type(&self.snapshot[object.type_name]);
                match (local, is_queued) {
                    (Some(local), true) => {
                        let channel = channel();
                        format!(
                            "hold the receiver of {channel} in {local}{at}, in whose queue {what} lies"
                        )
                    }
                    (None, true) => format!("{what} lies in the queue of {}", channel()),
                    (Some(local), false) => {
                        format!("hold {local}{at}, and {what} is kept in its `{}`", of())
                    }
                    (None, false) => format!("{what} is kept in a `{}`", of()),
                }
            }
            With::Static { kind, index } => {
                let name = &self.snapshot.statics[index].name;
                format!("the static `{name}` holds {}", shown_handle(kind))
            }
            With::Granted { local } => {
                let local = shown_local(local.and_then(|it| self.snapshot[it].name.as_deref()));
                let what = match link.kind {
                    ResourceKind::Permits(PermitKind::ChannelRoom) => "a slot of it",
                    _ => "it",
                };
                format!("were granted {what} in {local}, which is not polled now{at}")
            }
            With::Partly => format!("are before it in the queue{at}"),
            With::End => String::new(),
        }
    }

    /// What the count says of those that were found.
    fn counted(link: &Link) -> Option<String> {
        let noun = match link.kind {
            ResourceKind::Message
            | ResourceKind::Broadcast
            | ResourceKind::Oneshot
            | ResourceKind::Watch
            | ResourceKind::Barrier => "sender",
            ResourceKind::WatchClosed => "receiver",
            ResourceKind::Notify => "`Arc`",
            ResourceKind::Permits(PermitKind::ChannelRoom)
            | ResourceKind::Task
            | ResourceKind::PoolThread => return None,
            _ => "holder",
        };
        let count = usize::try_from(link.count.unwrap_or(0)).unwrap_or(usize::MAX);
        match (link.missing, link.count) {
            (0, Some(_)) if link.uncertain => Some(format!("{} by the count", plural(count, noun))),
            (0, Some(_)) => Some(match count {
                0 => format!("no {noun} exists"),
                1 => format!("no other {noun} exists"),
                _ => format!("all {count} {noun}s were found"),
            }),
            (missing, Some(_)) => Some(format!("{missing} of {} not found", plural(count, noun))),
            (_, None) if link.uncertain => Some(format!("its {noun}s are not counted")),
            _ => None,
        }
    }

    /// Who waits for something that is not in the program, with those that wait alike in one line.
    fn outside(&self, diagnosis: &Diagnosis) -> Vec<String> {
        let mut groups: Vec<(String, Vec<Actor>)> = Vec::new();
        let mut index: HashMap<String, usize> = HashMap::new();
        for live in &diagnosis.live {
            let futures = live.actor.futures(self.snapshot);
            let leaf = live.leaf.and_then(|leaf| futures?.leaves.get(leaf));
            let Some(leaf) = leaf else { continue };
            let at = self.stack(&live.actor.places(self.snapshot, leaf.frame));
            let what = match leaf.waits_for {
                WaitsFor::Timer { .. } => "a timer".to_owned(),
                WaitsFor::Io {
                    descriptor: Some(number),
                    ..
                } => format!("I/O on descriptor {number}"),
                WaitsFor::Io { .. } => "I/O".to_owned(),
                _ => "a signal or a child process".to_owned(),
            };
            let key = format!("{at} for {what}");
            let place = *index.entry(key.clone()).or_insert(groups.len());
            match groups.get_mut(place) {
                Some((_, actors)) => actors.push(live.actor),
                None => groups.push((key, vec![live.actor])),
            }
        }
        let shown = groups.iter().take(NAMED).map(|(key, actors)| {
            let verb = if actors.len() == 1 { "waits" } else { "wait" };
            format!("{} {verb}{key} [outside, likely]", self.actors(actors))
        });
        let mut lines: Vec<String> = shown.collect();
        match groups.len().saturating_sub(NAMED) {
            0 => {}
            more => lines.push(format!("and {more} more places")),
        }
        lines
    }

    /// A thread that sleeps inside a `poll` function.
    fn blocked_thread(&self, thread: &Thread) -> String {
        let polls = self
            .snapshot
            .block_ons
            .iter()
            .find(|it| it.thread == thread.id);
        let polls = match polls {
            Some(_) if thread.id == self.snapshot.process.id => "polls main, and ",
            Some(_) => "polls the future of its `block_on`, and ",
            None => "polls a task, and ",
        };
        format!(
            "{} {polls}does not return: it sleeps{}{} [blocked-worker, likely]",
            Self::thread_name(thread),
            call(thread.system_call),
            self.native_stack(thread),
        )
    }

    /// Closures of a blocking pool that have not returned.
    fn blocking_threads(&self) -> Vec<String> {
        let threads = self.snapshot.threads.iter();
        let runs = threads.filter(|thread| {
            (0..self.snapshot.blocking_tasks.len())
                .any(|index| Actor::Blocking(index).thread(self.snapshot) == Some(thread.id))
        });
        let lines = runs.take(NAMED).map(|thread| {
            format!(
                "{} runs a closure of the blocking pool: it sleeps{}{} [outside, likely]",
                Self::thread_name(thread),
                call(thread.system_call),
                self.native_stack(thread)
            )
        });
        lines.collect()
    }

    fn thread_name(thread: &Thread) -> String {
        if thread.name.is_empty() {
            format!("thread {}", thread.id)
        } else {
            format!("thread {} ({})", thread.id, thread.name)
        }
    }

    fn native_stack(&self, thread: &Thread) -> String {
        let own = |frame: &&NativeFrame| frame.origin == Some(Origin::Program);
        let frames = thread.stack.iter().filter(own).take(2);
        let mut stack = String::new();
        for (index, frame) in frames.enumerate() {
            let name = frame.function.as_deref().map_or("?".to_owned(), short_path);
            let name = name.rsplit("::").next().unwrap_or("?").to_owned();
            let word = if index == 0 { " at" } else { ", from" };
            let at = match (&frame.file, frame.line) {
                (Some(file), Some(line)) => format!("{}:{line}", self.file(file)),
                _ => continue,
            };
            let _ = write!(stack, "{word} {at} (`{name}`)");
        }
        stack
    }
}

fn call(call: Option<SystemCall>) -> String {
    match call {
        Some(call) if call.number == 0 && call.first_argument == 0 => {
            " in a read of standard input".to_owned()
        }
        Some(call) => match name_of_call(call.number) {
            Some(name) => format!(" in {name}"),
            None => format!(" in system call {}", call.number),
        },
        None => String::new(),
    }
}

fn shown_handle(kind: HandleKind) -> &'static str {
    match kind {
        HandleKind::MpscSender
        | HandleKind::WatchSender
        | HandleKind::BroadcastSender
        | HandleKind::OneshotSender => "a sender",
        HandleKind::MpscWeakSender | HandleKind::BroadcastWeakSender => "a weak sender",
        HandleKind::MpscReceiver
        | HandleKind::OneshotReceiver
        | HandleKind::WatchReceiver
        | HandleKind::BroadcastReceiver => "the receiver",
        HandleKind::MutexGuard => "the guard",
        HandleKind::RwLockReadGuard => "a read guard",
        HandleKind::RwLockWriteGuard => "the write guard",
        HandleKind::SemaphorePermit { .. } | HandleKind::MpscPermit => "a permit",
        HandleKind::Weak => "a `Weak`",
        HandleKind::Rc => "an `Rc`",
        _ => "an `Arc`",
    }
}

/// The verb at the start of a text in the form that goes with this many.
fn agree(text: &str, count: usize) -> String {
    if count > 1 {
        return text.to_owned();
    }
    for (many, one) in [("hold ", "holds "), ("were ", "was "), ("are ", "is ")] {
        if let Some(rest) = text.strip_prefix(many) {
            return format!("{one}{rest}");
        }
    }
    text.to_owned()
}

fn waits(count: usize, noun: &str) -> String {
    let verb = if count == 1 { "waits" } else { "wait" };
    format!("{} {verb}", plural(count, noun))
}

/// `a`, `a and b`, `a, b and c`.
fn and(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
