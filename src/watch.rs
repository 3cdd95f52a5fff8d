//! Watches a program until it is clear that it will not end.

mod others;
#[cfg(all(test, target_os = "linux"))]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::mem;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use crate::diagnosis::{Confidence, Judgement, Verdict, judge, stuck_part, waits_in_vain};
use crate::observe::{self, Before, Observer, Pulse, Snapshot, TaskId};
use others::Program;

/// How a program is watched.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    /// How long nothing must have moved before anything is looked at.
    pub quiet: Duration,
    /// How long it must have been at the same thing before it is called `blocked` or `waiting`. A
    /// program that is stuck is called so at once.
    pub patience: Duration,
    /// Whether it shares nothing with the other programs that are watched in this process, so that none of them
    /// could wake a task of it.
    pub is_apart: bool,
    /// Whether a program is looked at no more often than looks are cheap. Then pauses that end by
    /// themselves may not be looked at, and [`Watching::last_rest`] may have none.
    pub is_sparing: bool,
}

/// How often the counts had better be compared.
pub const TICK: Duration = Duration::from_millis(5);

impl Default for Watch {
    fn default() -> Self {
        Self {
            quiet: Duration::from_millis(100),
            patience: Duration::from_secs(5),
            is_apart: false,
            is_sparing: false,
        }
    }
}

/// A watch over a program, a tick at a time. From a thread that is none of the runtime's own.
pub struct Watching<'r> {
    watch: Watch,
    observer: &'r Observer,
    runtime: &'r Handle,
    main: TaskId,
    rest: Rest,
    /// What was seen in the last one that was looked at and has ended.
    pause: Option<Snapshot>,
    costs: Costs,
    glanced_at: Instant,
    /// The tasks that were last seen to wait for an event that nobody can set.
    orphaned: HashSet<TaskId>,
    /// The tasks that were last seen to be stuck in locks, and hold up others; and since when.
    in_locks: BTreeMap<TaskId, Instant>,
    /// Those of them that were told of.
    in_locks_told: BTreeSet<TaskId>,
    /// Where it has to reckon with other programs, and they with it.
    among_others: Option<Arc<Program>>,
}

impl<'r> Watching<'r> {
    /// Begins to watch a program whose main task is `main`.
    ///
    /// Where each rest is looked at, the debug info that this takes is read from now on.
    pub fn new(watch: Watch, observer: &'r Observer, runtime: &'r Handle, main: TaskId) -> Self {
        if !watch.is_sparing {
            observe::prepare();
        }
        Self {
            watch,
            observer,
            runtime,
            main,
            rest: Rest::begins(observer.pulse(), Instant::now()),
            pause: None,
            costs: Costs::default(),
            glanced_at: Instant::now(),
            orphaned: HashSet::new(),
            in_locks: BTreeMap::new(),
            in_locks_told: BTreeSet::new(),
            among_others: (!watch.is_apart).then(|| Program::among_others(observer, runtime)),
        }
    }

    /// Compares the counts; to be called every few milliseconds. What was seen, once it is clear that the
    /// program will not go on by itself; and then nothing more until something moves again, or it is stuck after
    /// all, as what could have woken it is gone.
    pub fn tick(&mut self) -> Option<(Snapshot, Judgement)> {
        let Self {
            watch,
            observer,
            runtime,
            main,
            ref mut rest,
            ref mut pause,
            ref mut costs,
            ref among_others,
            ..
        } = *self;
        let pulse = observer.pulse();
        if pulse != rest.pulse {
            let over = mem::replace(rest, Rest::begins(pulse, Instant::now()));
            *pause = over.snapshot.or_else(|| pause.take());
            return None;
        }
        let idle = observer.is_idle(runtime);
        let lasting = rest.since.elapsed() >= watch.patience;
        let is_over = rest.told == Some(Verdict::Stuck);
        // A little ahead of the first look, as it takes some time.
        if is_over || !(idle || lasting) || rest.since.elapsed() < watch.quiet / 4 {
            return None;
        }
        observe::prepare();
        if !rest.is_due(watch.quiet, observer) || !observe::is_prepared() {
            return None;
        }
        if watch.is_sparing && !costs.allow_a_look(rest) {
            return None;
        }
        let others = among_others.as_ref().map_or(0, Program::others);
        let seen = rest.look(observer, runtime, costs, idle)?;
        let (judgement, is_stuck) = judge_among_others(seen, main, others);
        if let Some(program) = among_others {
            program.set_stuck_at(is_stuck.then(|| rest.pulse.clone()));
        }
        let judgement = judgement?;
        let certain = match judgement.verdict {
            Verdict::Stuck => idle,
            Verdict::Blocked => lasting,
            _ => idle && lasting,
        };
        if !certain || rest.told == Some(judgement.verdict) {
            return None;
        }
        rest.told = Some(judgement.verdict);
        // Where nothing more is to come, it need not be kept, however many tasks are in it.
        let seen = match judgement.verdict {
            Verdict::Stuck => rest.snapshot.take(),
            _ => rest.snapshot.clone(),
        }?;
        self.note(&seen);
        Some((seen, judgement))
    }

    /// How the program stood when it last came to rest, if that was looked at.
    pub fn last_rest(self) -> Option<Snapshot> {
        self.rest.snapshot.or(self.pause)
    }

    /// Looks, once a second, for tasks that will not go on, beside a part of the program that does: they wait for
    /// nothing but an event that nobody can set any more, as far as is known, or have waited for as long as it takes
    /// for locks that they keep from one another. What was seen, if there are new ones.
    ///
    /// Cheap as long as no task queues for a lock while it has another one.
    pub fn glance(&mut self) -> Option<(Snapshot, Judgement)> {
        const EVERY: Duration = Duration::from_secs(1);
        if self.glanced_at.elapsed() < EVERY {
            return None;
        }
        self.glanced_at = Instant::now();
        let orphaned = self.observer.orphaned();
        let is_new = !orphaned.is_subset(&self.orphaned);
        self.orphaned = orphaned;
        if !self.is_stuck_in_locks_anew() && !is_new {
            return None;
        }
        let seen = self.see();
        // They may have been aborted meanwhile.
        let mut orphaned = self.orphaned.iter();
        let is_left = orphaned.any(|task| waits_in_vain(&seen.0, *task));
        if !is_left && !seen.0.is_read {
            // To be looked at again.
            self.orphaned.clear();
        }
        (is_left || !self.in_locks_told.is_empty()).then(|| self.told(seen))
    }

    /// Whether there are tasks that have been stuck in locks for long enough, and were not told of.
    fn is_stuck_in_locks_anew(&mut self) -> bool {
        let now = if self.observer.has_holders_that_queue() {
            stuck_in_locks(&self.observer.glance(), self.main)
        } else {
            BTreeSet::new()
        };
        self.in_locks.retain(|task, _| now.contains(task));
        for task in now {
            self.in_locks.entry(task).or_insert_with(Instant::now);
        }
        let lasts = |since: &Instant| since.elapsed() >= self.watch.patience;
        let mut last = self.in_locks.iter().filter(|(_, since)| lasts(since));
        last.any(|(task, _)| !self.in_locks_told.contains(task))
    }

    /// Takes down what is told of.
    fn note(&mut self, seen: &Snapshot) {
        self.orphaned = self.observer.orphaned();
        self.in_locks_told = stuck_in_locks(seen, self.main);
    }

    /// What is to be seen at this moment, whatever the program is at. Takes as long as it takes to tell
    /// what moves; the first time up to two seconds more, to read the debug info.
    pub fn look(&mut self) -> (Snapshot, Judgement) {
        let seen = self.see();
        self.told(seen)
    }

    /// What a tick need not tell again.
    fn told(&mut self, seen: (Snapshot, Judgement)) -> (Snapshot, Judgement) {
        if seen.1.verdict == Verdict::Stuck {
            self.rest.told = Some(Verdict::Stuck);
        }
        seen
    }

    fn see(&mut self) -> (Snapshot, Judgement) {
        // What is gone may have woken a task, which is to be seen in a moment.
        const TRIES: usize = 3;
        const A_WHILE: Duration = Duration::from_secs(2);
        observe::prepare();
        observe::wait_until_prepared(A_WHILE);
        let others = self.among_others.as_ref().map_or(0, Program::others);
        let (mut snapshot, mut rests) = self.look_for_a_while();
        for _ in 1..TRIES {
            if !snapshot.is_torn {
                break;
            }
            (snapshot, rests) = self.look_for_a_while();
        }
        let is_judged = rests || snapshot.is_blocked();
        let judge = || judge_among_others(&mut snapshot, self.main, others).0;
        let judgement = is_judged.then(judge).flatten();
        let goes_on = Judgement {
            verdict: Verdict::Running,
            confidence: Confidence::Proven,
        };
        self.note(&snapshot);
        (snapshot, judgement.unwrap_or(goes_on))
    }

    /// What is to be seen, and whether nothing moved meanwhile.
    fn look_for_a_while(&mut self) -> (Snapshot, bool) {
        let begun = Instant::now();
        let (earlier, before) = (self.observer.pulse(), self.observer.before());
        thread::sleep(self.watch.quiet);
        let mut snapshot = self.observer.look(self.runtime, &before);
        if self.observer.pulse() != earlier {
            self.rest = Rest::begins(self.observer.pulse(), Instant::now());
            return (snapshot, false);
        }
        self.observer
            .look_outside(self.runtime, &before, &mut snapshot);
        // It may have been so for longer, where somebody has been comparing the counts.
        if self.rest.pulse != earlier {
            self.rest = Rest::begins(earlier, begun);
        }
        self.rest.snapshot = None;
        snapshot.quiet_for = self.rest.since.elapsed();
        (snapshot, true)
    }
}

/// Judges a program of which others might wake a task, and whether it is stuck but for those.
fn judge_among_others(
    seen: &mut Snapshot,
    main: TaskId,
    others: usize,
) -> (Option<Judgement>, bool) {
    seen.outside.programs = 0;
    let alone = judge(seen, main);
    let is_stuck = alone.is_some_and(|it| it.verdict == Verdict::Stuck);
    seen.outside.programs = others;
    let judgement = if is_stuck && others > 0 {
        judge(seen, main)
    } else {
        alone
    };
    (judgement, is_stuck)
}

/// The tasks that are stuck in locks, and hold up others.
fn stuck_in_locks(seen: &Snapshot, main: TaskId) -> BTreeSet<TaskId> {
    stuck_part(seen, main).map_or_else(BTreeSet::new, |part| part.holding_up)
}

/// A time in which nothing moves.
struct Rest {
    pulse: Pulse,
    since: Instant,
    /// What was to be seen from outside when it was last looked at, and when that was.
    before: Option<(Before, Instant)>,
    /// What was last seen in it, if nothing moved meanwhile.
    snapshot: Option<Snapshot>,
    /// What has been told of it.
    told: Option<Verdict>,
}

impl Rest {
    fn begins(pulse: Pulse, since: Instant) -> Self {
        Self {
            pulse,
            since,
            before: None,
            snapshot: None,
            told: None,
        }
    }

    /// Whether it has lasted `quiet` since the last look; or longer, once it has been told of.
    fn is_due(&mut self, quiet: Duration, observer: &Observer) -> bool {
        let lasted = self.since.elapsed();
        let quiet = self.told.map_or(quiet, |_| quiet.max(lasted / 8));
        let now = || (observer.before(), Instant::now());
        let (_, looked_at) = self.before.get_or_insert_with(now);
        looked_at.elapsed() >= quiet
    }

    /// Whether its tasks were looked at, and what was seen still holds.
    fn is_known(&self) -> bool {
        self.snapshot.as_ref().is_some_and(|seen| !seen.is_torn)
    }

    /// Looks at all that could end it; the workers were `idle` just now. None: it has ended meanwhile.
    fn look(
        &mut self,
        observer: &Observer,
        runtime: &Handle,
        costs: &mut Costs,
        idle: bool,
    ) -> Option<&mut Snapshot> {
        let (before, _) = self.before.take()?;
        let is_known = self.is_known();
        if !is_known {
            let seen = costs.of(|| observer.look(runtime, &before));
            if observer.pulse() != self.pulse {
                return None;
            }
            self.snapshot = Some(seen);
        }
        let snapshot = self.snapshot.as_mut()?;
        observer.look_outside(runtime, &before, snapshot);
        // A thread that has woken a task is not to be seen any more once it has ended. In this order, as a worker
        // parks after its poll was counted.
        let is_woken = idle && !observer.is_idle(runtime);
        if is_woken || observer.pulse() != self.pulse {
            return None;
        }
        (snapshot.at, snapshot.quiet_for) = (observer.clock(), self.since.elapsed());
        Some(snapshot)
    }
}

/// What looks cost: they are to take next to none of a program's time, as it is to go on.
#[derive(Default)]
struct Costs {
    /// How long the last one took, and when it was over.
    last: Option<(Duration, Instant)>,
}

impl Costs {
    /// The share of the time that looks may take is one of so many, as long as a verdict comes in [`SOON`](Self::SOON).
    const SHARE: u32 = 50;
    /// How long a verdict may take for the sake of that.
    const SOON: Duration = Duration::from_millis(300);
    /// How many times as long as a look a rest has to last before it is worth one.
    const WORTH: u32 = 4;

    fn of<T>(&mut self, look: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let seen = look();
        self.last = Some((begun.elapsed(), Instant::now()));
        seen
    }

    /// Whether the tasks may be looked at once more in this rest.
    fn allow_a_look(&self, rest: &Rest) -> bool {
        self.last.is_none_or(|(took, at)| {
            let is_affordable = at.elapsed() >= (took * Self::SHARE).min(Self::SOON);
            rest.is_known() || is_affordable && rest.since.elapsed() >= took * Self::WORTH
        })
    }
}
