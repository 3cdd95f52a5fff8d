//! How often a program is dumped while it goes on: each dump stops it for a moment.

use std::sync::Arc;

use tokio::net::UdpSocket;
use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio::task;
use tokio::time::sleep;

use super::*;
use crate::Event;

const PAUSES: u64 = 30;
const PAUSE: Duration = Duration::from_millis(20);

/// How often a program is dumped until it ends, or there is a verdict on it.
fn dumps(main: impl Future<Output = ()> + Send + 'static) -> (u64, Option<Verdict>) {
    let watch = Watch {
        quiet: Duration::from_millis(1),
        patience: Duration::from_hours(1),
        is_sparing: true,
        ..Watch::default()
    };
    let observer = Observer::new();
    let mut builder = Builder::new_multi_thread();
    observer.attach(builder.worker_threads(1).enable_all());
    let runtime = builder.build().unwrap();
    let main = observer.start_main(runtime.handle(), "main", main).unwrap();
    let mut watching = Watching::new(watch, &observer, runtime.handle(), main.id().into());
    let mut verdict = None;
    while verdict.is_none() && !main.is_finished() {
        verdict = watching.tick().map(|(_, judgement)| judgement.verdict);
        thread::sleep(Duration::from_millis(1));
    }
    runtime.shutdown_background();
    (observer.dumps(), verdict)
}

/// A task that may never go on, for which a dump might be worth it.
fn is_hopeless() {
    let mut never = Event::new("never");
    task::spawn(async move { never.wait().await });
}

/// What a thread outside sends after each pause.
fn from_outside() -> mpsc::UnboundedReceiver<u64> {
    let (sender, receiver) = mpsc::unbounded_channel();
    thread::spawn(move || {
        for pause in 0..PAUSES {
            thread::sleep(PAUSE);
            let _ = sender.send(pause);
        }
    });
    receiver
}

async fn naps() {
    for _ in 0..PAUSES {
        sleep(PAUSE).await;
    }
}

async fn listens() {
    let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let listening = Arc::clone(&socket);
    task::spawn(async move { listening.recv(&mut [0]).await });
    let mut pauses = from_outside();
    while pauses.recv().await.is_some() {}
}

async fn calls() {
    for _ in 0..PAUSES {
        task::spawn_blocking(|| thread::sleep(PAUSE)).await.unwrap();
    }
}

async fn is_woken() {
    let mut pauses = from_outside();
    while pauses.recv().await.is_some() {}
}

#[test]
fn a_program_that_will_be_woken_is_not_dumped_in_each_pause() {
    // Which timers are set can't be told of a worker that is just about to sleep.
    const NOW_AND_THEN: u64 = 4;
    for (name, (dumps, verdict)) in [
        ("a timer", dumps(naps())),
        ("a socket", dumps(listens())),
        ("a call", dumps(calls())),
        ("a thread", dumps(is_woken())),
    ] {
        assert_eq!(verdict, None, "{name}");
        assert!(dumps < NOW_AND_THEN, "{name}: {dumps}");
    }
}

#[test]
fn pauses_of_which_a_dump_might_tell_are_looked_at_ever_more_rarely() {
    let (dumps, verdict) = dumps(async {
        is_hopeless();
        is_woken().await;
    });
    assert_eq!(verdict, None);
    assert!((1..PAUSES).contains(&dumps), "{dumps}");
}
