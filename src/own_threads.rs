//! The threads that only watch the program. They are no part of what it does, so they are left out of what is read of
//! it.

use std::collections::BTreeSet;
use std::io;
use std::sync::Mutex;
use std::thread::{self, JoinHandle};

use crate::sync::lock;

/// By their ids, as anybody may give a thread any name.
static OWN: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// Starts a thread that only watches.
///
/// It is left out from its first moment but one to its last but one. In those it is taken for a thread of the program,
/// which may wake anything: no verdict is wrong for that.
pub(crate) fn start<T: Send + 'static>(
    name: &str,
    watch: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    thread::Builder::new().name(name.to_owned()).spawn(|| {
        let _own = Own::this_thread();
        watch()
    })
}

/// Makes this thread one of them for as long as the returned value is kept.
pub(crate) fn join() -> impl Drop {
    Own::this_thread()
}

/// Makes this thread one of them until it ends.
pub(crate) fn mark() {
    thread_local! {
        static MARK: Own = Own::this_thread();
    }
    MARK.with(|_| ());
}

/// Makes this thread one of them as long as `watch` runs.
#[cfg(all(tokio_unstable, feature = "demo"))]
#[inline(never)]
pub(crate) fn here<T>(watch: impl FnOnce() -> T) -> T {
    let _own = Own::this_thread();
    watch()
}

/// Makes the main thread one of them for good, unless it is this one: it is that of the test harness, and only waits.
pub(crate) fn leave_out_harness() {
    let main = std::process::id();
    if this_thread() != Some(main) {
        lock(&OWN).insert(main);
    }
}

/// The ids of all of them.
pub(crate) fn ids() -> Vec<u32> {
    lock(&OWN).iter().copied().collect()
}

/// A thread is left out as long as this is kept.
struct Own(Option<u32>);

impl Own {
    fn this_thread() -> Self {
        let id = this_thread();
        lock(&OWN).extend(id);
        Self(id)
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if let Some(id) = self.0 {
            lock(&OWN).remove(&id);
        }
    }
}

/// None where the system does not tell: there no process can be read, either.
fn this_thread() -> Option<u32> {
    let link = std::fs::read_link("/proc/thread-self").ok()?;
    link.file_name()?.to_str()?.parse().ok()
}
