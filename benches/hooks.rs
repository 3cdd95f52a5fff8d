//! What it costs to be observed: messages between tasks, each taking a lock, on a bare runtime and on one
//! with the hooks; with what listens to records on top; and beside other tools, those that want the program
//! to be annotated included. Then tasks that are spawned and end, on both runtimes. In time, and in the work of all
//! processors: what a tool hands to a thread of its own keeps no message waiting, but is not free either.
//!
//! Each in a process of its own, as a process has one subscriber for good.

#[cfg(tokio_unstable)]
mod observing {
    use std::env;
    use std::error::Error;
    use std::fs;
    use std::process::Command;
    use std::sync::{Arc, LazyLock};
    use std::time::{Duration, Instant};

    use await_tree::{InstrumentAwait, Registry as Trees};
    use tokio::runtime::{Builder, Runtime};
    use tokio::sync::{Mutex, mpsc};
    use tracing::subscriber::NoSubscriber;
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::registry::Registry;
    use tracing_subscriber::util::SubscriberInitExt;
    use unstuck::observe::{self, Keep, Observer};

    /// Each with the one that it is compared with.
    const CASES: [(&str, usize); 8] = [
        ("bare", 0),
        ("hooks", 0),
        ("records", 0),
        ("async-backtrace", 0),
        ("await-tree", 0),
        ("console-subscriber", 0),
        ("bare, spawning", 6),
        ("hooks, spawning", 6),
    ];
    /// Few, so that some rounds are over before the machine turns to something else. The least counts, as
    /// whatever else the machine does only adds to it.
    const ITEMS: u32 = 1_000;
    /// How long one process plays its rounds.
    const EACH: Duration = Duration::from_millis(300);
    /// How often all cases are played, there and back by turns, so that none has the quiet minutes alone.
    const PASSES: usize = 30;

    /// What a program has around each task and each await for the sake of a tool.
    trait Annotated: 'static {
        fn task<F>(future: F) -> impl Future<Output = F::Output> + Send + 'static
        where
            F: Future<Output: Send> + Send + 'static;

        fn wait<F>(name: &'static str, future: F) -> impl Future<Output = F::Output> + Send
        where
            F: Future<Output: Send> + Send;
    }

    /// Nothing.
    struct Plain;

    impl Annotated for Plain {
        fn task<F>(future: F) -> impl Future<Output = F::Output> + Send + 'static
        where
            F: Future<Output: Send> + Send + 'static,
        {
            future
        }

        fn wait<F>(_: &'static str, future: F) -> impl Future<Output = F::Output> + Send
        where
            F: Future<Output: Send> + Send,
        {
            future
        }
    }

    struct AwaitTree;

    static TREES: LazyLock<Trees> = LazyLock::new(|| Trees::new(await_tree::Config::default()));

    impl Annotated for AwaitTree {
        fn task<F>(future: F) -> impl Future<Output = F::Output> + Send + 'static
        where
            F: Future<Output: Send> + Send + 'static,
        {
            TREES.register_anonymous("task").instrument(future)
        }

        fn wait<F>(name: &'static str, future: F) -> impl Future<Output = F::Output> + Send
        where
            F: Future<Output: Send> + Send,
        {
            future.instrument_await(name)
        }
    }

    struct AsyncBacktrace;

    impl Annotated for AsyncBacktrace {
        fn task<F>(future: F) -> impl Future<Output = F::Output> + Send + 'static
        where
            F: Future<Output: Send> + Send + 'static,
        {
            async_backtrace::frame!(future)
        }

        fn wait<F>(_: &'static str, future: F) -> impl Future<Output = F::Output> + Send
        where
            F: Future<Output: Send> + Send,
        {
            async_backtrace::frame!(future)
        }
    }

    async fn work<A: Annotated>() {
        let total = Arc::new(Mutex::new(0));
        let (send, mut receive) = mpsc::channel(16);
        let sender = tokio::spawn(A::task(async move {
            for item in 0..ITEMS {
                let _ = A::wait("send", send.send(item)).await;
            }
        }));
        let adder = Arc::clone(&total);
        let receiver = tokio::spawn(A::task(async move {
            while let Some(item) = A::wait("receive", receive.recv()).await {
                *A::wait("lock", adder.lock()).await += u64::from(item);
            }
        }));
        let _ = A::wait("sender", sender).await;
        let _ = A::wait("receiver", receiver).await;
    }

    /// Spawns tasks that end, as a server does for its requests.
    async fn spawn() {
        const AT_ONCE: u32 = 10;
        for _ in 0..ITEMS / AT_ONCE {
            let tasks = [(); AT_ONCE as usize].map(|()| tokio::spawn(tokio::task::yield_now()));
            for task in tasks {
                let _ = task.await;
            }
        }
    }

    fn runtime(observer: Option<&Observer>) -> std::io::Result<Runtime> {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(1);
        if let Some(observer) = observer {
            observer.attach(&mut builder);
        }
        builder.build()
    }

    /// What an item costs, in nanoseconds: time, and work of all processors.
    type Cost = [f64; 2];

    /// Of the shortest round the time, and of all rounds the work.
    fn least<A, W>(
        observer: Option<&Observer>,
        round: impl Fn() -> W + Send + 'static,
    ) -> Result<Cost, Box<dyn Error>>
    where
        A: Annotated,
        W: Future<Output = ()> + Send,
    {
        let rounds = A::task(async move {
            let (begun, worked) = (Instant::now(), worked());
            let (mut least, mut items) = (Duration::MAX, 0);
            while begun.elapsed() < EACH {
                let begun = Instant::now();
                round().await;
                least = least.min(begun.elapsed());
                items += ITEMS;
            }
            let work = self::worked().saturating_sub(worked);
            let each = |time: Duration, items| time.as_secs_f64() * 1e9 / f64::from(items);
            [each(least, ITEMS), each(work, items)]
        });
        Ok(runtime(observer)?.block_on(async { tokio::spawn(rounds).await })?)
    }

    /// How long the threads of this process have been at work so far. Nothing where the system is not Linux.
    fn worked() -> Duration {
        let threads = fs::read_dir("/proc/self/task").into_iter().flatten();
        let of_each = threads.filter_map(|thread| {
            let told = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
            told.split_whitespace().next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(of_each.sum())
    }

    fn play(case: &str) -> Result<Cost, Box<dyn Error>> {
        let observer = Observer::new(Keep::Failures);
        let registry = Registry::default();
        match case {
            "records" => registry.with(observe::layer()).try_init()?,
            "console-subscriber" => {
                // With what takes its events, or it drops them once there are many, which is cheap.
                let layer =
                    console_subscriber::ConsoleLayer::builder().server_addr(([127, 0, 0, 1], 0));
                registry.with(layer.spawn()).try_init()?;
            }
            // Without any, `tracing` turns to `log`, as sqlx has it do: that costs more than one that wants
            // nothing.
            _ => tracing::subscriber::set_global_default(NoSubscriber::new())?,
        }
        match case {
            "bare" | "console-subscriber" => least::<Plain, _>(None, work::<Plain>),
            "async-backtrace" => least::<AsyncBacktrace, _>(None, work::<AsyncBacktrace>),
            "await-tree" => least::<AwaitTree, _>(None, work::<AwaitTree>),
            "bare, spawning" => least::<Plain, _>(None, spawn),
            "hooks, spawning" => least::<Plain, _>(Some(&observer), spawn),
            _ => least::<Plain, _>(Some(&observer), work::<Plain>),
        }
    }

    fn least_and_median(passes: &[Cost], cost: usize) -> [f64; 2] {
        let mut costs: Vec<f64> = passes.iter().map(|pass| pass[cost]).collect();
        costs.sort_by(f64::total_cmp);
        [costs[0], costs[costs.len() / 2]]
    }

    pub(crate) fn compare() -> Result<(), Box<dyn Error>> {
        const CASE: &str = "UNSTUCK_HOOKS_CASE";
        if let Ok(case) = env::var(CASE) {
            let [time, work] = play(&case)?;
            println!("{time} {work}");
            return Ok(());
        }
        let mut passes: [Vec<Cost>; CASES.len()] = CASES.map(|_| Vec::new());
        for pass in 0..PASSES {
            for turn in 0..CASES.len() {
                let at = match pass % 2 {
                    0 => turn,
                    _ => CASES.len() - 1 - turn,
                };
                let mut process = Command::new(env::current_exe()?);
                let output = process.env(CASE, CASES[at].0).output()?;
                let printed = String::from_utf8_lossy(&output.stdout);
                let (time, work) = printed.trim().split_once(' ').ok_or("no cost")?;
                passes[at].push([time.parse()?, work.parse()?]);
            }
        }
        println!("ns an item, least and median of {PASSES} passes; and as many times bare");
        println!("{:20} {:^40} {:^40}", "", "time", "work");
        for ((case, bare), of_case) in CASES.iter().zip(&passes) {
            print!("{case:20}");
            for cost in 0..2 {
                let bare = least_and_median(&passes[*bare], cost);
                for (of_case, bare) in least_and_median(of_case, cost).iter().zip(bare) {
                    print!(" {of_case:11.1} {:7.3}", of_case / bare);
                }
                print!(" ");
            }
            println!();
        }
        Ok(())
    }
}

#[cfg(tokio_unstable)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    observing::compare()
}

#[cfg(not(tokio_unstable))]
fn main() {}
