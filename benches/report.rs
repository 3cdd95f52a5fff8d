//! What it takes to explain a program of very many tasks, from the look at them to the report: time, and
//! the most memory. Each case in a process of its own. Linux only.

#[cfg(all(tokio_unstable, feature = "guard"))]
mod explaining {
    use std::sync::Arc;
    use std::thread;
    use std::time::{Duration, Instant};
    use std::{fs, mem};

    use tokio::runtime::{Builder, Runtime};
    use tokio::sync::{Mutex, Notify};
    use tokio::task;
    use tracing_subscriber::layer::SubscriberExt as _;
    use unstuck::diagnosis::{Program, diagnose, judge};
    use unstuck::observe::{self, Observer, TaskId, mark_own_thread, resource_layer};
    use unstuck::report::ProgramReport;
    use unstuck::report::page::{Detail, Page};
    use unstuck::report::text;
    use unstuck::{BoxError, Event};

    /// What the tasks of a case do.
    #[derive(Clone, Copy, Debug)]
    pub(crate) enum Work {
        /// All wait for the same notification, which nobody sends.
        Notify,
        /// All wait for the same event, which nobody can set.
        Event,
        /// One after the other, they have ended.
        Ended,
        /// All queue for a lock of Tokio's, which main holds while it waits. Locks are recorded.
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

    async fn main(work: Work, tasks: usize) {
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
                    drop(task::spawn(async move {
                        let _held = own.lock().await;
                        let _next = next.lock().await;
                    }));
                    // So that it has its own before the next one wants it.
                    task::yield_now().await;
                }
            }
        }
        event.wait().await;
    }

    /// Waits until the runtime has been at rest for a while.
    fn rest(observer: &Observer, runtime: &Runtime) {
        const QUIET: Duration = Duration::from_millis(100);
        let (mut pulse, mut since) = (observer.pulse(), Instant::now());
        while since.elapsed() < QUIET || !observer.is_idle(runtime.handle()) {
            thread::sleep(Duration::from_millis(5));
            let now = observer.pulse();
            if now != pulse {
                (pulse, since) = (now, Instant::now());
            }
        }
    }

    pub(crate) fn play(work: Work, tasks: usize) -> Result<String, BoxError> {
        mark_own_thread();
        if matches!(work, Work::Lock | Work::Chain) {
            let records = tracing_subscriber::registry().with(resource_layer());
            tracing::subscriber::set_global_default(records)?;
        }
        let observer = Observer::new();
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(1).enable_all();
        observer.attach(&mut builder);
        let runtime = builder.build()?;
        let main = observer.start_main(runtime.handle(), "main", main(work, tasks))?;
        let main = TaskId::from(main.id());
        rest(&observer, &runtime);
        let before = memory("VmRSS:")?;

        // Once in the life of a process.
        let begun = Instant::now();
        observe::prepare();
        observe::wait_until_prepared(Duration::MAX);
        let indexed = begun.elapsed();

        let since = observer.before();
        let begun = Instant::now();
        let seen = observer.look(runtime.handle(), &since);
        let looked = begun.elapsed();
        let judgement = judge(&seen, main).ok_or("it goes on")?;
        let diagnosis = diagnose(&seen, main, &Program::Runs(judgement));
        let explained = begun.elapsed();
        let verdict = format!("{} ({})", diagnosis.verdict, diagnosis.confidence);
        let report = ProgramReport::new(&diagnosis, Duration::ZERO);
        let text = text::render(&report, Page::Plain, Detail::Full);
        let rendered = begun.elapsed();
        let most = memory("VmHWM:")?;
        let begun = Instant::now();
        let json = report.to_json();
        let told = format!(
            "{verdict}, {} lines, {} KiB of JSON in {:.2} s",
            text.lines().count(),
            json.len() / 1024,
            begun.elapsed().as_secs_f64(),
        );
        // As at the end of a process: what is left is not tidied up.
        std::mem::forget(runtime);
        Ok(format!(
            "{:6.2} {:6.2} {:6.2} {:6.2} {:7.2} {before:>7} {most:>7}  {told}",
            indexed.as_secs_f64(),
            looked.as_secs_f64(),
            explained.saturating_sub(looked).as_secs_f64(),
            rendered.saturating_sub(explained).as_secs_f64(),
            rendered.as_secs_f64(),
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

#[cfg(all(tokio_unstable, feature = "guard"))]
fn main() -> Result<(), unstuck::BoxError> {
    use std::env;
    use std::process::Command;

    use explaining::{CASES, play};

    const CASE: &str = "UNSTUCK_REPORT_CASE";
    if let Ok(case) = env::var(CASE) {
        let (work, tasks) = CASES[case.parse::<usize>()?];
        println!("{}", play(work, tasks)?);
        std::process::exit(0);
    }
    println!("                          seconds                          MiB");
    println!("tasks            index   look explain report   total  before    most");
    for (case, (work, tasks)) in CASES.iter().enumerate() {
        let mut command = Command::new(env::current_exe()?);
        let output = command.env(CASE, case.to_string()).output()?;
        let line = String::from_utf8_lossy(&output.stdout);
        let error = String::from_utf8_lossy(&output.stderr);
        println!("{tasks:>8} {work:7?} {} {}", line.trim_end(), error.trim());
    }
    Ok(())
}

#[cfg(not(all(tokio_unstable, feature = "guard")))]
fn main() {}
