//! Watches a program until it is clear that it will not end.

mod looked;
mod others;
#[cfg(all(test, target_os = "linux"))]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::mem;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use crate::diagnosis::{
    Confidence, Judgement, Verdict, judge, may_be_told, stuck_part, waits_in_vain,
};
use crate::observe::{Before, Observer, Pulse, Snapshot, TaskId};
use looked::Looked;
use others::Program;

/// How a program is watched.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    /// How long nothing must have moved before anything is looked at.
    pub quiet: Duration,
    /// How long it must have been at the same thing before it is called `blocked` or `waiting`. A
    /// program that is stuck is called so at once.
    pub patience: Duration,
    /// Of how many tasks a dump is taken at most. More than [`DUMP_SAFELY`](crate::observe::DUMP_SAFELY)
    /// only where the program is over anyway once it is known to be stuck.
    pub dump_at_most: usize,
    /// Whether a dump is taken where there is a task that nothing can wake: it polls the task once more, which may
    /// end the very hang. How all stood before that is what counts then, but nobody else gets to see it.
    pub may_revive: bool,
    /// Whether it shares nothing with the other programs that are watched in this process, so that none of them
    /// could wake a task of it.
    pub is_apart: bool,
    /// Whether no dump is taken that can't lead to anything that is to be told, as each stops the workers for a
    /// moment. Then pauses that end by themselves are mostly not looked at, and [`Watching::last_rest`] has none.
    pub is_sparing: bool,
}

/// How often the counts had better be compared.
pub const TICK: Duration = Duration::from_millis(5);

impl Default for Watch {
    fn default() -> Self {
        Self {
            quiet: Duration::from_millis(100),
            patience: Duration::from_secs(5),
            dump_at_most: usize::MAX,
            may_revive: true,
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
    pub fn new(watch: Watch, observer: &'r Observer, runtime: &'r Handle, main: TaskId) -> Self {
        Self {
            watch,
            observer,
            runtime,
            main,
            rest: Rest::begins(observer.pulse(), Instant::now()),
            pause: None,
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
            ref among_others,
            ..
        } = *self;
        let pulse = observer.pulse();
        if pulse != rest.pulse {
            let over = mem::replace(rest, Rest::begins(pulse, Instant::now()));
            if watch.is_sparing && over.told.is_none() {
                rest.hold_off(over.dumped_after);
            }
            *pause = over.snapshot.or_else(|| pause.take());
            return None;
        }
        let idle = observer.is_idle(runtime);
        let lasting = rest.since.elapsed() >= watch.patience;
        let is_over = rest.told == Some(Verdict::Stuck);
        if is_over || !(idle || lasting) || !rest.is_due(watch.quiet, observer) {
            return None;
        }
        let others = among_others.as_ref().map_or(0, Program::others);
        let seen = rest.look(observer, runtime, &watch, idle)?;
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
        if !is_left && !seen.0.dumped {
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
    /// what moves, and up to two seconds more for a dump.
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
        let pulse = self.observer.pulse();
        let looked = if pulse == earlier {
            Looked::at(self.observer, self.runtime, &before, &pulse, &self.watch)
        } else {
            let at_most = self.watch.dump_at_most;
            Looked::Moves(self.observer.look(self.runtime, &before, at_most, true))
        };
        let (mut snapshot, echo) = match looked {
            Looked::AtRest(snapshot, echo) => (snapshot, echo),
            Looked::Moves(snapshot) => {
                self.rest = Rest::begins(self.observer.pulse(), Instant::now());
                return (snapshot, false);
            }
            Looked::Revived(mut snapshot) => {
                self.rest = Rest::begins(self.observer.pulse(), Instant::now());
                snapshot.quiet_for = begun.elapsed();
                return (snapshot, true);
            }
        };
        self.observer
            .look_outside(self.runtime, &before, &mut snapshot);
        // It may have been so for longer, where somebody has been comparing the counts.
        if self.rest.pulse != earlier {
            self.rest = Rest::begins(earlier, begun);
        }
        (self.rest.pulse, self.rest.snapshot) = (echo, None);
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
    /// How long it had lasted when its tasks were last looked at.
    looked_after: Duration,
    /// How long it, or another one before it that was not told of, had lasted when they were last dumped.
    dumped_after: Duration,
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
            looked_after: Duration::ZERO,
            dumped_after: Duration::ZERO,
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

    /// To be looked at as if it had been looked at after so long: one before it was, and ended by itself.
    fn hold_off(&mut self, dumped_after: Duration) {
        (self.looked_after, self.dumped_after) = (dumped_after, dumped_after);
    }

    /// Whether it is time to look at the tasks, maybe again. A dump has each of them polled once more, and a task
    /// whose timer went off at that very moment goes on in that poll, unnoticed. So they are looked at less and
    /// less often, and before anything is said for having lasted so long.
    fn is_time(&self, patience: Duration) -> bool {
        let lasted = self.since.elapsed();
        let is_old = lasted >= 2 * self.looked_after;
        let is_lasting = lasted >= patience && self.looked_after < patience;
        is_old || is_lasting
    }

    /// Looks at all that could end it; the workers were `idle` just now. None: it has ended meanwhile, or is not worth
    /// a dump.
    fn look(
        &mut self,
        observer: &Observer,
        runtime: &Handle,
        watch: &Watch,
        idle: bool,
    ) -> Option<&mut Snapshot> {
        let (before, _) = self.before.take()?;
        let is_time = self.is_time(watch.patience);
        let is_fresh = !(is_time && observer.can_dump_safely());
        let is_good = |snapshot: &Snapshot| is_fresh && !snapshot.is_torn;
        let is_known = self.snapshot.as_ref().is_some_and(is_good);
        if !is_known {
            let is_spared = || {
                let is_worth_it = self.is_worth_a_dump(observer, runtime, watch, &before);
                idle && watch.is_sparing && !is_worth_it
            };
            // A dump would poll the tasks that the timer sets going, unnoticed.
            let is_about_to_move =
                || idle && observer.has_timer_due(5 * watch.quiet, watch.quiet / 2);
            if !is_time || is_about_to_move() || is_spared() {
                return None;
            }
            self.looked_after = self.since.elapsed();
            let dumps = observer.dumps();
            let looked = Looked::at(observer, runtime, &before, &self.pulse, watch);
            if observer.dumps() > dumps {
                self.dumped_after = self.looked_after;
            }
            match looked {
                Looked::AtRest(snapshot, echo) => {
                    (self.snapshot, self.pulse) = (Some(snapshot), echo);
                }
                // It has ended, and what was seen before still tells how it stood.
                Looked::Moves(_) => return None,
                Looked::Revived(snapshot) => {
                    let snapshot = self.snapshot.insert(snapshot);
                    snapshot.quiet_for = self.since.elapsed();
                    return Some(snapshot);
                }
            }
        }
        let snapshot = self.snapshot.as_mut()?;
        observer.look_outside(runtime, &before, snapshot);
        // A thread that has woken a task is not to be seen any more once it has ended. In this order, as a worker
        // parks after its poll was counted.
        let is_woken = is_known && idle && !observer.is_idle(runtime);
        if is_woken || observer.pulse() != self.pulse {
            return None;
        }
        (snapshot.at, snapshot.quiet_for) = (observer.clock(), self.since.elapsed());
        Some(snapshot)
    }

    /// Whether a dump could lead to anything that is to be told of a rest, going by what takes none.
    fn is_worth_a_dump(
        &self,
        observer: &Observer,
        runtime: &Handle,
        watch: &Watch,
        before: &Before,
    ) -> bool {
        if !observer.can_dump_safely() {
            // None is taken.
            return true;
        }
        let mut seen = observer.outline(runtime, before);
        seen.quiet_for = self.since.elapsed();
        let lasts = seen.quiet_for >= watch.patience;
        let hopeless = || observer.has_holders_that_queue() || !observer.orphaned().is_empty();
        may_be_told(seen, lasts, hopeless) && observer.is_idle(runtime)
    }
}
