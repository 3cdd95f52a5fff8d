//! Small programs under a guard, for the tests to look at from outside.

use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io::{self, BufRead};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Barrier, Mutex, Notify, oneshot};
use tokio::task;
use tokio::time::sleep;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry;
use unstuck::{Guard, TaskGroup};

type Ended = Result<(), Box<dyn Error + Send + Sync>>;

/// Says that it is at work, for the test to wait for.
fn ready() {
    println!("ready");
}

/// The same, once so many tasks have counted themselves: a program that is still about to poll them is not stuck.
async fn ready_after(polled: &AtomicUsize, tasks: usize) {
    while polled.load(Ordering::Acquire) < tasks {
        task::yield_now().await;
    }
    ready();
}

/// Stuck until somebody writes a line: a thread outside, which can't be seen through.
async fn waits_for_a_line() -> Ended {
    let notify = Arc::new(Notify::new());
    let waker = Arc::clone(&notify);
    std::thread::spawn(move || {
        let _ = io::stdin().lock().lines().next();
        waker.notify_one();
    });
    let polled = Arc::new(AtomicUsize::new(0));
    let is_polled = Arc::clone(&polled);
    let waiting = task::spawn(async move {
        is_polled.fetch_add(1, Ordering::Release);
        notify.notified().await;
    });
    ready_after(&polled, 1).await;
    waiting.await?;
    println!("went on");
    Ok(())
}

async fn stuck() -> Ended {
    let mut done = unstuck::Event::new("done");
    let polled = Arc::new(AtomicUsize::new(0));
    let group = TaskGroup::new("pool").scope(async |group| {
        for n in 0..10 {
            let (mut done, is_polled) = (done.clone(), Arc::clone(&polled));
            group.spawn(format!("worker-{n}"), async move {
                is_polled.fetch_add(1, Ordering::Release);
                done.wait().await;
                Ok::<_, Box<dyn Error + Send + Sync>>(())
            })?;
        }
        ready_after(&polled, 10).await;
        done.wait().await;
        Ok(())
    });
    Ok(group.await?)
}

async fn blocked() -> Ended {
    let endless = task::spawn(async {
        ready();
        std::thread::sleep(Duration::from_hours(1));
    });
    Ok(endless.await?)
}

/// Blocks its thread most of the time, and never for long.
async fn naps() -> Ended {
    let naps = task::spawn(async {
        ready();
        loop {
            std::thread::sleep(Duration::from_millis(900));
            task::yield_now().await;
        }
    });
    Ok(naps.await?)
}

async fn ticks() -> Ended {
    ready();
    loop {
        sleep(Duration::from_millis(1)).await;
    }
}

/// One part ticks on, the other is stuck.
async fn half_stuck() -> Ended {
    let mut done = unstuck::Event::new("done");
    task::spawn(async move { done.wait().await });
    ticks().await
}

/// Two tasks wait for each other's lock, and a third one ticks on.
async fn ring() -> Ended {
    let (x, y) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new(())));
    let both = Arc::new(Barrier::new(2));
    for (first, second) in [(x.clone(), y.clone()), (y, x)] {
        let both = both.clone();
        task::spawn(async move {
            let _first = first.lock().await;
            both.wait().await;
            let _second = second.lock().await;
        });
    }
    ticks().await
}

/// The child keeps no waker, and does not hear that the number has come.
async fn loses_a_waker() -> Ended {
    let slot = Arc::new(std::sync::Mutex::new(None));
    let (other, polled) = (Arc::clone(&slot), Arc::new(AtomicBool::new(false)));
    let is_polled = Arc::clone(&polled);
    let child = task::spawn(poll_fn(move |_| {
        let number = other.lock().expect("nobody panics").take();
        polled.store(true, Ordering::Release);
        number.map_or(Poll::Pending, Poll::Ready)
    }));
    while !is_polled.load(Ordering::Acquire) {
        task::yield_now().await;
    }
    *slot.lock().expect("nobody panics") = Some(1);
    ready();
    println!("{} came", child.await?);
    Ok(())
}

/// All threads of the runtime, and the one that runs this.
async fn all_blocked() -> Ended {
    let workers = Handle::current().metrics().num_workers();
    let blocked = Arc::new(AtomicUsize::new(0));
    for _ in 0..workers {
        let blocked = Arc::clone(&blocked);
        task::spawn(async move {
            blocked.fetch_add(1, Ordering::Release);
            std::thread::sleep(Duration::from_hours(1));
        });
    }
    ready_after(&blocked, workers).await;
    std::thread::sleep(Duration::from_hours(1));
    Ok(())
}

/// Begins to shut down with the first signal, and has done so with the second.
async fn handles_sigterm() -> Ended {
    let mut signals = signal(SignalKind::terminate())?;
    ready();
    signals.recv().await;
    println!("shuts down");
    signals.recv().await;
    Ok(())
}

/// A server that sends back each line. A client that says `lock` locks its account twice.
async fn serves() -> Ended {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        task::spawn(async move {
            let (reader, mut writer) = stream.into_split();
            let mut lines = tokio::io::BufReader::new(reader).lines();
            while let Some(line) = lines.next_line().await? {
                if line == "lock" {
                    transfer_to_itself().await;
                }
                writer.write_all(format!("{line}\n").as_bytes()).await?;
            }
            io::Result::Ok(())
        });
    }
}

async fn transfer_to_itself() {
    let account = Mutex::new(100);
    let mut from = account.lock().await;
    let mut to = account.lock().await;
    *from -= 1;
    *to += 1;
}

/// Prints the events of the target `unstuck`, one in each line.
struct Events;

impl<S: Subscriber> Layer<S> for Events {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "unstuck" {
            let mut fields = Fields(vec![format!("level={}", event.metadata().level())]);
            event.record(&mut fields);
            println!("{}", fields.0.join(" "));
        }
    }
}

struct Fields(Vec<String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push(format!("{field}={value:?}").replace('\n', " "));
    }
}

async fn sleeps_for_an_hour() -> Ended {
    ready();
    sleep(Duration::from_hours(1)).await;
    Ok(())
}

#[expect(clippy::unused_async, reason = "it stands for a main function")]
async fn panics() -> Ended {
    panic!("as it would without a guard")
}

/// After another guard has been there and gone.
fn comes_second(guard: Guard, body: impl Future<Output = Ended> + Send + 'static) -> Ended {
    unstuck::run(async {})?;
    guard.run(body)?
}

async fn handles_ctrl_c() -> Ended {
    let mut interrupts = signal(SignalKind::interrupt())?;
    ready();
    interrupts.recv().await;
    println!("went on");
    Ok(())
}

/// Two programs at once.
fn side_by_side(guards: [Guard; 2]) -> Ended {
    let [first, second] = guards.map(|guard| std::thread::spawn(move || guard.run(ticks())));
    for program in [first, second] {
        program.join().expect("it does not panic")??;
    }
    Ok(())
}

/// Main, which has run another program before, wakes this one once it is told to.
fn woken_by_main(guard: Guard) -> Ended {
    unstuck::run(async {})?;
    let (wake, woken) = oneshot::channel();
    let waits = async move {
        ready();
        woken.await?;
        println!("went on");
        Ok(())
    };
    let program = std::thread::spawn(move || guard.run(waits));
    let _ = io::stdin().lock().lines().next();
    let _ = wake.send(());
    program.join().expect("it does not panic")?
}

fn guard(arguments: &[String]) -> Result<Guard, Box<dyn Error + Send + Sync>> {
    let mut guard = Guard::new();
    for argument in arguments {
        guard = match &**argument {
            "--watch" => guard.watch(),
            "--full" => guard.full(),
            "--json" => guard.on_report(|report| println!("{}", report.to_json())),
            "--bare" => guard.runtime(Builder::new_multi_thread()),
            "--current-thread" => {
                let mut runtime = Builder::new_current_thread();
                runtime.enable_all();
                guard.runtime(runtime)
            }
            "--leave-ctrl-c" => guard.leave_ctrl_c(),
            "--leave-sigterm" => guard.leave_sigterm(),
            "--findings" => guard.on_finding(|finding| println!("{}", finding.to_json())),
            "--events" => {
                registry().with(Events).init();
                guard.on_finding(|_| {})
            }
            folder if folder.starts_with('/') => guard.report_dir(folder),
            other => return Err(other.into()),
        };
    }
    Ok(guard)
}

fn main() -> Ended {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (program, arguments) = arguments.split_first().ok_or("which program?")?;
    let guard = || self::guard(arguments);
    match &**program {
        "waits-for-a-line" => guard()?.run(waits_for_a_line())?,
        "stuck" => guard()?.run(stuck())?,
        "blocked" => guard()?.run(blocked())?,
        "naps" => guard()?.run(naps())?,
        "ticks" => guard()?.run(ticks())?,
        "half-stuck" => guard()?.run(half_stuck())?,
        "ring" => guard()?.run(ring())?,
        "loses-a-waker" => guard()?.run(loses_a_waker())?,
        // In place of a test, which would run beside others.
        "checks-a-lost-waker" => unstuck::check(loses_a_waker()),
        "all-blocked" => guard()?.run(all_blocked())?,
        "handles-sigterm" => guard()?.run(handles_sigterm())?,
        "serves" => guard()?.run(serves())?,
        "sleeps-for-an-hour" => guard()?.run(sleeps_for_an_hour())?,
        "second" => comes_second(guard()?, ticks()),
        "second-handles-ctrl-c" => comes_second(guard()?, handles_ctrl_c()),
        "woken-by-main" => woken_by_main(guard()?),
        "side-by-side" => side_by_side([guard()?, guard()?]),
        "returns" => {
            guard()?.run(async {})?;
            guard()?.run(async {})?;
            ready();
            std::thread::sleep(Duration::from_hours(1));
            Ok(())
        }
        "panics" => guard()?.run(panics())?,
        "inside" => {
            let guard = guard()?;
            Builder::new_current_thread()
                .build()?
                .block_on(async { guard.run(async { Ok(()) }) })?
        }
        other => Err(other.into()),
    }
}
