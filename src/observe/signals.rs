//! Which signals the process listens to: one may wake a task that is not seen to wait for it.

use std::sync::atomic::{AtomicU64, Ordering};

/// A bit for each signal that is listened to by those who watch.
static OWN: AtomicU64 = AtomicU64::new(0);

/// Leaves out the signal of that number, counted from 1: whoever watches is about to listen to it.
pub(crate) fn leave_out_signal(number: i32) {
    if let Ok(bit @ 0..64) = u32::try_from(number - 1) {
        OWN.fetch_or(1 << bit, Ordering::Relaxed);
    }
}

/// A bit for each signal that others listen to. None where the system does not tell.
pub(super) fn caught() -> Option<u64> {
    handled().map(|handled| handled & !OWN.load(Ordering::Relaxed))
}

/// A bit for each signal for which a handler is set.
#[cfg(target_os = "linux")]
fn handled() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let mask = super::threads::field(&status, "SigCgt")?;
    u64::from_str_radix(mask, 16).ok()
}

#[cfg(not(target_os = "linux"))]
fn handled() -> Option<u64> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use tokio::signal::unix::{SignalKind, signal};

    use super::*;

    #[tokio::test]
    async fn a_signal_is_caught_once_somebody_listens_to_it_unless_that_is_part_of_the_watching() {
        let is_caught = |signal: SignalKind| {
            let bit = 1 << (signal.as_raw_value() - 1);
            caught().unwrap() & bit != 0
        };
        let (programs, own) = (SignalKind::window_change(), SignalKind::alarm());
        let _listeners = [programs, own].map(|kind| signal(kind).unwrap());
        assert!(is_caught(programs) && is_caught(own));
        leave_out_signal(own.as_raw_value());
        assert!(is_caught(programs) && !is_caught(own));
    }
}
