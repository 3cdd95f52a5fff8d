//! A busy program in which tasks take locks in every way there is, always so that all of them come through:
//! no look at it may find a part that is stuck.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::runtime::Builder;
use tokio::sync::{Mutex, OwnedMutexGuard, RwLock, Semaphore, mpsc};
use tokio::task::{Id, JoinSet, spawn, yield_now};
use tokio::time::timeout;
use tracing::Instrument as _;
use unstuck::explain::{Positions, diagnose};
use unstuck::liveness::{Actor, Until};
use unstuck_inspect::Inspector;
use unstuck_inspect::snapshot::{RuntimeId, Snapshot, WaitsFor};

const WORKERS: usize = 4;
const TASKS: u64 = 24;
/// By then, some look has had something to look at.
const AT_MOST: Duration = Duration::from_mins(1);

/// What they take. Whoever keeps something while it waits takes the next one from further down.
struct Locks {
    mutexes: [Arc<Mutex<()>>; 3],
    rw: RwLock<()>,
    permits: Semaphore,
    /// Taken in both orders, but whoever has the first lets go of it while it queues for the other one.
    either: [Mutex<()>; 2],
    /// Taken within futures that go on in another task.
    sent: Arc<Mutex<()>>,
    /// In both orders, but nobody waits for ever.
    hasty: [Mutex<()>; 2],
    guards: mpsc::UnboundedSender<OwnedMutexGuard<()>>,
}

/// Numbers that look as if they were random.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn pick(&mut self, places: u64) -> usize {
        usize::try_from(self.throw(places)).expect("few")
    }

    async fn rest(&mut self) {
        for _ in 0..self.throw(4) {
            yield_now().await;
        }
    }
}

/// Polls a future once. Whether it has ended.
async fn ends_at_once(mut future: impl Future<Output = ()> + Unpin) -> bool {
    poll_fn(|context| Poll::Ready(Pin::new(&mut future).poll(context).is_ready())).await
}

async fn in_order(locks: &Locks, dice: &mut Dice) {
    let from = dice.pick(3);
    let mut held = Vec::new();
    for mutex in &locks.mutexes[from..] {
        held.push(mutex.lock().await);
        dice.rest().await;
    }
    match dice.throw(3) {
        0 => drop(locks.rw.write().await),
        1 => {
            let _read = locks.rw.read().await;
            dice.rest().await;
            let _permit = locks.permits.acquire_many(2).await.unwrap();
        }
        _ => drop(locks.permits.acquire().await),
    }
}

async fn owned(locks: &Locks, dice: &mut Dice) {
    let guard = locks.mutexes[2].clone().lock_owned().await;
    dice.rest().await;
    locks.guards.send(guard).unwrap();
    // Somebody else lets go of it.
    drop(locks.mutexes[2].lock().await);
}

/// Takes one, and queues for the other one for as long as it has the first, and longer.
async fn overlapping(locks: &Locks, dice: &mut Dice) {
    let first = dice.pick(2);
    let held = locks.either[first].lock().await;
    dice.rest().await;
    let lets_go = async {
        std::thread::yield_now();
        drop(held);
    };
    tokio::join!(biased; async { drop(locks.either[1 - first].lock().await) }, lets_go);
}

async fn cancelled(locks: &Locks, dice: &mut Dice) {
    let _held = locks.mutexes[0].lock().await;
    let mut request = Box::pin(locks.mutexes[1].lock());
    tokio::select! {
        biased;
        _ = &mut request => return,
        () = dice.rest() => {}
    }
    if dice.throw(2) == 0 {
        drop(request.await);
    } else {
        drop(request);
        drop(locks.mutexes[1].lock().await);
    }
}

/// A future that has taken a lock goes on in a task of its own, while this one waits for the same lock.
async fn sent_on(locks: &Locks, mut dice: Dice) {
    let lock = locks.sent.clone();
    let mut slow = Box::pin(async move {
        let _held = lock.lock().await;
        for _ in 0..3 {
            dice.rest().await;
        }
    });
    if !ends_at_once(&mut slow).await {
        spawn(slow);
    }
    drop(locks.sent.lock().await);
}

async fn hasty(locks: &Locks, dice: &mut Dice) {
    let first = dice.pick(2);
    let _held = locks.hasty[first].lock().await;
    dice.rest().await;
    let patience = Duration::from_micros(dice.throw(2000));
    drop(timeout(patience, locks.hasty[1 - first].lock()).await);
}

async fn of_many(locks: &Locks) {
    let mut requests: FuturesUnordered<_> = locks.mutexes[..2].iter().map(|it| it.lock()).collect();
    drop(requests.next().await);
}

/// Children that share the span of their parent, of which some are aborted.
async fn children(locks: &Arc<Locks>, dice: &mut Dice) {
    let mut children = JoinSet::new();
    for n in 0..3 {
        let (locks, mut dice) = (locks.clone(), Dice(dice.throw(u64::MAX) + 1));
        let child = async move {
            match n {
                0 => in_order(&locks, &mut dice).await,
                1 => overlapping(&locks, &mut dice).await,
                _ => hasty(&locks, &mut dice).await,
            }
        };
        children.spawn(child.in_current_span());
    }
    dice.rest().await;
    if dice.throw(2) == 0 {
        children.abort_all();
    }
    while children.join_next().await.is_some() {}
}

async fn traffic(locks: Arc<Locks>, mut dice: Dice, stops: Arc<AtomicBool>) {
    while !stops.load(Ordering::Relaxed) {
        match dice.throw(12) {
            0..=2 => in_order(&locks, &mut dice).await,
            3 => owned(&locks, &mut dice).await,
            4..=6 => overlapping(&locks, &mut dice).await,
            7 => cancelled(&locks, &mut dice).await,
            8 => sent_on(&locks, Dice(dice.throw(u64::MAX) + 1)).await,
            9 => hasty(&locks, &mut dice).await,
            10 => of_many(&locks).await,
            _ => children(&locks, &mut dice).await,
        }
    }
}

async fn main(stops: Arc<AtomicBool>) {
    let (guards, mut dropped) = mpsc::unbounded_channel();
    let mutex = || Arc::new(Mutex::new(()));
    let locks = Arc::new(Locks {
        mutexes: [mutex(), mutex(), mutex()],
        rw: RwLock::new(()),
        permits: Semaphore::new(2),
        either: [Mutex::new(()), Mutex::new(())],
        sent: mutex(),
        hasty: [Mutex::new(()), Mutex::new(())],
        guards,
    });
    spawn(async move { while dropped.recv().await.is_some() {} });
    let mut tasks = JoinSet::new();
    for n in 1..=TASKS {
        let dice = Dice(n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        tasks.spawn(traffic(locks.clone(), dice, stops.clone()));
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}

/// The runtime of a task.
fn runtime_of(snapshot: &Snapshot, id: Id) -> Option<RuntimeId> {
    let mut tasks = snapshot.tasks.iter();
    let task = tasks.find(|task| task.id.to_string() == id.to_string())?;
    task.runtime
}

/// A dozen readings, or as many as there are in `UNSTUCK_SOAK` seconds.
#[test]
fn no_part_of_a_busy_program_is_ever_stuck() {
    let seconds = std::env::var("UNSTUCK_SOAK").ok();
    let lasts = seconds.map(|it| Duration::from_secs(it.parse().expect("a number of seconds")));
    let mut runtime = Builder::new_multi_thread();
    let runtime = runtime.enable_all().worker_threads(WORKERS);
    let runtime = runtime.build().unwrap();
    let stops = Arc::new(AtomicBool::new(false));
    let main = runtime.spawn(main(stops.clone()));
    let inspector = Inspector::attach_self().unwrap();
    let begun = Instant::now();
    let (mut readings, mut in_locks) = (0_u64, 0);
    // On a busy machine the tasks may not run for hundreds of readings.
    let is_over = |readings, in_locks| match lasts {
        Some(lasts) => begun.elapsed() >= lasts,
        None => readings >= 12 && in_locks > readings / 10 || begun.elapsed() >= AT_MOST,
    };
    while !is_over(readings, in_locks) {
        assert!(!main.is_finished(), "it goes on until it is told to stop");
        let before = Positions::of(&inspector.snapshot().unwrap());
        let snapshot = inspector.snapshot().unwrap();
        let diagnosis = diagnose(&before, &snapshot);
        let own = runtime_of(&snapshot, main.id());
        let mut waits = diagnosis.waits().map(|(_, wait)| wait).filter(|wait| {
            let mut waiters = wait.links.iter().flat_map(|link| &link.waiters);
            // Other tests run beside this one, and have programs that are stuck.
            waiters.any(|waiter| match waiter.actor {
                Actor::Task(task) => snapshot.tasks[task].runtime == own,
                Actor::BlockOn(_) | Actor::Blocking(_) => false,
            })
        });
        // Those who are hasty may wait for each other until one gives up.
        let stuck = waits.find(|wait| !matches!(wait.until, Until::Timeout(_)));
        assert!(stuck.is_none(), "{stuck:#?}");
        readings += 1;
        let mut leaves = snapshot.tasks.iter().flat_map(|task| &task.futures.leaves);
        let queues = leaves.any(|leaf| matches!(leaf.waits_for, WaitsFor::Permits { .. }));
        in_locks += u64::from(queues);
    }
    stops.store(true, Ordering::Relaxed);
    runtime.block_on(main).unwrap();
    assert!(
        in_locks > readings / 10,
        "in {in_locks} of {readings} readings a task waits for a lock"
    );
    println!(
        "{readings} readings, in {in_locks} of which a task waits for a lock, in {:?}",
        begun.elapsed()
    );
}
