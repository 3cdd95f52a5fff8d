//! What it takes a guard to report that a program of very many tasks is stuck: time from the moment at which all of
//! them wait, and the most memory. Each case in a process of its own. Linux only.

#[cfg(feature = "guard")]
mod reporting {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Instant;
    use std::{fs, mem, process};

    use tokio::sync::{Mutex, Notify};
    use tokio::task;
    use unstuck::report::Report;
    use unstuck::{BoxError, Event, Guard};

    /// What the tasks of a case do.
    #[derive(Clone, Copy, Debug)]
    pub(crate) enum Work {
        /// All wait for the same notification, which nobody sends.
        Notify,
        /// All wait for the same event, which nobody can set.
        Event,
        /// One after the other, they have ended.
        Ended,
        /// All queue for a lock of Tokio's, which main holds while it waits.
        Lock,
        /// Each holds a lock for which the one before it queues; main holds the last one.
        Chain,
    }

    pub(crate) const CASES: [(Work, usize); 13] = [
        (Work::Notify, 1_000),
        (Work::Notify, 100_000),
        (Work::Notify, 1_000_000),
        (Work::Event, 1_000),
        (Work::Event, 100_000),
        (Work::Event, 1_000_000),
        (Work::Ended, 1_000),
        (Work::Ended, 100_000),
        (Work::Ended, 1_000_000),
        (Work::Lock, 1_000),
        (Work::Lock, 100_000),
        (Work::Chain, 1_000),
        (Work::Chain, 100_000),
    ];

    async fn main(work: Work, tasks: usize, waits: Arc<AtomicU64>, begun: Instant) {
        let (notify, mut event) = (Arc::new(Notify::new()), Event::new("never"));
        let mut lock = Arc::new(Mutex::new(()));
        let _held = lock.clone().lock_owned().await;
        for _ in 0..tasks {
            let notify = Arc::clone(&notify);
            match work {
                Work::Notify => drop(task::spawn(async move { notify.notified().await })),
                Work::Event => {
                    let mut event = event.clone();
                    drop(task::spawn(async move { event.wait().await }));
                }
                Work::Ended => {
                    let _ended = task::spawn(async {}).await;
                }
                Work::Lock => {
                    let lock = Arc::clone(&lock);
                    drop(task::spawn(async move { drop(lock.lock().await) }));
                }
                Work::Chain => {
                    let own = Arc::new(Mutex::new(()));
                    let next = mem::replace(&mut lock, Arc::clone(&own));
                    let held = own.lock_owned().await;
                    drop(task::spawn(async move {
                        let _next = next.lock().await;
                        drop(held);
                    }));
                }
            }
        }
        waits.store(millis(begun), Ordering::Relaxed);
        event.wait().await;
    }

    fn millis(begun: Instant) -> u64 {
        u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(crate) fn play(work: Work, tasks: usize) -> Result<(), BoxError> {
        let (waits, begun) = (Arc::new(AtomicU64::new(0)), Instant::now());
        let since = Arc::clone(&waits);
        let tell = move |report: &Report| {
            let told = millis(begun).saturating_sub(since.load(Ordering::Relaxed));
            let Ok(line) = line(report, told) else { return };
            println!("{line}");
            // As at the end of a process: what is left is not tidied up.
            process::exit(0);
        };
        let guard = Guard::new().watch().on_report(tell);
        guard.run(main(work, tasks, waits, begun))?;
        Ok(())
    }

    fn line(report: &Report, told: u64) -> Result<String, BoxError> {
        let most = memory("VmHWM:")?;
        let begun = Instant::now();
        let lines = report.to_string().lines().count();
        let text = begun.elapsed();
        let begun = Instant::now();
        let json = report.to_json().len() / 1024;
        Ok(format!(
            "{:7.2} {:7.2} {:7.2} {most:>7}  {}, {lines} lines, {json} KiB of JSON",
            f64::from(u32::try_from(told)?) / 1000.0,
            text.as_secs_f64(),
            begun.elapsed().as_secs_f64(),
            report.verdict(),
        ))
    }

    /// A figure of this process, in MiB.
    fn memory(name: &str) -> Result<u64, BoxError> {
        let status = fs::read_to_string("/proc/self/status")?;
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.split_whitespace().next());
        Ok(number.ok_or("unknown")?.parse::<u64>()? / 1024)
    }
}

#[cfg(feature = "guard")]
fn main() -> Result<(), unstuck::BoxError> {
    use std::env;
    use std::process::Command;

    use reporting::{CASES, play};

    const CASE: &str = "UNSTUCK_REPORT_CASE";
    if let Ok(case) = env::var(CASE) {
        let (work, tasks) = CASES[case.parse::<usize>()?];
        return play(work, tasks);
    }
    println!("                          seconds              MiB");
    println!("tasks          reported    text    JSON    most");
    for (case, (work, tasks)) in CASES.iter().enumerate() {
        let mut command = Command::new(env::current_exe()?);
        let output = command.env(CASE, case.to_string()).output()?;
        let line = String::from_utf8_lossy(&output.stdout);
        let error = String::from_utf8_lossy(&output.stderr);
        println!("{tasks:>8} {work:7?} {} {}", line.trim_end(), error.trim());
    }
    Ok(())
}

#[cfg(not(feature = "guard"))]
fn main() {}
