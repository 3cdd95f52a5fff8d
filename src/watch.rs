//! Watches a program until it ends, or until it is clear that it will not.

use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use crate::diagnosis::{Judgement, Verdict, judge};
use crate::observe::{Observer, Pulse, Snapshot, TaskId, Threads};

/// How a program is watched.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    /// How long nothing must have moved before anything is looked at.
    pub quiet: Duration,
    /// How long it must have been at the same thing before it is called `blocked` or `waiting`. A
    /// program that is stuck is called so at once.
    pub patience: Duration,
}

/// How a watched program ended up.
#[derive(Clone, Debug)]
pub enum Sight {
    /// Its main task has returned.
    Ended(Snapshot),
    /// It has not, and this is why.
    Halted(Snapshot, Judgement),
}

/// How often the counts are compared.
const TICK: Duration = Duration::from_millis(5);

impl Default for Watch {
    fn default() -> Self {
        Self {
            quiet: Duration::from_millis(100),
            patience: Duration::from_secs(5),
        }
    }
}

impl Watch {
    /// Watches the runtime until `has_ended`, blocking the calling thread, which must not be one of the
    /// runtime's own.
    pub fn over(
        &self,
        observer: &Observer,
        runtime: &Handle,
        main: TaskId,
        has_ended: impl Fn() -> bool,
    ) -> Sight {
        let mut rest = Rest::begins(observer.pulse());
        loop {
            thread::sleep(TICK);
            if has_ended() {
                return Sight::Ended(observer.look_back(runtime));
            }
            let pulse = observer.pulse();
            if pulse != rest.pulse {
                rest = Rest::begins(pulse);
                continue;
            }
            let idle = observer.is_idle(runtime);
            let lasting = rest.since.elapsed() >= self.patience;
            if !(idle || lasting) || !rest.is_due(self.quiet) {
                continue;
            }
            let judgement = match rest.look(observer, runtime) {
                Some(snapshot) => judge(snapshot, main),
                None => continue,
            };
            let Some(judgement) = judgement else { continue };
            let certain = match judgement.verdict {
                Verdict::Stuck => idle,
                Verdict::Blocked => lasting,
                _ => idle && lasting,
            };
            if certain && let Some(snapshot) = rest.snapshot.take() {
                return Sight::Halted(snapshot, judgement);
            }
        }
    }
}

/// A time in which nothing moves.
struct Rest {
    pulse: Pulse,
    since: Instant,
    /// The threads outside the runtime when it was last looked at them, and when that was.
    threads: Option<(Threads, Instant)>,
    /// What was seen in it. The tasks are looked at once, as they don't move.
    snapshot: Option<Snapshot>,
}

impl Rest {
    fn begins(pulse: Pulse) -> Self {
        Self {
            pulse,
            since: Instant::now(),
            threads: None,
            snapshot: None,
        }
    }

    /// Whether it has lasted `quiet` since the last look.
    fn is_due(&mut self, quiet: Duration) -> bool {
        let now = || (Threads::now().unwrap_or_default(), Instant::now());
        let (_, looked_at) = self.threads.get_or_insert_with(now);
        looked_at.elapsed() >= quiet
    }

    /// Looks at all that could end it. None: it has ended meanwhile.
    fn look(&mut self, observer: &Observer, runtime: &Handle) -> Option<&Snapshot> {
        let (threads, _) = self.threads.take()?;
        if let Some(snapshot) = &mut self.snapshot {
            observer.look_outside(runtime, &threads, snapshot);
        } else {
            self.snapshot = Some(observer.look(runtime, &threads));
            self.pulse = observer.echo(runtime, &self.pulse)?;
        }
        let snapshot = self.snapshot.as_mut()?;
        snapshot.quiet_for = self.since.elapsed();
        Some(snapshot)
    }
}
