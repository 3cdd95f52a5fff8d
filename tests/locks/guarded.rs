//! Programs under a guard that watches.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::{Barrier, Mutex};
use tokio::task::{self, JoinHandle, JoinSet};
use tokio::time::{interval, timeout};
use unstuck::Guard;
use unstuck::report::Report;

/// Plays `program` under a guard that watches, beside a ticking interval and a served socket, until it has
/// ended. It hears of each report.
fn play<F>(runtime: Builder, program: impl FnOnce(UnboundedReceiver<String>) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let (tell, told) = unbounded_channel();
    let program = program(told);
    let guard = Guard::new().runtime(runtime).leave_ctrl_c().watch();
    let guard = guard.on_report(move |report: &Report| {
        let _ = tell.send(report.to_string());
    });
    let ended = guard.run(async {
        let mut healthy = JoinSet::new();
        healthy.spawn(ticks(u64::MAX));
        healthy.spawn(serves());
        program.await;
        io::Result::Ok(())
    });
    ended.unwrap().unwrap();
}

fn multi_thread(workers: usize) -> Builder {
    let mut runtime = Builder::new_multi_thread();
    runtime.enable_all().worker_threads(workers);
    runtime
}

fn current_thread() -> Builder {
    let mut runtime = Builder::new_current_thread();
    runtime.enable_all();
    runtime
}

async fn ticks(number: u64) {
    let mut interval = interval(Duration::from_millis(10));
    for _ in 0..number {
        interval.tick().await;
    }
}

/// Two ends of a connection that send a byte to and fro.
async fn serves() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (client, server) = tokio::join!(TcpStream::connect(address), listener.accept());
    let (mut client, mut server) = (client.unwrap(), server.unwrap().0);
    let mut beat = interval(Duration::from_millis(7));
    loop {
        beat.tick().await;
        client.write_u8(1).await.unwrap();
        let byte = server.read_u8().await.unwrap();
        server.write_u8(byte).await.unwrap();
        client.read_u8().await.unwrap();
    }
}

/// Two tasks that take two locks in opposite order; the second one gives up if it is not patient.
fn ring(patience: Option<Duration>) -> Vec<JoinHandle<()>> {
    let (x, y) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new(())));
    let both = Arc::new(Barrier::new(2));
    let (a, b) = ((x.clone(), y.clone(), both.clone()), (y, x, both));
    let first = async move {
        let _held = a.0.lock().await;
        a.2.wait().await;
        drop(a.1.lock().await);
    };
    let second = async move {
        let _held = b.0.lock().await;
        b.2.wait().await;
        match patience {
            None => drop(b.1.lock().await),
            Some(patience) => drop(timeout(patience, b.1.lock()).await),
        }
    };

    vec![task::spawn(first), task::spawn(second)]
}

#[test]
fn a_ring_of_locks_is_told_of_once_beside_a_part_that_goes_on() {
    for runtime in [multi_thread(2), current_thread()] {
        play(runtime, |mut told| async move {
            // Whoever has a handle could abort a task.
            drop(ring(None));
            let report = told.recv().await.unwrap();
            assert!(report.contains(": a part of it is stuck; "), "{report}");
            assert_eq!(report.matches("[lock-cycle, likely]").count(), 1);
            let why = report.split("\n\n").nth(1).unwrap();
            for healthy in ["ticks", "serves"] {
                assert!(!why.contains(healthy), "{report}");
            }
            // It is read some more times.
            ticks(310).await;
            assert!(told.is_empty(), "{}", told.recv().await.unwrap());
        });
    }
}

#[test]
fn a_ring_that_dissolves_by_itself_is_not_told_of() {
    play(multi_thread(2), |told| async move {
        // One after the other, so that there is one at each glance, and never the same at two.
        for _ in 0..10 {
            let ring = ring(Some(Duration::from_millis(300)));
            while !ring.iter().all(JoinHandle::is_finished) {
                ticks(2).await;
            }
        }
        assert!(told.is_empty());
    });
}
