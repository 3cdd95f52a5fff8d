//! Texts of errors whose `Display` may fail or panic.

use std::fmt::{self, Display, Formatter};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Prints what a `Display` writes. If it panics or fails, a placeholder follows what it has written by then.
pub(super) struct Printable<'e, E: ?Sized>(pub(super) &'e E);

impl<E: Display + ?Sized> Display for Printable<'_, E> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match catch_unwind(AssertUnwindSafe(|| self.0.fmt(f))) {
            Ok(Ok(())) => Ok(()),
            // If it was the writer that failed, it fails again here, and that is returned.
            Ok(Err(fmt::Error)) => f.write_str("<error whose Display failed>"),
            Err(_) => f.write_str("<error whose Display panicked>"),
        }
    }
}
