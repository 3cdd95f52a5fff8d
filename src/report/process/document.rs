//! The report on a process as plain data. `json.md` says what each field means.

use serde::Serialize;
use unstuck_inspect::snapshot::{
    Address, AwaitTree, BlockingState, Handle, HandleKind, HeldIn, LocalId, NameId, ObjectId,
    Origin, Outcome, Place, PlaceId, Thread, WaitsFor,
};

use super::super::json;
use super::{Alike, Text, short_path};
use crate::explain::Explanation;
use crate::fingerprint::Fingerprint;
use crate::liveness::{
    Activity, Actor, Basis, Cause, Diagnosis, Doubt, Finding, ForMain, HeldErrors, Holder, Kept,
    Link, ResourceKind, Source, Unseen, Until, With,
};
use crate::verdict::{self, Confidence, Verdict};

/// The report on a process.
#[derive(Debug, Serialize)]
pub(super) struct Document {
    schema: u32,
    process: ProcessDocument,
    basis: &'static str,
    verdict: Verdict,
    confidence: Confidence,
    findings: Vec<FindingDocument>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lost: Vec<verdict::Finding>,
    errors: Vec<ErrorsDocument>,
    moves: Vec<Move>,
    not_found: Vec<&'static str>,
    other_threads: Vec<u32>,
    tasks: Vec<TaskGroup>,
    blocking_tasks: Vec<BlockingTaskDocument>,
    threads: Vec<ThreadDocument>,
    gaps: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ProcessDocument {
    id: u32,
    executable: String,
    tokio_version: Option<String>,
    folder: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub(in crate::report) struct FindingDocument {
    pub(in crate::report) rule: &'static str,
    pub(in crate::report) confidence: Confidence,
    pub(in crate::report) fingerprint: Fingerprint,
    cause: &'static str,
    pub(in crate::report) summary: String,
    at: Option<PlaceDocument>,
    until: Option<&'static str>,
    until_ms: Option<u64>,
    others: Option<usize>,
    links: Vec<LinkDocument>,
    thread: Option<u32>,
    source: Option<&'static str>,
    main: Option<&'static str>,
    descriptor: Option<i32>,
    type_name: Option<String>,
    waiters: Vec<WaiterDocument>,
}

/// Errors that somebody has.
#[derive(Debug, Serialize)]
struct ErrorsDocument {
    who: Option<Who>,
    at: Option<PlaceDocument>,
    locals: Vec<Option<String>>,
    tasks: Vec<u64>,
    results: Option<u64>,
    joined_at: Vec<PlaceDocument>,
    errors: Vec<ErrorDocument>,
}

#[derive(Debug, Serialize)]
struct ErrorDocument {
    #[serde(flatten)]
    outcome: Outcome,
    count: u64,
}

#[derive(Clone, Debug, Serialize)]
struct LinkDocument {
    waits_for: Thing,
    alike: usize,
    waiters: Vec<WaiterDocument>,
    holders: Vec<HolderDocument>,
    count: Option<u64>,
    missing: u64,
    uncertain: bool,
}

/// What is waited for.
#[derive(Clone, Debug, Serialize)]
struct Thing {
    kind: &'static str,
    object: Option<usize>,
    task: Option<u64>,
}

#[derive(Clone, Debug, Serialize)]
struct WaiterDocument {
    who: Who,
    waits_for: Option<&'static str>,
    at: Vec<PlaceDocument>,
}

#[derive(Clone, Debug, Serialize)]
struct HolderDocument {
    who: Option<Who>,
    handle: String,
    local: Option<String>,
    maybe_dropped: bool,
    within: Option<String>,
    in_queue: bool,
    at: Option<PlaceDocument>,
    waits_in: Option<usize>,
    waits_for: Option<Thing>,
}

#[derive(Clone, Debug, Serialize)]
struct Who {
    kind: &'static str,
    id: u64,
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    given_name: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct PlaceDocument {
    function: String,
    file: String,
    line: Option<u32>,
    last_line: Option<u32>,
    is_own: bool,
}

#[derive(Debug, Serialize)]
struct Move {
    activity: &'static str,
    who: Who,
    at: Vec<PlaceDocument>,
    due_ms: Option<u64>,
}

#[derive(Debug, Serialize)]
struct TaskGroup {
    ids: Vec<u64>,
    thread: Option<u32>,
    name: String,
    state: &'static str,
    outcome: Option<Outcome>,
    is_own: Option<bool>,
    frames: Vec<FrameDocument>,
    leaves: Vec<LeafDocument>,
}

#[derive(Debug, Serialize)]
struct FrameDocument {
    #[serde(flatten)]
    place: PlaceDocument,
    parent: Option<u32>,
    held_in: Option<HeldDocument>,
    handles: Vec<HandleDocument>,
    results: Vec<ResultsDocument>,
}

/// Results that a local holds, with errors among them.
#[derive(Debug, Serialize)]
struct ResultsDocument {
    local: Option<String>,
    count: u64,
    errors: Vec<ErrorDocument>,
}

#[derive(Debug, Serialize)]
struct HeldDocument {
    local: Option<String>,
    maybe_dropped: bool,
}

#[derive(Debug, Serialize)]
struct HandleDocument {
    handle: String,
    local: Option<String>,
    maybe_dropped: bool,
    object: Option<usize>,
    task: Option<u64>,
    type_name: String,
}

#[derive(Debug, Serialize)]
struct LeafDocument {
    frame: Option<u32>,
    held_in: Option<HeldDocument>,
    waits_for: Thing,
    due_ms: Option<i64>,
    descriptor: Option<i32>,
    type_name: Option<String>,
}

#[derive(Debug, Serialize)]
struct BlockingTaskDocument {
    id: u64,
    closure: String,
    state: &'static str,
    thread: Option<u32>,
}

#[derive(Debug, Serialize)]
struct ThreadDocument {
    id: u32,
    name: String,
    state: String,
    stack: Vec<NativePlace>,
}

#[derive(Debug, Serialize)]
struct NativePlace {
    function: Option<String>,
    file: Option<String>,
    line: Option<u32>,
    is_own: Option<bool>,
}

impl FindingDocument {
    /// The program's own line to look at first.
    pub(in crate::report) fn place(&self) -> Option<crate::Place> {
        let at = self.at.as_ref()?;
        Some(crate::Place::new(at.file.clone(), at.line?))
    }
}

impl Text<'_> {
    pub(super) fn document(&self, explanation: &Explanation) -> Document {
        let diagnosis = &explanation.diagnosis;
        let snapshot = self.snapshot;
        let process = &snapshot.process;
        let blocking = snapshot.blocking_tasks.iter();
        let groups = self.alike().into_iter();
        let findings = diagnosis.findings.iter();
        let gaps = snapshot.gaps.iter();
        Document {
            schema: json::SCHEMA,
            process: ProcessDocument {
                id: process.id,
                executable: process.executable.clone(),
                tokio_version: process.tokio_version.clone(),
                folder: process.folder.clone(),
            },
            basis: match diagnosis.basis {
                Basis::TwoReadings => "two_readings",
                Basis::OneReading => "one_reading",
                Basis::Core => "core",
            },
            verdict: diagnosis.verdict,
            confidence: diagnosis.confidence,
            findings: findings.map(|it| self.finding_document(it)).collect(),
            lost: explanation.outcomes.findings(),
            errors: {
                let errors = diagnosis.errors.iter();
                errors.map(|it| self.errors_document(it)).collect()
            },
            moves: self.moves(diagnosis),
            not_found: {
                let doubts = diagnosis.doubts.iter();
                let doubts = doubts.map(|doubt| match doubt {
                    Doubt::Holder => "holders",
                    Doubt::Waker => "wakers",
                    Doubt::Future => "futures",
                });
                doubts.collect()
            },
            other_threads: {
                let threads = diagnosis.other_threads.iter();
                threads.map(|index| snapshot.threads[*index].id).collect()
            },
            tasks: groups.map(|group| self.group(&group)).collect(),
            blocking_tasks: blocking
                .map(|task| BlockingTaskDocument {
                    id: task.id,
                    closure: short_path(&snapshot[task.closure]),
                    state: match task.state {
                        BlockingState::Running { .. } => "running",
                        BlockingState::Queued => "queued",
                    },
                    thread: match task.state {
                        BlockingState::Running { thread } => thread,
                        BlockingState::Queued => None,
                    },
                })
                .collect(),
            threads: snapshot.threads.iter().map(Self::thread_document).collect(),
            gaps: gaps.map(|gap| self.gap(gap)).collect(),
        }
    }

    fn errors_document(&self, errors: &HeldErrors) -> ErrorsDocument {
        let place = errors.place;
        let locals = errors.locals.iter();
        let (tasks, results, joined) = match &errors.kept {
            Kept::Tasks(tasks) => (&tasks[..], None, &[][..]),
            Kept::Results(count) => (&[][..], Some(*count), &[][..]),
            Kept::Nothing(places) => (&[][..], None, &places[..]),
        };
        ErrorsDocument {
            who: errors.holder.map(|holder| self.who(holder)),
            at: place.map(|place| self.place_document(&self.snapshot[place])),
            locals: locals.map(|local| self.local(*local)).collect(),
            tasks: tasks.iter().map(|it| self.snapshot.tasks[*it].id).collect(),
            results,
            joined_at: self.places(joined),
            errors: error_documents(&errors.failures),
        }
    }

    pub(super) fn finding_document(&self, finding: &Finding) -> FindingDocument {
        let mut document = FindingDocument {
            rule: finding.rule,
            confidence: finding.confidence,
            fingerprint: finding.fingerprint(self.snapshot),
            cause: "wait",
            summary: self.summary(finding),
            at: None,
            until: None,
            until_ms: None,
            others: None,
            links: Vec::new(),
            thread: None,
            source: None,
            main: None,
            descriptor: None,
            type_name: None,
            waiters: Vec::new(),
        };
        let waiters = |actors: &[Actor], places: &[PlaceId]| {
            let waiter = |actor: &Actor| WaiterDocument {
                who: self.who(*actor),
                waits_for: None,
                at: self.places(places),
            };
            actors.iter().map(waiter).collect()
        };
        match &finding.cause {
            Cause::Wait(wait) => {
                document.until = Some(match wait.until {
                    Until::Never => "never",
                    Until::Cancelled => "cancelled",
                    Until::Timeout(deadline) => {
                        document.until_ms = self.milliseconds_until(deadline);
                        "timeout"
                    }
                });
                document.others = Some(wait.others);
                let links = wait.links.iter();
                document.links = links
                    .map(|it| self.link_document(it, &wait.links))
                    .collect();
            }
            Cause::BlockedThread(blocked) => {
                let thread = &self.snapshot.threads[blocked.thread];
                document.cause = "blocked_thread";
                document.at = thread.own_frames().next().map(|frame| PlaceDocument {
                    function: short_path(frame.function.as_deref().unwrap_or_default()),
                    file: self.file(frame.file.as_deref().unwrap_or_default()),
                    line: frame.line,
                    last_line: None,
                    is_own: true,
                });
                document.thread = Some(thread.id);
            }
            Cause::Outside(outside) => {
                document.cause = "outside";
                document.waiters = waiters(&outside.actors, &outside.places);
                document.main = match outside.for_main {
                    ForMain::Itself => Some("itself"),
                    ForMain::Only => Some("only"),
                    ForMain::May => Some("may"),
                    ForMain::Nothing => None,
                };
                document.source = Some(match outside.source {
                    Source::Timer { deadline_ns } => {
                        document.until_ms = self.milliseconds_until(deadline_ns);
                        "timer"
                    }
                    Source::Io { descriptor } => {
                        document.descriptor = descriptor;
                        "io"
                    }
                    Source::Signal => "signal",
                    Source::Closure { thread } => {
                        document.thread = thread.map(|it| self.snapshot.threads[it].id);
                        "closure"
                    }
                });
            }
            Cause::Unseen(unseen) => {
                document.cause = "unseen";
                match unseen {
                    Unseen::Holders(link) => document.links = vec![self.link_document(link, &[])],
                    Unseen::Future {
                        type_name,
                        actors,
                        places,
                    } => {
                        document.type_name = Some(self.snapshot[*type_name].clone());
                        document.waiters = waiters(actors, places);
                    }
                    Unseen::Wakers(actors) => document.waiters = waiters(actors, &[]),
                }
            }
        }
        let linked = document.links.iter().flat_map(|link| &link.waiters);
        let mut waiters = linked.chain(&document.waiters);
        let at = waiters.find_map(|waiter| waiter.at.first()).cloned();
        document.at = document.at.or(at);
        document
    }

    fn link_document(&self, link: &Link, links: &[Link]) -> LinkDocument {
        let waiters = link.waiters.iter().map(|waiter| WaiterDocument {
            who: self.who(waiter.actor),
            waits_for: Some(waiter.kind.name()),
            at: self.places(&waiter.places),
        });
        let holders = link.holders.iter();
        LinkDocument {
            waits_for: self.thing_document(link.kind, link.address),
            alike: link.alike,
            waiters: waiters.collect(),
            holders: holders.map(|it| self.holder_document(it, links)).collect(),
            count: link.count,
            missing: link.missing,
            uncertain: link.uncertain,
        }
    }

    fn holder_document(&self, holder: &Holder, links: &[Link]) -> HolderDocument {
        let next = holder.waits_in.and_then(|next| links.get(next));
        let mut document = HolderDocument {
            who: holder.actor.map(|it| self.who(it)),
            handle: String::new(),
            local: None,
            maybe_dropped: false,
            within: None,
            in_queue: false,
            at: holder
                .place
                .map(|it| self.place_document(&self.snapshot[it])),
            waits_in: holder.waits_in,
            waits_for: next.map(|next| self.thing_document(next.kind, next.address)),
        };
        let of_object = |id: ObjectId| {
            let object = &self.snapshot[id];
            self.snapshot[object.type_name].clone()
        };
        match holder.with {
            With::Handle {
                kind,
                local,
                maybe_dropped,
            } => {
                document.handle = handle_name(kind);
                document.local = self.local(local);
                document.maybe_dropped = maybe_dropped;
            }
            With::Inside {
                kind,
                object,
                is_queued,
                local,
                maybe_dropped,
            } => {
                document.handle = handle_name(kind);
                document.local = local.and_then(|it| self.local(it));
                document.maybe_dropped = maybe_dropped;
                document.within = Some(of_object(object));
                document.in_queue = is_queued;
            }
            With::Static { kind, index } => {
                document.handle = handle_name(kind);
                document.within = Some(self.snapshot.statics[index].name.clone());
            }
            With::Granted { local } => {
                "granted_permits".clone_into(&mut document.handle);
                document.local = local.and_then(|it| self.local(it));
            }
            With::Partly => "place_in_queue".clone_into(&mut document.handle),
            With::End => "end".clone_into(&mut document.handle),
        }
        document
    }

    fn moves(&self, diagnosis: &Diagnosis) -> Vec<Move> {
        let moves = diagnosis.live.iter().map(|live| {
            let futures = live.actor.futures(self.snapshot);
            let leaf = live.leaf.and_then(|leaf| futures?.leaves.get(leaf));
            let places = leaf.map(|leaf| live.actor.places(self.snapshot, leaf.frame));
            Move {
                activity: match live.activity {
                    Activity::Runs => "runs",
                    Activity::Outside => "outside",
                    Activity::Timer => "timer",
                    Activity::BlockingTask => "closure",
                },
                who: self.who(live.actor),
                at: self.places(&places.unwrap_or_default()),
                due_ms: leaf.and_then(|leaf| match leaf.waits_for {
                    WaitsFor::Timer { deadline_ns, .. } => self.milliseconds_until(deadline_ns),
                    _ => None,
                }),
            }
        });
        moves.collect()
    }

    fn group(&self, group: &Alike<'_>) -> TaskGroup {
        let AwaitTree { frames, leaves, .. } = group.futures;
        let frames = frames.iter().map(|frame| FrameDocument {
            place: self.place_document(&self.snapshot[frame.place]),
            parent: frame.parent.map(|it| it.0),
            held_in: self.held_document(frame.held_in),
            handles: frame
                .handles
                .iter()
                .map(|it| self.handle_document(it))
                .collect(),
            results: frame
                .results
                .iter()
                .map(|held| ResultsDocument {
                    local: self.local(held.local),
                    count: held.count,
                    errors: error_documents(&held.failures),
                })
                .collect(),
        });
        let leaves = leaves.iter().map(|leaf| {
            let mut document = LeafDocument {
                frame: leaf.frame.map(|it| it.0),
                held_in: self.held_document(leaf.held_in),
                waits_for: match ResourceKind::of(&leaf.waits_for) {
                    Some((kind, address)) => self.thing_document(kind, address),
                    None => Thing {
                        kind: leaf_name(&leaf.waits_for),
                        object: None,
                        task: None,
                    },
                },
                due_ms: None,
                descriptor: None,
                type_name: None,
            };
            match leaf.waits_for {
                WaitsFor::Timer { deadline_ns, .. } => {
                    document.due_ms = self.milliseconds_until(deadline_ns).map(u64::cast_signed);
                }
                WaitsFor::Io { descriptor, .. } => document.descriptor = descriptor,
                WaitsFor::Unknown { type_name } | WaitsFor::EmptySet { type_name } => {
                    document.type_name = Some(self.snapshot[type_name].clone());
                }
                _ => {}
            }
            document
        });
        TaskGroup {
            thread: group.thread,
            name: self.name(group.name, group.origin),
            state: group.state.name(),
            outcome: group.outcome.cloned(),
            is_own: group.origin.map(|it| it == Origin::Program),
            frames: frames.collect(),
            leaves: leaves.collect(),
            ids: group.tasks.iter().map(|task| task.id).collect(),
        }
    }

    fn handle_document(&self, handle: &Handle) -> HandleDocument {
        let object = &self.snapshot[handle.object];
        HandleDocument {
            handle: handle_name(handle.kind),
            local: self.local(handle.local),
            maybe_dropped: handle.maybe_dropped,
            object: self.label(self.names.number(handle.object)),
            task: self.task_id(object.address),
            type_name: self.snapshot[object.type_name].clone(),
        }
    }

    fn held_document(&self, held: Option<HeldIn>) -> Option<HeldDocument> {
        held.map(|held| HeldDocument {
            local: self.local(held.local),
            maybe_dropped: held.maybe_dropped,
        })
    }

    fn thing_document(&self, kind: ResourceKind, address: Address) -> Thing {
        Thing {
            kind: kind.name(),
            object: self.label(self.names.number_at(Some(address))),
            task: (kind == ResourceKind::Task)
                .then(|| self.task_id(address))
                .flatten(),
        }
    }

    fn label(&self, number: Option<usize>) -> Option<usize> {
        self.labels.get(&number?).copied()
    }

    fn task_id(&self, address: Address) -> Option<u64> {
        let task = self.names.task(self.snapshot, address);
        let task = task.map(|task| task.id);
        task.or_else(|| self.names.blocking_tasks.get(&address).copied())
    }

    fn local(&self, local: LocalId) -> Option<String> {
        self.snapshot[local].name.clone()
    }

    fn who(&self, actor: Actor) -> Who {
        let snapshot = self.snapshot;
        let name = |name: NameId, origin| Some(self.name(name, origin));
        match actor {
            Actor::Task(index) => {
                let task = &snapshot.tasks[index];
                Who {
                    kind: "task",
                    id: task.id,
                    name: name(task.name, task.origin),
                    given_name: task.given_name.map(|name| snapshot[name].clone()),
                }
            }
            Actor::BlockOn(index) => {
                let block_on = &snapshot.block_ons[index];
                Who {
                    kind: if block_on.thread == snapshot.process.id {
                        "main"
                    } else {
                        "thread"
                    },
                    id: block_on.thread.into(),
                    name: name(block_on.name, block_on.origin),
                    given_name: None,
                }
            }
            Actor::Blocking(index) => {
                let task = &snapshot.blocking_tasks[index];
                Who {
                    kind: "blocking_task",
                    id: task.id,
                    name: Some(short_path(&snapshot[task.closure])),
                    given_name: None,
                }
            }
        }
    }

    fn places(&self, places: &[PlaceId]) -> Vec<PlaceDocument> {
        let places = places.iter();
        places
            .map(|it| self.place_document(&self.snapshot[*it]))
            .collect()
    }

    fn place_document(&self, place: &Place) -> PlaceDocument {
        let known = |line: u32| (line > 0).then_some(line);
        let (file, line, last_line) = if place.in_macro {
            let last = known(place.last_line);
            (&place.function_file, known(place.first_line), last)
        } else {
            (&place.file, known(place.line), None)
        };
        PlaceDocument {
            function: short_path(&place.function),
            file: self.file(file),
            line,
            last_line,
            is_own: place.origin == Origin::Program,
        }
    }

    fn thread_document(thread: &Thread) -> ThreadDocument {
        let stack = thread.stack.iter().map(|frame| NativePlace {
            function: frame.function.clone(),
            file: frame.file.clone(),
            line: frame.line,
            is_own: frame.origin.map(|it| it == Origin::Program),
        });
        ThreadDocument {
            id: thread.id,
            name: thread.name.clone(),
            state: super::sentences::state(thread),
            stack: stack.collect(),
        }
    }

    fn milliseconds_until(&self, deadline: u64) -> Option<u64> {
        let now = self.snapshot.taken_at_ns?;
        Some(deadline.saturating_sub(now) / 1_000_000)
    }
}

fn error_documents(failures: &[(Outcome, u64)]) -> Vec<ErrorDocument> {
    let failures = failures.iter();
    let document = |(outcome, count): &(Outcome, u64)| ErrorDocument {
        outcome: outcome.clone(),
        count: *count,
    };
    failures.map(document).collect()
}

/// As the snapshot has it: `mutex_guard`.
fn handle_name(kind: HandleKind) -> String {
    match serde_json::to_value(kind) {
        Ok(serde_json::Value::String(name)) => name,
        // It has a number.
        Ok(serde_json::Value::Object(fields)) => fields.keys().next().cloned().unwrap_or_default(),
        _ => String::new(),
    }
}

/// Of what no actor brings about.
fn leaf_name(waits_for: &WaitsFor) -> &'static str {
    match waits_for {
        WaitsFor::Timer { .. } => "timer",
        WaitsFor::Io { .. } => "io",
        WaitsFor::Signal => "signal",
        WaitsFor::EmptySet { .. } => "empty_set",
        WaitsFor::Never => "never",
        WaitsFor::Group { .. } => "task_group",
        WaitsFor::Notify { .. } => "pool_closed",
        _ => "unknown",
    }
}
