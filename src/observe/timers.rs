//! Whether a timer of the runtime is set, as its workers show.
//!
//! A worker parks until the first timer goes off, or without an end if there is none. Linux tells which of the
//! two it is: in what call of the system a thread sleeps, and with what time-out. That holds for timers, too, of
//! futures that are not understood.

use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;

use super::Observer;
use crate::sync::lock;

/// What is known of the timers of a runtime as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Timers {
    /// Nothing.
    #[default]
    Unknown,
    /// None is set.
    None,
    /// The first of them goes off so long, or longer, after the runtime has come to rest.
    Set(Duration),
}

impl Observer {
    /// Looks at the workers of a runtime that is at rest.
    pub(super) fn timers(&self, runtime: &Handle) -> Timers {
        // A worker counts as parked some microseconds before it sleeps.
        const TRIES: usize = 10;
        for _ in 0..TRIES {
            if !self.is_idle(runtime) {
                break;
            }
            let timers = self.timers_now(runtime);
            if timers != Timers::Unknown {
                return timers;
            }
            thread::sleep(Duration::from_millis(1));
        }
        Timers::Unknown
    }

    fn timers_now(&self, runtime: &Handle) -> Timers {
        let metrics = runtime.metrics();
        let seats = lock(&self.0.seats);
        let thread = |worker| {
            let id = metrics.worker_thread_id(worker)?;
            seats.iter().find(|seat| seat.id == id)?.thread
        };
        let mut first = Timers::None;
        for worker in 0..metrics.num_workers() {
            first = match (thread(worker).and_then(sleep_of), first) {
                (None, _) => return Timers::Unknown,
                (Some(Sleep::Endless), first) => first,
                (Some(Sleep::For(time)), Timers::Set(first)) => Timers::Set(first.min(time)),
                (Some(Sleep::For(time)), _) => Timers::Set(time),
            };
        }
        first
    }
}

/// How long a thread sleeps.
#[derive(Debug, PartialEq, Eq)]
enum Sleep {
    /// Until it is woken.
    Endless,
    /// So long at least.
    For(Duration),
}

#[cfg(target_os = "linux")]
fn sleep_of(thread: u64) -> Option<Sleep> {
    let call = std::fs::read_to_string(format!("/proc/self/task/{thread}/syscall"));
    parse(&call.ok()?)
}

/// Reads the number of a call and its arguments, of which the fourth is the time-out.
#[cfg(target_os = "linux")]
fn parse(call: &str) -> Option<Sleep> {
    const EPOLL: &[libc::c_long] = &[
        libc::SYS_epoll_pwait,
        #[cfg(any(target_arch = "s390x", target_arch = "x86", target_arch = "x86_64"))]
        libc::SYS_epoll_wait,
    ];
    let mut words = call.split_whitespace();
    let number = words.next()?.parse().ok()?;
    let time_out = words.nth(3)?.strip_prefix("0x")?;
    let time_out = u64::from_str_radix(time_out, 16).ok()?;
    if EPOLL.contains(&number) {
        // Milliseconds in an `int`, of which one below zero is none.
        let time_out = u32::try_from(time_out & 0xffff_ffff).ok()?.cast_signed();
        let time_out = u64::try_from(time_out).map(Duration::from_millis);
        return Some(time_out.map_or(Sleep::Endless, Sleep::For));
    }
    // Where that lies in memory, and so not how long it is.
    (number == libc::SYS_futex).then_some(match time_out {
        0 => Sleep::Endless,
        _ => Sleep::For(Duration::ZERO),
    })
}

#[cfg(not(target_os = "linux"))]
fn sleep_of(_thread: u64) -> Option<Sleep> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::sync::Arc;

    use tokio::runtime::{Builder, Runtime};
    use tokio::sync::Notify;
    use tokio::time::{sleep, timeout};

    use super::*;

    const LONG: Duration = Duration::from_secs(100);

    fn parked(mut builder: Builder) -> (Observer, Runtime, Arc<Notify>) {
        let observer = Observer::new();
        observer.attach(&mut builder);
        let runtime = builder.build().unwrap();
        let notify = Arc::new(Notify::new());
        for _ in 0..3 {
            let notify = Arc::clone(&notify);
            runtime.spawn(async move {
                notify.notified().await;
                let _ = timeout(2 * LONG, sleep(LONG)).await;
            });
        }
        assert!(observer.settle(runtime.handle()));
        (observer, runtime, notify)
    }

    #[test]
    fn it_is_seen_whether_a_timer_is_set_and_how_long_it_is_until_the_first_goes_off() {
        for workers in 1..4 {
            for has_io in [true, false] {
                let mut builder = Builder::new_multi_thread();
                builder.worker_threads(workers).enable_time();
                if has_io {
                    builder.enable_io();
                }
                let (observer, runtime, notify) = parked(builder);
                assert_eq!(observer.timers(runtime.handle()), Timers::None);
                notify.notify_waiters();
                assert!(observer.settle(runtime.handle()));
                let Timers::Set(time) = observer.timers(runtime.handle()) else {
                    panic!("{workers} workers, with I/O: {has_io}");
                };
                let expected = if has_io { LONG } else { Duration::ZERO };
                assert!(time <= expected && time + LONG / 2 >= expected, "{time:?}");
            }
        }
    }

    #[test]
    fn a_call_that_is_none_of_a_parked_worker_tells_nothing() {
        let epoll = libc::SYS_epoll_pwait;
        for (call, sleep) in [
            ("running".to_owned(), None),
            ("-1 0x0 0x0".to_owned(), None),
            (format!("{} 0x0 0x0 0x0 0x0", libc::SYS_read), None),
            (
                format!("{epoll} 0x3 0x7f 0x400 0xffffffff 0x0"),
                Some(Sleep::Endless),
            ),
            (
                format!("{epoll} 0x3 0x7f 0x400 0xffffffffffffffff 0x0"),
                Some(Sleep::Endless),
            ),
            (
                format!("{epoll} 0x3 0x7f 0x400 0x3e8 0x0"),
                Some(Sleep::For(Duration::from_secs(1))),
            ),
        ] {
            assert_eq!(parse(&call), sleep, "{call}");
        }
    }
}
