//! Watches a program until it is clear that it will not end.

use std::mem;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use crate::diagnosis::{Judgement, Verdict, judge};
use crate::observe::{self, Before, Observer, Pulse, Snapshot, TaskId};

/// How a program is watched.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    /// How long nothing must have moved before anything is looked at.
    pub quiet: Duration,
    /// How long it must have been at the same thing before it is called `blocked` or `waiting`. A
    /// program that is stuck is called so at once.
    pub patience: Duration,
}

/// How often the counts had better be compared.
pub const TICK: Duration = Duration::from_millis(5);

impl Default for Watch {
    fn default() -> Self {
        Self {
            quiet: Duration::from_millis(100),
            patience: Duration::from_secs(5),
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
}

impl<'r> Watching<'r> {
    /// Begins to watch a program whose main task is `main`, and that shares nothing with others in this process. The
    /// debug info is read from now on.
    pub fn new(watch: Watch, observer: &'r Observer, runtime: &'r Handle, main: TaskId) -> Self {
        observe::prepare();
        Self {
            watch,
            observer,
            runtime,
            main,
            rest: Rest::begins(observer.pulse(), Instant::now()),
            pause: None,
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
        if !rest.is_due(watch.quiet, observer) || !observe::is_prepared() {
            return None;
        }
        let judgement = judge(rest.look(observer, runtime, idle)?, main)?;
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
        Some((seen, judgement))
    }

    /// How the program stood when it last came to rest, if that was looked at.
    pub fn last_rest(self) -> Option<Snapshot> {
        self.rest.snapshot.or(self.pause)
    }
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

    /// Looks at all that could end it; the workers were `idle` just now. None: it has ended meanwhile.
    fn look(&mut self, observer: &Observer, runtime: &Handle, idle: bool) -> Option<&mut Snapshot> {
        let (before, _) = self.before.take()?;
        if self.snapshot.as_ref().is_none_or(|seen| seen.is_torn) {
            let seen = observer.look(runtime, &before);
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
