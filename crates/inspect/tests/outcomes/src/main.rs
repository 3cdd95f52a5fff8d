//! Tasks that ended with errors of many types. `outcomes NAME` runs one of the programs; it prints `ready` once all
//! have ended. What differs is who has what they returned.

use std::error::Error;
use std::future::pending;
use std::io;
use std::num::ParseIntError;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::future::join_all;
use tokio::sync::{Notify, oneshot};
use tokio::task::{self, JoinHandle, JoinSet, yield_now};

type BoxError = Box<dyn Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
enum Decode {
    #[error("{what} is damaged at {at}")]
    Damaged { what: String, at: u64 },
    #[error("{0:?} after {1:?}")]
    Late(Direction, Duration),
}

#[derive(Clone, Copy, Debug)]
enum Direction {
    In = 3,
    Out = 7,
}

#[derive(Debug, thiserror::Error)]
#[error("nothing is left")]
struct Empty;

fn damaged() -> Decode {
    Decode::Damaged {
        what: "row 12".to_owned(),
        at: 7,
    }
}

async fn text() -> Result<(), &'static str> {
    Err("no text")
}

async fn string() -> Result<u8, String> {
    Err("no string".to_owned())
}

async fn boxed_text() -> Result<(), BoxError> {
    Err("no boxed text".into())
}

async fn boxed() -> Result<(), BoxError> {
    Err(damaged().into())
}

async fn named() -> Result<u64, Decode> {
    Err(damaged())
}

async fn tuple() -> Result<(), Decode> {
    if false {
        return Err(Decode::Late(Direction::In, Duration::ZERO));
    }
    Err(Decode::Late(Direction::Out, Duration::from_millis(1500)))
}

async fn empty() -> Result<(), Empty> {
    Err(Empty)
}

async fn os() -> io::Result<()> {
    Err(io::Error::from_raw_os_error(2))
}

async fn io_kind() -> io::Result<()> {
    Err(io::ErrorKind::TimedOut.into())
}

async fn io_other() -> io::Result<()> {
    Err(io::Error::other("no tape"))
}

async fn number() -> Result<i32, ParseIntError> {
    "twelve".parse()
}

async fn any() -> anyhow::Result<()> {
    Err(damaged()).context("reading the index")
}

async fn message() -> anyhow::Result<()> {
    anyhow::bail!("no route to {}", "host")
}

async fn report() -> eyre::Result<()> {
    Err(eyre::Report::new(damaged()).wrap_err("reading the report"))
}

async fn receive() -> Result<(), oneshot::error::RecvError> {
    let (send, receive) = oneshot::channel();
    drop(send);
    receive.await
}

async fn panic_text() {
    panic!("a constant");
}

async fn panic_string() {
    panic!("a number: {}", 12);
}

async fn aborted() {
    pending::<()>().await;
}

async fn returned() -> Result<(), String> {
    Ok(())
}

fn main() {
    // The tests make sure of it: programs must not need the flag.
    println!("tokio_unstable: {}", cfg!(tokio_unstable));
    let name = std::env::args().nth(1).expect("a name");
    match &*name {
        "handles" => handles(),
        "sets" => sets(),
        "results" => results(),
        "detached" => detached(),
        "handed_on" => handed_on(),
        "one_of_each" => one_of_each(),
        "pool" => pool(),
        "pool_that_counts" => pool_that_counts(),
        _ => panic!("no program {name}"),
    }
}

/// Tells the test that everything is set up.
fn ready() {
    println!("ready");
}

/// Calls a macro with each of the functions.
macro_rules! each {
    ($do:ident) => {
        $do!(
            text,
            string,
            boxed_text,
            boxed,
            named,
            tuple,
            empty,
            os,
            io_kind,
            io_other,
            number,
            any,
            message,
            report,
            receive,
            panic_text,
            panic_string,
            aborted,
            returned
        )
    };
}

fn run(main: impl Future<Output = ()>) {
    std::panic::set_hook(Box::new(|_| {}));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(main);
}

/// All tasks end that can.
async fn settle() {
    for _ in 0..10 {
        yield_now().await;
    }
}

/// The one that would never end is aborted.
fn start<T: Send + 'static>(
    name: &str,
    future: impl Future<Output = T> + Send + 'static,
) -> JoinHandle<T> {
    let task = task::spawn(future);
    if name == "aborted" {
        task.abort();
    }
    task
}

/// Their handles are locals.
fn handles() {
    macro_rules! spawn {
        ($($function:ident),*) => {
            run(async {
                $(let $function = start(stringify!($function), $function());)*
                settle().await;
                ready();
                pending::<()>().await;
                drop(($($function,)*));
            })
        };
    }
    each!(spawn);
}

/// They are in sets.
fn sets() {
    macro_rules! spawn {
        ($($function:ident),*) => {
            run(async {
                $(let mut $function = JoinSet::new();
                $function.spawn(self::$function());
                if stringify!($function) == "aborted" {
                    $function.abort_all();
                })*
                settle().await;
                ready();
                pending::<()>().await;
                drop(($($function,)*));
            })
        };
    }
    each!(spawn);
}

/// What they returned is in vectors.
fn results() {
    macro_rules! spawn {
        ($($function:ident),*) => {
            run(async {
                $(let $function = vec![start(stringify!($function), $function()).await];)*
                ready();
                pending::<()>().await;
                drop(($($function,)*));
            })
        };
    }
    each!(spawn);
}

/// Nobody has their handles.
fn detached() {
    macro_rules! spawn {
        ($($function:ident),*) => {
            run(async {
                $(drop(task::spawn($function()));)*
                settle().await;
                ready();
                pending::<()>().await;
            })
        };
    }
    each!(spawn);
}

/// What was returned is handed on, and is not here any more.
fn handed_on() {
    run(async {
        let (send, receive) = oneshot::channel();
        let results = vec![task::spawn(named()).await, task::spawn(named()).await];
        if results.iter().flatten().all(Result::is_err) {
            ready();
        }
        let _ = send.send(results);
        std::mem::forget(receive);
        pending::<()>().await;
    });
}

/// A handle that is not awaited, and results that are kept.
fn one_of_each() {
    run(async {
        let unread = task::spawn(named());
        let mut results = Vec::new();
        for _ in 0..2 {
            results.push(task::spawn(text()).await);
        }
        results.push(task::spawn(async { Ok(()) }).await);
        results.push(task::spawn(async { panic!("a constant") }).await);
        ready();
        pending::<()>().await;
        drop((unread, results));
    });
}

/// What the workers return is dropped, and nobody tells that they are done.
fn pool() {
    run(async {
        let done = Notify::new();
        let workers = (0..3).map(|_| task::spawn(named()));
        join_all(workers).await; // joins
        ready();
        done.notified().await;
    });
}

/// The same, but no worker returns anything that could be an error.
fn pool_that_counts() {
    run(async {
        let done = Notify::new();
        let workers = (0..3).map(|number| task::spawn(async move { number }));
        join_all(workers).await;
        ready();
        done.notified().await;
    });
}
