//! What it costs to be observed: messages between tasks, each taking a lock, on a bare runtime and on one
//! with the hooks; and with what listens to records on top, beside tokio-console's.
//!
//! Each in a process of its own, as a process has one subscriber for good.

#[cfg(tokio_unstable)]
mod observing {
    use std::env;
    use std::error::Error;
    use std::process::Command;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use tokio::runtime::{Builder, Runtime};
    use tokio::sync::{Mutex, mpsc};
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::registry::Registry;
    use tracing_subscriber::util::SubscriberInitExt;
    use unstuck::observe::{self, Observer};

    const ITEMS: u32 = 200_000;
    /// The least of so many, as whatever else the machine does only adds to it.
    const TRIES: usize = 12;

    async fn work() {
        let total = Arc::new(Mutex::new(0));
        let (send, mut receive) = mpsc::channel(16);
        let sender = tokio::spawn(async move {
            for item in 0..ITEMS {
                let _ = send.send(item).await;
            }
        });
        let adder = Arc::clone(&total);
        let receiver = tokio::spawn(async move {
            while let Some(item) = receive.recv().await {
                *adder.lock().await += u64::from(item);
            }
        });
        let _ = tokio::join!(sender, receiver);
    }

    fn runtime(observer: Option<&Observer>) -> std::io::Result<Runtime> {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(1);
        if let Some(observer) = observer {
            observer.attach(&mut builder);
        }
        builder.build()
    }

    /// Nanoseconds for each item.
    fn least(observer: Option<&Observer>) -> std::io::Result<u128> {
        let runtime = runtime(observer)?;
        let once = || {
            let begun = Instant::now();
            runtime.block_on(async { drop(tokio::spawn(work()).await) });
            begun.elapsed()
        };
        let least: Option<Duration> = (0..TRIES).map(|_| once()).min();
        Ok(least.unwrap_or_default().as_nanos() / u128::from(ITEMS))
    }

    fn play(case: &str) -> Result<u128, Box<dyn Error>> {
        let observer = Observer::new();
        match case {
            "bare" => Ok(least(None)?),
            "hooks" => Ok(least(Some(&observer))?),
            "records" => {
                Registry::default().with(observe::layer()).try_init()?;
                Ok(least(Some(&observer))?)
            }
            _ => {
                let (layer, _server) = console_subscriber::ConsoleLayer::builder().build();
                Registry::default().with(layer).try_init()?;
                Ok(least(None)?)
            }
        }
    }

    pub(crate) fn compare() -> Result<(), Box<dyn Error>> {
        const CASE: &str = "UNSTUCK_HOOKS_CASE";
        if let Ok(case) = env::var(CASE) {
            println!("{}", play(&case)?);
            return Ok(());
        }
        // Twice, one in reverse, so that a machine that grows warm or busy shows.
        let cases = ["bare", "hooks", "records", "console-subscriber"];
        for case in cases.iter().chain(cases.iter().rev()) {
            let output = Command::new(env::current_exe()?).env(CASE, case).output()?;
            let nanoseconds = String::from_utf8_lossy(&output.stdout);
            println!("{case:20} {:>8} ns an item", nanoseconds.trim());
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
