//! Findings on a process in sentences.

use std::fmt::Write as _;
use std::time::Duration;

use unstuck_inspect::snapshot::{
    Address, ChannelKind, HandleKind, Lifecycle, NativeFrame, Origin, PermitKind, PlaceId,
    SystemCall, Thread, ThreadState,
};

use super::super::page::plural;
use super::answer::NAMED;
use super::flags;
use super::{Text, Titles, name_of_call, short_path, short_type, shown_local};
use crate::liveness::maps::{HashMap, HashSet};
use crate::liveness::{
    Actor, BlockedThread, Cause, Finding, ForMain, Holder, Link, Outside, ResourceKind, Source,
    Unseen, Until, Wait, Waiter, With,
};

impl Text<'_> {
    /// A finding: a sentence, or one for each link of a circular wait, of which so many are told at most.
    pub(super) fn finding(&self, finding: &Finding, most_links: usize) -> Vec<String> {
        let tag = tag(finding);
        let sentence = match &finding.cause {
            Cause::Wait(wait) => return self.wait(wait, &tag, most_links),
            Cause::BlockedThread(blocked) => self.blocked_thread(*blocked),
            Cause::Outside(outside) => self.outside(outside),
            Cause::Unseen(unseen) => self.unseen(unseen),
        };
        vec![format!("{sentence}{tag}")]
    }

    /// All of a finding, with neither the name of the rule nor how sure it is.
    pub(super) fn summary(&self, finding: &Finding) -> String {
        let tag = tag(finding);
        let lines = self.finding(finding, usize::MAX).into_iter();
        let lines: Vec<String> = lines.map(|line| line.replace(&tag, "")).collect();
        lines.join("\n")
    }

    fn wait(&self, wait: &Wait, tag: &str, most_links: usize) -> Vec<String> {
        let others = match wait.others {
            0 => String::new(),
            1 => "; 1 other waits because of it".to_owned(),
            others => format!("; {others} others wait because of it"),
        };
        let until = match wait.until {
            Until::Never => String::new(),
            Until::Cancelled => " unless a task is aborted or a future dropped".to_owned(),
            Until::Timeout(deadline) => match self.left_until(deadline) {
                Some(left) => format!(" until a timeout in {left}"),
                None => " until a timeout".to_owned(),
            },
        };
        let told = Told::by(wait);
        if let [link] = &wait.links[..] {
            let sentence = self.link(&told, 0, link);
            let until = if until.is_empty() {
                until
            } else {
                format!("; stuck{until}")
            };
            return vec![format!("{sentence}{until}{others}{tag}")];
        }
        let mut lines = vec![format!("deadlock{until}, a circular wait{others}{tag}:")];
        let groups = alike(wait);
        let shown = groups.iter().take(most_links);
        lines.extend(shown.map(|group| format!("- {}", self.links(&told, group))));
        match groups.len().saturating_sub(most_links) {
            0 => {}
            more => lines.push(format!("- and {more} more; `--full` shows all")),
        }
        lines
    }

    /// How long it is from the reading to this time.
    fn left_until(&self, deadline: u64) -> Option<String> {
        let left = deadline.checked_sub(self.snapshot.taken_at_ns?)?;
        Some(format!("{:.1} s", Duration::from_nanos(left).as_secs_f64()))
    }

    /// Who waits for what, and why it does not come.
    fn link(&self, told: &Told<'_>, index: usize, link: &Link) -> String {
        let mut sentence = self.waits_for(link);
        let because = self.because(Some((told, index)), link);
        if !because.is_empty() {
            let _ = write!(sentence, "; {because}");
        }
        sentence
    }

    /// `task 3 waits at src/main.rs:7 (`run`) for the lock of Mutex #1`.
    fn waits_for(&self, link: &Link) -> String {
        let mut kinds: Vec<(ResourceKind, Vec<&Waiter>)> = Vec::new();
        for waiter in &link.waiters {
            match kinds.iter_mut().find(|(kind, _)| *kind == waiter.kind) {
                Some((_, waiters)) => waiters.push(waiter),
                None => kinds.push((waiter.kind, vec![waiter])),
            }
        }
        let waits = kinds.iter().map(|(kind, waiters)| {
            let verb = match (kind, is_one(waiters)) {
                (ResourceKind::PoolThread, true) => "is queued",
                (ResourceKind::PoolThread, false) => "are queued",
                (_, true) => "waits",
                (_, false) => "wait",
            };
            let what = match link.alike {
                0 => self.awaited_thing(*kind, link.address),
                // They may have different names.
                _ if *kind == ResourceKind::Event => "an Event to be set".to_owned(),
                _ => self.thing(*kind, None, link.address),
            };
            // What is a library's own is best known by the function that the program called.
            let call = waiters[0].call.filter(|_| is_semaphore(*kind));
            let call = call.map_or(String::new(), |call| {
                format!(" in `{}`", name_in_type(&self.snapshot[call].function))
            });
            let each = if link.alike > 0 { ", each" } else { "" };
            format!("{}{call}{each} for {what}", self.waiters(waiters, verb))
        });
        and(&waits.collect::<Vec<_>>())
    }

    /// Links that are alike, in one sentence.
    fn links(&self, told: &Told<'_>, group: &[usize]) -> String {
        let wait = told.wait;
        let [first, _, ..] = group else {
            return self.link(told, group[0], &wait.links[group[0]]);
        };
        let links = || group.iter().map(|index| &wait.links[*index]);
        let waiters: Vec<&Waiter> = links().flat_map(|link| &link.waiters).collect();
        let verb = if is_one(&waiters) { "waits" } else { "wait" };
        let who = self.waiters(&waiters, verb);
        let holders = || links().flat_map(|link| &link.holders);
        let mut known = HashSet::default();
        let actors = holders().filter_map(|it| it.actor);
        let actors: Vec<Actor> = actors.filter(|it| known.insert(*it)).collect();
        let link = &wait.links[*first];
        let first = link.holders.first();
        if link.kind == ResourceKind::Task {
            let next = first.and_then(|holder| wait.links.get(holder.waits_in?));
            let why = next.map_or(String::new(), |next| {
                let next = self.awaited_thing(next.kind, next.address);
                format!(", which wait for {next}")
            });
            return format!("{who} for {} to end{why}", self.actors(&actors));
        }
        let thing = self.thing(link.kind, None, link.address);
        let is_circle = actors
            .iter()
            .all(|actor| waiters.iter().any(|it| it.actor == *actor));
        let holder = if is_circle {
            "another of them".to_owned()
        } else if actors.len() == 1 {
            self.actors(&actors)
        } else {
            format!("one of {}", self.actors(&actors))
        };
        let holds = first.map_or(String::new(), |it| agree(&self.holds(link, it, ""), 1));
        let holds = holds.trim_end_matches(',');
        format!("{who}, each for {thing}; {holder} {holds}")
    }

    /// `task 3 waits at src/main.rs:7 (`run`)`; of several, each place is named once.
    fn waiters(&self, waiters: &[&Waiter], verb: &str) -> String {
        let waiters = waiters.iter().map(|it| (it.actor, &*it.places));
        self.actors_at(waiters, verb)
    }

    fn actors_at<'p>(
        &self,
        actors: impl Iterator<Item = (Actor, &'p [PlaceId])>,
        verb: &str,
    ) -> String {
        let mut places: Vec<(String, Vec<Actor>)> = Vec::new();
        let mut index: HashMap<String, usize> = HashMap::default();
        let mut known: HashMap<&[PlaceId], usize> = HashMap::default();
        for (actor, at) in actors {
            let own = self.own_stack(actor, at);
            let place = match known.get(at) {
                Some(place) if own.is_none() => *place,
                _ => {
                    let is_shared = own.is_none();
                    let stack = own.unwrap_or_else(|| self.stack(at));
                    let place = *index.entry(stack.clone()).or_insert(places.len());
                    if place == places.len() {
                        places.push((stack, Vec::new()));
                    }
                    if is_shared {
                        known.insert(at, place);
                    }
                    place
                }
            };
            // One may wait in several branches.
            let actors = &mut places[place].1;
            if actors.last() != Some(&actor) {
                actors.push(actor);
            }
        }
        if let [(at, actors)] = &places[..] {
            return format!("{} {verb}{at}", self.actors(actors));
        }
        let shown = places.iter().take(NAMED);
        let shown = shown.map(|(at, actors)| format!("{}{at}", self.actors(actors)));
        let mut shown: Vec<String> = shown.collect();
        match places[NAMED.min(places.len())..]
            .iter()
            .map(|(_, actors)| actors.len())
            .sum()
        {
            0 => {}
            more => shown.push(format!("{more} more")),
        }
        format!("{} {verb}", and(&shown))
    }

    /// Of a thread that waits in a function of a library, such as `blocking_recv`: where the program calls that.
    fn own_stack(&self, actor: Actor, places: &[PlaceId]) -> Option<String> {
        let is_own = |place: &PlaceId| self.snapshot[*place].origin == Origin::Program;
        if places.iter().any(is_own) {
            return None;
        }
        let id = actor.thread(self.snapshot)?;
        let thread = self.snapshot.threads.iter().find(|it| it.id == id)?;
        Some(self.native_stack(thread)).filter(|stack| !stack.is_empty())
    }

    /// ` at src/main.rs:9 (`inner`), from src/main.rs:7 (`main`)`.
    fn stack(&self, places: &[PlaceId]) -> String {
        // A function that a macro wraps is several of the same name.
        let mut places = places.to_vec();
        let function = |place: &mut PlaceId| short_path(&self.snapshot[*place].function);
        places.dedup_by_key(function);
        let Some((inner, callers)) = places.split_first() else {
            return String::new();
        };
        let mut stack = format!(" at {}", self.function(*inner));
        for caller in callers.iter().take(2) {
            let _ = write!(stack, ", from {}", self.function(*caller));
        }
        stack
    }

    pub(super) fn function(&self, place: PlaceId) -> String {
        let place = &self.snapshot[place];
        let path = short_path(&place.function);
        let name = path.rsplit("::").next().unwrap_or(&path);
        format!("{} (`{name}`)", self.place(place))
    }

    pub(super) fn actor(&self, actor: Actor) -> String {
        match actor {
            Actor::Task(index) => self.task_title(&self.snapshot.tasks[index]),
            Actor::BlockOn(index) => {
                let thread = self.snapshot.block_ons[index].thread;
                let mut closures = (0..self.snapshot.blocking_tasks.len()).map(Actor::Blocking);
                let closure = closures.find(|it| it.thread(self.snapshot) == Some(thread));
                match closure {
                    _ if thread == self.snapshot.process.id => "main".to_owned(),
                    Some(closure) => format!("thread {thread} ({})", self.actor(closure)),
                    None => self.named_thread(thread),
                }
            }
            Actor::Blocking(index) => {
                format!("blocking task {}", self.snapshot.blocking_tasks[index].id)
            }
        }
    }

    /// A thread with its name, unless it has that of the program. A test runs in a thread that is named after it.
    fn named_thread(&self, id: u32) -> String {
        let threads = || self.snapshot.threads.iter();
        let main = threads().find(|thread| thread.id == self.snapshot.process.id);
        let own = threads().find(|thread| thread.id == id);
        match own.filter(|own| main.is_some_and(|main| main.name != own.name)) {
            Some(thread) => Self::thread_name(thread),
            None => format!("thread {id}"),
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
    pub(super) fn awaited_thing(&self, kind: ResourceKind, address: Address) -> String {
        self.thing(kind, self.names.number_at(Some(address)), address)
    }

    /// The name that the program gave it.
    fn given_name(&self, address: Address) -> Option<&str> {
        Some(&self.snapshot[self.names.at(address)?.label?])
    }

    /// What a channel with a queue is called.
    fn queue(&self, address: Address) -> &'static str {
        let channel = self.names.at(address).and_then(|it| it.channel);
        match channel.map(|channel| channel.kind) {
            Some(ChannelKind::Mpmc) => "channel",
            _ => "mpsc channel",
        }
    }

    fn thing(&self, kind: ResourceKind, number: Option<usize>, address: Address) -> String {
        let object = |kind: &str| self.object(kind, number);
        let queue = || object(self.queue(address));
        match kind {
            ResourceKind::Message => format!("a message of {}", queue()),
            ResourceKind::Broadcast => format!("a message of {}", object("broadcast channel")),
            ResourceKind::Oneshot => format!("the value of {}", object("oneshot channel")),
            ResourceKind::Watch => format!("a new value of {}", object("watch channel")),
            ResourceKind::Barrier => format!("more tasks to reach {}", object("Barrier")),
            ResourceKind::Event => match self.given_name(address) {
                Some(name) => format!("the Event `{name}` to be set"),
                None => format!("{} to be set", object("Event")),
            },
            ResourceKind::SetOnce => format!("{} to be set", object("SetOnce")),
            ResourceKind::Cancellation => {
                format!("{} to be cancelled", object("CancellationToken"))
            }
            ResourceKind::TaskTracker => {
                format!("{} to be closed and empty", object("TaskTracker"))
            }
            ResourceKind::WatchClosed => {
                format!("all receivers of {} to be dropped", object("watch channel"))
            }
            ResourceKind::Room => format!("room in {}", queue()),
            ResourceKind::Bytes => format!("bytes of {}", object("pipe")),
            ResourceKind::PipeRoom => format!("room in {}", object("pipe")),
            ResourceKind::Permits(of) => match of {
                PermitKind::Mutex => format!("the lock of {}", object("Mutex")),
                PermitKind::RwLockRead => format!("a read lock of {}", object("RwLock")),
                PermitKind::RwLockWrite => format!("the write lock of {}", object("RwLock")),
                PermitKind::ChannelRoom => format!("room in {}", object("mpsc channel")),
                PermitKind::OnceCell => format!("the value of {}", object("OnceCell")),
                PermitKind::Connection => format!("a connection of {}", object("pool")),
                _ => format!("permits of {}", object("Semaphore")),
            },
            ResourceKind::Notify => format!("a notification of {}", object("Notify")),
            ResourceKind::Task => {
                let task = self.task(address);
                format!("{} to end", task.unwrap_or_else(|| "a task".to_owned()))
            }
            ResourceKind::Group => "the tasks of a TaskGroup to end".to_owned(),
            ResourceKind::LocalSet => "the tasks of a LocalSet".to_owned(),
            ResourceKind::PoolThread => "a thread of the blocking pool".to_owned(),
            ResourceKind::Never => "`pending()`, which never completes".to_owned(),
            ResourceKind::Waker => "a wake-up, and no waker of it exists".to_owned(),
        }
    }

    /// Who should bring it about, and why they will not: what they wait for themselves is known if it is a link of a
    /// wait.
    fn because(&self, of: Option<(&Told<'_>, usize)>, link: &Link) -> String {
        if matches!(link.kind, ResourceKind::Never | ResourceKind::Waker) {
            return String::new();
        }
        if let Some(nobody) = flags::nobody_sets(link) {
            return nobody;
        }
        let not_closed = self.nobody_closes(link);
        let waits_in = |holder: &Holder| {
            let next = holder.waits_in?;
            let is_task = |(told, _): (&Told<'_>, usize)| {
                let next = told.wait.links.get(next);
                next.is_some_and(|next| next.kind == ResourceKind::Task)
            };
            Some(if of.is_some_and(is_task) {
                Next::End
            } else {
                Next::Link(next)
            })
        };
        let mut groups: Vec<(String, Option<Next>, Vec<&Holder>)> = Vec::new();
        // There may be many holders, and few ways to hold it.
        let mut known: HashMap<(With, Option<PlaceId>, Option<Next>), usize> = HashMap::default();
        for holder in &link.holders {
            let is_told = of.is_some_and(|(told, _)| told.has(holder));
            let place = holder.place.filter(|_| !is_told);
            let next = waits_in(holder);
            let group = *known.entry((holder.with, place, next)).or_insert_with(|| {
                let at = place.map_or(String::new(), |at| format!(" at {}", self.function(at)));
                let holds = self.holds(link, holder, &at);
                let known = groups.iter().position(|it| it.0 == holds && it.1 == next);
                known.unwrap_or_else(|| {
                    groups.push((holds, next, Vec::new()));
                    groups.len() - 1
                })
            });
            groups[group].2.push(holder);
        }
        let shown = groups.iter().take(NAMED).map(|(holds, _, holders)| {
            let mut actors: Vec<Actor> = holders.iter().filter_map(|it| it.actor).collect();
            actors.dedup();
            if actors.is_empty() {
                return holds.trim_end_matches(',').to_owned();
            }
            let mut waiters = link.waiters.iter().map(|it| it.actor);
            let is_own = actors.len() == 1 && waiters.all(|it| it == actors[0]);
            let who = self.actors(&actors);
            let who = if is_own { format!("{who} itself") } else { who };
            let waits = match of {
                Some((told, index)) if !is_own => {
                    self.waits_too(told.wait, index, holders, actors.len())
                }
                _ => None,
            };
            let end = match &waits {
                Some(waits) => format!(" and {waits}"),
                None => String::new(),
            };
            match holders[0].with {
                With::End if link.kind == ResourceKind::PoolThread => {
                    let which = waits.map_or(String::new(), |waits| format!(", which {waits}"));
                    format!("its threads run {who}{which}")
                }
                With::End => match waits {
                    Some(waits) => format!("{who} {waits}"),
                    None if link.kind == ResourceKind::Group => {
                        let have = if actors.len() > 1 { "have" } else { "has" };
                        format!("{who} {have} not ended")
                    }
                    None => who,
                },
                _ => {
                    let holds = agree(holds, actors.len());
                    let holds = if end.is_empty() {
                        holds.trim_end_matches(',')
                    } else {
                        &holds
                    };
                    format!("{who} {holds}{end}")
                }
            }
        });
        let is_emptied = is_semaphore(link.kind) && !link.is_held();
        let nobody = is_emptied.then(|| "no permit was found that somebody holds".to_owned());
        let told = nobody.into_iter().chain(not_closed);
        let mut shown: Vec<String> = told.chain(shown).collect();
        match groups.len().saturating_sub(NAMED) {
            0 => {}
            1 => shown.push("1 more holds it".to_owned()),
            more => shown.push(format!("{more} more hold it")),
        }
        shown.extend(counted(link));
        // That it has to end is said already.
        if link.kind == ResourceKind::Task && of.is_none() {
            shown.clear();
        }
        shown.join("; ")
    }

    /// `waits for the lock of Mutex #2`, of one that holds what others wait for.
    fn waits_too(
        &self,
        wait: &Wait,
        index: usize,
        holders: &[&Holder],
        actors: usize,
    ) -> Option<String> {
        let verb = if actors == 1 { "waits" } else { "wait" };
        let next = holders[0].waits_in?;
        if next == index {
            let what = if wait.links[index].alike > 0 {
                "one"
            } else {
                "it"
            };
            return Some(format!("{verb} for {what}, too"));
        }
        let next = wait.links.get(next)?;
        let next = if actors > 1 && next.kind == ResourceKind::Task {
            "tasks to end".to_owned()
        } else {
            self.awaited_thing(next.kind, next.address)
        };
        Some(format!("{verb} for {next}"))
    }

    /// `hold the guard in `guard` at src/main.rs:7`.
    fn holds(&self, link: &Link, holder: &Holder, at: &str) -> String {
        match holder.with {
            With::Handle {
                kind,
                local,
                maybe_dropped,
            } => {
                let local = shown_local(self.snapshot[local].name.as_deref());
                if let Some(is) = flags::is_part_of(link.kind, kind, maybe_dropped) {
                    return format!("{is}{at}");
                }
                let verb = if maybe_dropped { "may hold" } else { "hold" };
                format!("{verb} {} in {local}{at}", shown_handle(kind))
            }
            With::Inside {
                kind,
                object,
                is_queued,
                local,
                maybe_dropped,
            } => {
                let verb = if maybe_dropped { "may hold" } else { "hold" };
                let what = shown_handle(kind);
                let local = local.map(|it| shown_local(self.snapshot[it].name.as_deref()));
                let object = &self.snapshot[object];
                let channel = || {
                    self.object(
                        self.queue(object.address),
                        self.names.number_at(Some(object.address)),
                    )
                };
                let of = || short_type(&self.snapshot[object.type_name]);
                match (local, is_queued) {
                    (Some(local), true) => format!(
                        "{verb} the receiver of {} in {local}{at}, with {what} in its queue,",
                        channel()
                    ),
                    (None, true) => format!("{what} lies in the queue of {}", channel()),
                    (Some(local), false) if link.kind == ResourceKind::Barrier => {
                        format!("{verb} the Barrier in {local}{at}")
                    }
                    (Some(local), false) => {
                        format!("{verb} {what}, which is in the `{}` of {local}{at},", of())
                    }
                    (None, false) => format!("{what} is in a `{}`", of()),
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
                format!("were granted {what} in {local}{at}, which is not polled now,")
            }
            With::Partly => format!("are ahead of others in the queue{at}"),
            With::End => String::new(),
        }
    }

    /// A thread that sleeps inside a `poll` function.
    fn blocked_thread(&self, blocked: BlockedThread) -> String {
        let thread = &self.snapshot.threads[blocked.thread];
        // Of several, nothing tells which thread polls which.
        let tasks = self.snapshot.tasks.iter();
        let mut polled = tasks.filter(|it| it.state.lifecycle == Lifecycle::Running);
        let polled = match (polled.next(), polled.next()) {
            (Some(only), None) => Some(self.task_title(only)),
            _ => None,
        };
        let polled = match blocked.block_on {
            Some(_) if thread.id == self.snapshot.process.id => "main",
            Some(_) => "the future of its `block_on`",
            None => polled.as_deref().unwrap_or("a task"),
        };
        let holder = blocked.holder.map(|holder| {
            let lock = if holder.is_certain {
                "the lock"
            } else {
                "a lock of that kind"
            };
            let local = shown_local(self.snapshot[holder.local].name.as_deref());
            let place = holder
                .place
                .map(|place| format!(" at {}", self.function(place)));
            format!(
                "; {} holds {lock} in {local}, suspended{}",
                self.actor(holder.actor),
                place.unwrap_or_default()
            )
        });
        format!(
            "{} is inside a poll of {polled} that does not return: it {}{}",
            self.thread_title(thread),
            self.activity(thread),
            holder.unwrap_or_default(),
        )
    }

    fn outside(&self, outside: &Outside) -> String {
        let Outside {
            source,
            actors,
            places,
            for_main,
        } = outside;
        let several = actors.len() > 1;
        let then = match for_main {
            ForMain::Itself | ForMain::Nothing => "",
            ForMain::Only => "; main goes on only after that",
            ForMain::May => "; main may go on after that",
        };
        let what = match source {
            Source::Closure { thread } => {
                let thread = thread.map(|index| &self.snapshot.threads[index]);
                let does = thread.map_or(String::new(), |thread| {
                    let who = if several {
                        "each".to_owned()
                    } else {
                        Self::thread_name(thread)
                    };
                    format!(": {who} {}", self.activity(thread))
                });
                let verb = if several { "have" } else { "has" };
                let dropped = self.drops_runtime().map(|it| format!("; {it}"));
                return format!(
                    "{} {verb} not returned{does}{}{then}",
                    self.actors(actors),
                    dropped.unwrap_or_default()
                );
            }
            Source::Timer { deadline_ns } => match (self.left_until(*deadline_ns), several) {
                (Some(left), false) => format!("a timer, due in {left}"),
                (Some(left), true) => format!("timers, the first one due in {left}"),
                (None, false) => "a timer".to_owned(),
                (None, true) => "timers".to_owned(),
            },
            Source::Io { descriptor } => self.awaited_descriptor(*descriptor),
            Source::Signal => "a signal or a child process".to_owned(),
        };
        let verb = if several { "wait" } else { "waits" };
        let actors = actors.iter().map(|actor| (*actor, &places[..]));
        format!("{} for {what}{then}", self.actors_at(actors, verb))
    }

    fn unseen(&self, unseen: &Unseen) -> String {
        match unseen {
            Unseen::Holders(link) => {
                let because = self.because(None, link);
                let because = if because.is_empty() {
                    "who could bring that about is not known".to_owned()
                } else {
                    because
                };
                format!("{}; {because}", self.waits_for(link))
            }
            Unseen::Future {
                type_name,
                actors,
                places,
            } => {
                let verb = if actors.len() > 1 { "wait" } else { "waits" };
                let actors = actors.iter().map(|actor| (*actor, &places[..]));
                format!(
                    "{} for `{}`, and what wakes that is not known",
                    self.actors_at(actors, verb),
                    short_type(&self.snapshot[*type_name])
                )
            }
            Unseen::Wakers(actors) => match actors.len() {
                1 => format!("{} has a waker that was not found", self.actors(actors)),
                _ => format!("{} have wakers that were not found", self.actors(actors)),
            },
        }
    }

    /// By its name alone where the ids of tasks are not told either.
    fn thread_title(&self, thread: &Thread) -> String {
        match self.titles {
            Titles::Names => format!("thread {}", thread.name),
            Titles::WithNumbers => Self::thread_name(thread),
        }
    }

    pub(super) fn thread_name(thread: &Thread) -> String {
        if thread.name.is_empty() {
            format!("thread {}", thread.id)
        } else {
            format!("thread {} ({})", thread.id, thread.name)
        }
    }

    /// What a thread is doing, with the function that the program called there: ``sleeps in futex, in `Mutex::lock` ``.
    fn activity(&self, thread: &Thread) -> String {
        let own = |frame: &NativeFrame| frame.origin == Some(Origin::Program);
        let first = thread.stack.iter().position(own);
        let called = first.and_then(|first| thread.stack[..first].last());
        let called = called.and_then(|frame| frame.function.as_deref());
        let called = called.map_or(String::new(), |function| {
            format!(", in `{}`", name_in_type(function))
        });
        format!("{}{called}{}", state(thread), self.native_stack(thread))
    }

    fn native_stack(&self, thread: &Thread) -> String {
        let frames = thread.own_frames().take(2);
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

/// A wait, with what its links say of where its holders are suspended.
struct Told<'w> {
    wait: &'w Wait,
    at: HashSet<(Actor, PlaceId)>,
}

impl<'w> Told<'w> {
    fn by(wait: &'w Wait) -> Self {
        let holders = wait.links.iter().flat_map(|link| &link.holders);
        let held: HashSet<PlaceId> = holders.filter_map(|holder| holder.place).collect();
        let waiters = wait.links.iter().flat_map(|link| &link.waiters);
        let at = waiters.flat_map(|waiter| {
            // A stack has the innermost function and two more.
            let told = waiter.places.iter().take(3);
            let told = told.filter(|place| held.contains(place));
            told.map(|place| (waiter.actor, *place))
        });
        Self {
            wait,
            at: at.collect(),
        }
    }

    /// Whether a link says where this one is suspended.
    fn has(&self, holder: &Holder) -> bool {
        let at = holder.actor.zip(holder.place);
        at.is_some_and(|at| self.at.contains(&at))
    }
}

/// What a holder waits for. Those that wait for tasks to end are told together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Next {
    End,
    /// What this link is about.
    Link(usize),
}

/// ` [lock-cycle, likely]`.
fn tag(finding: &Finding) -> String {
    format!(" [{}, {}]", finding.rule, finding.confidence)
}

/// What a thread is doing, with the system call: `sleeps in futex`.
pub(super) fn state(thread: &Thread) -> String {
    let state = match thread.state {
        ThreadState::Running => "runs",
        ThreadState::Sleeping => "sleeps",
        ThreadState::DiskSleep => "waits for a disk",
        ThreadState::Stopped => "is stopped",
        ThreadState::Dead => "has ended",
        _ => "is in a state that is not known",
    };
    format!("{state}{}", call(thread.system_call))
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

/// Links that are alike, by their numbers: tasks that wait in the same places for others to end, which wait for the
/// same thing; and three or more that wait in the same places for things that are held in the same way.
fn alike(wait: &Wait) -> Vec<Vec<usize>> {
    #[derive(PartialEq, Eq, Hash)]
    enum Key<'l> {
        End(Vec<&'l [PlaceId]>, Option<usize>),
        Held(
            ResourceKind,
            Vec<(ResourceKind, &'l [PlaceId])>,
            With,
            Option<PlaceId>,
        ),
        /// The number of a link that is alike to no other.
        Single(usize),
    }
    fn key(number: usize, link: &Link) -> Key<'_> {
        if link.kind == ResourceKind::Task {
            let places = link.waiters.iter().map(|it| &*it.places).collect();
            let next = link.holders.first().and_then(|holder| holder.waits_in);
            return Key::End(places, next);
        }
        let [holder] = &link.holders[..] else {
            return Key::Single(number);
        };
        let waiters = link.waiters.iter().map(|it| (it.kind, &*it.places));
        Key::Held(link.kind, waiters.collect(), holder.with, holder.place)
    }
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut index = HashMap::default();
    for (number, link) in wait.links.iter().enumerate() {
        let place = *index.entry(key(number, link)).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(number),
            None => groups.push(vec![number]),
        }
    }
    let is_folded = |group: &Vec<usize>| {
        let link = &wait.links[group[0]];
        link.kind == ResourceKind::Task || group.len() > 2
    };
    let (folded, single): (Vec<_>, Vec<_>) = groups.into_iter().partition(is_folded);
    let single = single.into_iter().flatten().map(|it| vec![it]);
    let mut groups: Vec<Vec<usize>> = folded.into_iter().chain(single).collect();
    groups.sort_by_key(|group| group[0]);
    groups
}

/// What the count says of those that were found.
fn counted(link: &Link) -> Option<String> {
    let noun = match link.kind {
        ResourceKind::Message
        | ResourceKind::Broadcast
        | ResourceKind::Oneshot
        | ResourceKind::Watch => "sender",
        ResourceKind::WatchClosed | ResourceKind::Room => "receiver",
        ResourceKind::Bytes => "writer",
        ResourceKind::PipeRoom => "reader",
        ResourceKind::Notify | ResourceKind::SetOnce => "`Arc`",
        ResourceKind::Event | ResourceKind::Cancellation => "handle",
        // There is one lock of a mutex, and nobody is told of the sender in a barrier.
        ResourceKind::Permits(PermitKind::Mutex | PermitKind::OnceCell) | ResourceKind::Barrier
            if link.missing == 0 =>
        {
            return None;
        }
        ResourceKind::Permits(PermitKind::ChannelRoom)
        | ResourceKind::Task
        | ResourceKind::Group
        | ResourceKind::PoolThread => return None,
        ResourceKind::Permits(PermitKind::Connection) => "connection",
        _ => "holder",
    };
    let number = link.count.unwrap_or(0);
    let count = usize::try_from(number).unwrap_or(usize::MAX);
    let exist = if count == 1 { "exists" } else { "exist" };
    match (link.missing, link.count) {
        (0, Some(_)) if link.uncertain => {
            Some(format!("by the count, {} {exist}", plural(count, noun)))
        }
        (0, Some(_)) => Some(match count {
            0 => format!("no {noun} exists"),
            1 => format!("no other {noun} exists"),
            _ => format!("all {count} {noun}s were found"),
        }),
        (1, Some(1)) => Some(format!("its {noun} was not found")),
        (missing, Some(_)) if missing == number => {
            Some(format!("none of its {count} {noun}s were found"))
        }
        (1, Some(_)) => Some(format!("1 of its {count} {noun}s was not found")),
        (missing, Some(_)) => Some(format!("{missing} of its {count} {noun}s were not found")),
        (_, None) if link.uncertain => Some(format!("its {noun}s are not counted")),
        _ => None,
    }
}

/// The name of a function, with the type that it belongs to: `Queue::pop`.
fn name_in_type(function: &str) -> String {
    let path = short_path(function);
    let (module, name) = path.rsplit_once("::").unwrap_or(("", &path));
    let last = module.rsplit("::").next().unwrap_or("");
    if last.starts_with(char::is_uppercase) {
        format!("{last}::{name}")
    } else {
        name.to_owned()
    }
}

fn is_semaphore(kind: ResourceKind) -> bool {
    matches!(
        kind,
        ResourceKind::Permits(PermitKind::Semaphore | PermitKind::Other)
    )
}

pub(super) fn shown_handle(kind: HandleKind) -> &'static str {
    match kind {
        HandleKind::MpscSender
        | HandleKind::ChannelSender
        | HandleKind::WatchSender
        | HandleKind::BroadcastSender
        | HandleKind::OneshotSender => "a sender",
        HandleKind::MpscWeakSender
        | HandleKind::ChannelWeakSender
        | HandleKind::BroadcastWeakSender => "a weak sender",
        HandleKind::MpscReceiver
        | HandleKind::OneshotReceiver
        | HandleKind::WatchReceiver
        | HandleKind::BroadcastReceiver => "the receiver",
        HandleKind::ChannelReceiver => "a receiver",
        HandleKind::PipeReader => "the reading end",
        HandleKind::PipeWriter => "the writing end",
        HandleKind::MutexGuard => "the guard",
        HandleKind::RwLockReadGuard => "a read guard",
        HandleKind::RwLockWriteGuard => "the write guard",
        HandleKind::SemaphorePermit { .. } | HandleKind::MpscPermit => "a permit",
        HandleKind::Weak => "a `Weak`",
        HandleKind::Rc => "an `Rc`",
        HandleKind::Event | HandleKind::CancellationToken => "a handle",
        HandleKind::TrackedTask => "a place",
        HandleKind::Connection => "a connection",
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

/// Whether all of these are one actor.
fn is_one(waiters: &[&Waiter]) -> bool {
    waiters.windows(2).all(|two| two[0].actor == two[1].actor)
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn and(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
