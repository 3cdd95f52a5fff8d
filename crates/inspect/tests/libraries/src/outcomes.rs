//! Tasks that ended, and who has what they returned.

use std::error::Error;
use std::future::pending;
use std::io;
use std::num::ParseIntError;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::oneshot;
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

/// Calls a macro with each of the functions.
macro_rules! each {
    ($do:ident) => {
        $do!(
            text, string, boxed_text, boxed, named, tuple, empty, os, io_kind, io_other, number,
            any, message, report, receive, panic_text, panic_string, aborted, returned
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
pub(crate) fn handles() {
    macro_rules! spawn {
        ($($function:ident),*) => {
            run(async {
                $(let $function = start(stringify!($function), $function());)*
                settle().await;
                crate::ready();
                pending::<()>().await;
                drop(($($function,)*));
            })
        };
    }
    each!(spawn);
}

/// They are in sets.
pub(crate) fn sets() {
    macro_rules! spawn {
        ($($function:ident),*) => {
            run(async {
                $(let mut $function = JoinSet::new();
                $function.spawn(self::$function());
                if stringify!($function) == "aborted" {
                    $function.abort_all();
                })*
                settle().await;
                crate::ready();
                pending::<()>().await;
                drop(($($function,)*));
            })
        };
    }
    each!(spawn);
}

/// What they returned is in vectors.
pub(crate) fn results() {
    macro_rules! spawn {
        ($($function:ident),*) => {
            run(async {
                $(let $function = vec![start(stringify!($function), $function()).await];)*
                crate::ready();
                pending::<()>().await;
                drop(($($function,)*));
            })
        };
    }
    each!(spawn);
}

/// Nobody has their handles.
pub(crate) fn detached() {
    macro_rules! spawn {
        ($($function:ident),*) => {
            run(async {
                $(drop(task::spawn($function()));)*
                settle().await;
                crate::ready();
                pending::<()>().await;
            })
        };
    }
    each!(spawn);
}

/// What was returned is handed on, and is not here any more.
pub(crate) fn handed_on() {
    run(async {
        let (send, receive) = oneshot::channel();
        let results = vec![task::spawn(named()).await, task::spawn(named()).await];
        if results.iter().any(Result::is_err) {
            crate::ready();
        }
        let _ = send.send(results);
        std::mem::forget(receive);
        pending::<()>().await;
    });
}
