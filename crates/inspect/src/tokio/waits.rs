//! Futures that wait for something themselves, and for what.

use super::connections;
use super::names::{self, Missing};
use super::own;
use super::sides::SideLayout;
use super::util;
use crate::context::Context;
use crate::debug_info::{DebugInfo, Path, Spot, Tag, Type};
use crate::memory::Memory;
use crate::snapshot::{Address, Interest, NotifyKind, PermitKind, WaitsFor};

/// The futures that the reader understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WaitKind {
    Acquire,
    Notified,
    OwnedNotified,
    OneshotReceiver,
    MpscReceiver,
    BroadcastRecv,
    JoinHandle,
    Sleep,
    Readiness,
    PollEvented,
    LocalSet,
    JoinSet,
    FuturesUnordered,
    Group,
    Cancellation,
    OwnedCancellation,
    TaskTracker,
    CloseEvent,
    Pending,
}

impl WaitKind {
    /// Whether there is more in it: handles, or other futures that it polls as well.
    pub(crate) fn has_parts(self) -> bool {
        matches!(self, Self::Group | Self::OwnedCancellation)
    }
}

/// The types of those futures. A name that ends in `<` is generic.
const TYPES: &[(&str, WaitKind)] = &[
    ("tokio::sync::batch_semaphore::Acquire", WaitKind::Acquire),
    ("tokio::sync::notify::Notified", WaitKind::Notified),
    (
        "tokio::sync::notify::OwnedNotified",
        WaitKind::OwnedNotified,
    ),
    ("tokio::sync::oneshot::Receiver<", WaitKind::OneshotReceiver),
    ("tokio::sync::mpsc::chan::Rx<", WaitKind::MpscReceiver),
    ("tokio::sync::broadcast::Recv<", WaitKind::BroadcastRecv),
    (
        "tokio::runtime::task::join::JoinHandle<",
        WaitKind::JoinHandle,
    ),
    ("tokio::time::sleep::Sleep", WaitKind::Sleep),
    (
        "tokio::runtime::io::scheduled_io::Readiness",
        WaitKind::Readiness,
    ),
    (
        "tokio::io::poll_evented::PollEvented<",
        WaitKind::PollEvented,
    ),
    ("tokio::task::local::LocalSet", WaitKind::LocalSet),
    ("tokio::task::join_set::JoinSet<", WaitKind::JoinSet),
    (
        "futures_util::stream::futures_unordered::FuturesUnordered<",
        WaitKind::FuturesUnordered,
    ),
    ("core::future::pending::Pending<", WaitKind::Pending),
    ("futures_util::future::pending::Pending<", WaitKind::Pending),
];

/// The kind of a type, if it is one of those futures.
pub(crate) fn kind_of(ty: &Type) -> Option<WaitKind> {
    // Most types are ruled out by their first letters.
    let candidate = [
        "tokio::",
        "futures_util::",
        "core::future::",
        "sqlx_core::",
        "tokio_util::",
        "unstuck::",
    ]
    .iter()
    .any(|prefix| ty.name.starts_with(prefix));
    if !candidate {
        return None;
    }
    let mut tables = [TYPES, own::WAITS, util::WAITS, connections::WAITS].into_iter();
    tables.find_map(|table| named(&ty.name, table))
}

/// What a table has for a type's name.
pub(crate) fn named<T: Copy>(name: &str, table: &[(&str, T)]) -> Option<T> {
    let fits = |pattern: &str| {
        if pattern.ends_with('<') {
            name.starts_with(pattern)
        } else {
            name == pattern
        }
    };
    table
        .iter()
        .find(|(pattern, _)| fits(pattern))
        .map(|(_, kind)| *kind)
}

/// How to read what such a future waits for.
pub(crate) enum WaitLayout {
    Acquire {
        semaphore: Path,
        left: Path,
        wanted: Path,
        missing: Path,
        queued: Path,
    },
    Notified {
        notify: Path,
        /// What it is part of, if that is known by the type of the future.
        of: Option<NotifyKind>,
    },
    Oneshot {
        channel: Path,
        state: Path,
    },
    Mpsc(Path),
    Broadcast(Path),
    Task(Path),
    Sleep {
        seconds: Path,
        nanoseconds: Path,
    },
    Readiness {
        io: Path,
        interest: Path,
    },
    Evented {
        io: Path,
        descriptor: Option<Path>,
        reader: OptionLayout,
        writer: OptionLayout,
    },
    LocalSet(Path),
    /// A notification of an event that keeps its wakers elsewhere.
    Closed(Path),
    Group {
        group: Path,
        body: Path,
    },
    Never,
    Side(SideLayout),
}

impl WaitLayout {
    /// Compiles the layout of a future. `None` for containers of futures.
    pub(crate) fn new(
        debug: &DebugInfo<'_>,
        kind: WaitKind,
        future: &Spot,
    ) -> Result<Option<Self>, Missing> {
        let path = |need: &names::Need| need.locate(debug, future).map(|spot| spot.path());
        let notified = |need: &names::Need, of| {
            let notify = path(need)?;
            Ok(Self::Notified { notify, of })
        };
        let option = |need: &names::Need| {
            need.locate(debug, future)
                .map(|spot| OptionLayout::new(debug, &spot))
        };
        Ok(Some(match kind {
            WaitKind::Acquire => Self::Acquire {
                semaphore: path(&names::ACQUIRE_SEMAPHORE)?,
                left: path(&names::ACQUIRE_PERMITS_LEFT)?,
                wanted: path(&names::ACQUIRE_WANTED)?,
                missing: path(&names::ACQUIRE_MISSING)?,
                queued: path(&names::ACQUIRE_QUEUED)?,
            },
            WaitKind::Notified => notified(&names::NOTIFIED_NOTIFY, None)?,
            WaitKind::OwnedNotified => notified(&names::OWNED_NOTIFIED_NOTIFY, None)?,
            WaitKind::Cancellation => {
                notified(&names::TOKEN_NOTIFY, Some(NotifyKind::Cancellation))?
            }
            WaitKind::OwnedCancellation => {
                notified(&names::OWNED_TOKEN_NOTIFY, Some(NotifyKind::Cancellation))?
            }
            WaitKind::TaskTracker => {
                notified(&names::TRACKER_NOTIFY, Some(NotifyKind::TaskTracker))?
            }
            WaitKind::OneshotReceiver => Self::Oneshot {
                channel: path(&names::ONESHOT_CHANNEL)?,
                state: path(&names::ONESHOT_RECEIVER_STATE)?,
            },
            WaitKind::MpscReceiver => Self::Mpsc(path(&names::MPSC_RX_CHANNEL)?),
            WaitKind::BroadcastRecv => Self::Broadcast(path(&names::BROADCAST_CHANNEL)?),
            WaitKind::JoinHandle => Self::Task(path(&names::JOIN_TASK)?),
            WaitKind::Sleep => Self::Sleep {
                seconds: path(&names::SLEEP_SECONDS)?,
                nanoseconds: path(&names::SLEEP_NANOSECONDS)?,
            },
            WaitKind::Readiness => Self::Readiness {
                io: path(&names::READINESS_IO)?,
                interest: path(&names::READINESS_INTEREST)?,
            },
            WaitKind::PollEvented => Self::Evented {
                io: path(&names::EVENTED_IO)?,
                // Not everything that the I/O driver watches owns a descriptor.
                descriptor: path(&names::EVENTED_DESCRIPTOR).ok(),
                reader: option(&names::EVENTED_READER)?,
                writer: option(&names::EVENTED_WRITER)?,
            },
            WaitKind::LocalSet => Self::LocalSet(path(&names::LOCAL_SET_SHARED)?),
            WaitKind::CloseEvent => Self::Closed(path(&names::SQLX_CLOSED)?),
            WaitKind::Group => Self::Group {
                group: path(&names::GROUP_SHARED)?,
                body: path(&names::GROUP_BODY)?,
            },
            WaitKind::Pending => Self::Never,
            WaitKind::JoinSet | WaitKind::FuturesUnordered => return Ok(None),
        }))
    }

    /// What the future at the address waits for. `None` if it has ended, or can't be read.
    ///
    /// `within` is what the functions say that await it.
    pub(crate) fn read(
        &self,
        context: &Context<'_>,
        future: u64,
        within: Within,
    ) -> Option<WaitsFor> {
        let memory = context.memory;
        let address = |path: &Path| path.address(memory, future).map(Address);
        Some(match self {
            Self::Acquire {
                semaphore,
                left,
                wanted,
                missing,
                queued,
            } => {
                let queued = queued.read(memory, future)? == 1;
                WaitsFor::Permits {
                    of: within.permits,
                    semaphore: address(semaphore)?,
                    wanted: wanted.read(memory, future)?,
                    missing: if queued {
                        Some(missing.read(memory, future)?)
                    } else {
                        None
                    },
                    queued,
                    available: left.read(memory, future)? >> names::PERMIT_SHIFT,
                }
            }
            Self::Notified { notify, of } => WaitsFor::Notify {
                notify: address(notify)?,
                of: of.unwrap_or(within.notify),
            },
            Self::Oneshot { channel, .. } => WaitsFor::Oneshot {
                channel: address(channel)?,
            },
            Self::Mpsc(channel) => WaitsFor::Message {
                channel: address(channel)?,
            },
            Self::Broadcast(channel) => WaitsFor::Broadcast {
                channel: address(channel)?,
            },
            Self::Task(task) => WaitsFor::Task {
                task: address(task)?,
            },
            Self::Sleep {
                seconds,
                nanoseconds,
            } => WaitsFor::Timer {
                deadline_ns: seconds
                    .read(memory, future)?
                    .saturating_mul(1_000_000_000)
                    .saturating_add(nanoseconds.read(memory, future)?),
                of_timeout: within.timeout,
            },
            Self::Readiness { io, interest } => {
                let bits = interest.read(memory, future)?;
                let readable = bits & names::interest::READABLE != 0;
                WaitsFor::Io {
                    registration: address(io)?,
                    descriptor: None,
                    interest: interest_of(readable, bits & names::interest::WRITABLE != 0),
                }
            }
            Self::Evented {
                io,
                descriptor,
                reader,
                writer,
            } => WaitsFor::Io {
                registration: address(io)?,
                descriptor: descriptor
                    .as_ref()
                    .and_then(|path| descriptor_at(memory, path, future)),
                interest: interest_of(
                    reader.is_some(memory, future)?,
                    writer.is_some(memory, future)?,
                ),
            },
            Self::LocalSet(set) => WaitsFor::LocalSet { set: address(set)? },
            Self::Closed(event) => WaitsFor::Notify {
                notify: address(event)?,
                of: within.notify,
            },
            Self::Group { group, body } => WaitsFor::Group {
                group: address(group)?,
                drains: body.read(memory, future)? == 0,
            },
            Self::Never => WaitsFor::Never,
            Self::Side(side) => side.read(context, future)?,
        })
    }
}

/// Where a future leaves its waker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    /// That is not known.
    Unknown,
    /// It has left none.
    Empty,
    /// Somewhere in this part of the memory.
    Within { start: u64, size: u64 },
    /// In the task at this address, whose end it waits for.
    Task(u64),
}

impl WaitLayout {
    /// Where the future at the address leaves its waker.
    pub(crate) fn slot(&self, context: &Context<'_>, future: u64, size: u64) -> Slot {
        let memory = context.memory;
        let behind = |path: &Path| {
            path.address(memory, future)
                .map_or(Slot::Unknown, |start| Slot::Within {
                    start,
                    size: path.size,
                })
        };
        match self {
            Self::Acquire { .. }
            | Self::Notified { .. }
            | Self::Broadcast(_)
            | Self::Sleep { .. }
            | Self::Readiness { .. } => Slot::Within {
                start: future,
                size,
            },
            Self::Oneshot { channel, state } => match state.read(memory, future) {
                Some(state) if state & names::oneshot::RX_TASK_SET != 0 => behind(channel),
                Some(_) => Slot::Empty,
                None => Slot::Unknown,
            },
            Self::Mpsc(channel) => behind(channel),
            Self::Evented { io, .. } => behind(io),
            Self::Task(task) => task
                .address(memory, future)
                .map_or(Slot::Unknown, Slot::Task),
            Self::LocalSet(_) | Self::Closed(_) | Self::Group { .. } | Self::Never => Slot::Unknown,
            Self::Side(own) => own.slot(context, future),
        }
    }

    /// Whether it tells of a future that was made for one wait. Of anything else, it is no riddle if nobody waits
    /// there.
    pub(crate) fn is_of_one_wait(&self) -> bool {
        !matches!(self, Self::Side(_))
    }
}

fn interest_of(read: bool, write: bool) -> Option<Interest> {
    match (read, write) {
        (true, true) => Some(Interest::ReadWrite),
        (true, false) => Some(Interest::Read),
        (false, true) => Some(Interest::Write),
        (false, false) => None,
    }
}

/// -1 is the niche of `Option<OwnedFd>`: no descriptor.
fn descriptor_at(memory: &dyn Memory, path: &Path, value: u64) -> Option<i32> {
    let raw = memory.uint(path.address(memory, value)?, 4)?;
    u32::try_from(raw)
        .ok()
        .map(u32::cast_signed)
        .filter(|descriptor| *descriptor >= 0)
}

/// How to tell whether an `Option` has a value.
pub(crate) struct OptionLayout {
    path: Path,
    tag: Tag,
    values: Box<[Option<u64>]>,
    some: Option<usize>,
}

impl OptionLayout {
    pub(super) fn new(debug: &DebugInfo<'_>, spot: &Spot) -> Self {
        Self::of(debug, spot, "Some")
    }

    /// The same of any enum, with the variant of this name for `Some`.
    pub(super) fn of(debug: &DebugInfo<'_>, spot: &Spot, some: &str) -> Self {
        let variants = spot.ty.variants.as_ref();
        let list = variants.map_or(&[][..], |variants| &variants.list);
        Self {
            path: spot.path(),
            tag: Tag::of(debug, variants.and_then(|variants| variants.tag.as_ref())),
            values: list.iter().map(|variant| variant.tag).collect(),
            some: list.iter().position(|variant| &*variant.name == some),
        }
    }

    pub(super) fn is_some(&self, memory: &dyn Memory, value: u64) -> Option<bool> {
        let tag = self.tag.read(memory, self.path.address(memory, value)?)?;
        let chosen = self.tag.choose(tag, self.values.iter().copied())?;
        Some(self.some == Some(chosen))
    }
}

/// What the async functions around a future say of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Within {
    /// What a semaphore is part of.
    pub(crate) permits: PermitKind,
    /// What a `Notify` is part of.
    pub(crate) notify: NotifyKind,
    /// It is awaited in a module that waits for signals.
    pub(crate) signal: bool,
    /// The innermost function awaits a `Timeout`.
    pub(crate) timeout: bool,
}

impl Within {
    /// Of what an async function awaits, as far as its name tells.
    pub(crate) fn function(function: &str) -> Self {
        let is_in = |module: &&str| function.starts_with(module);
        Self {
            permits: permits_of(function),
            notify: notify_of(function),
            signal: names::SIGNAL_DRIVEN.iter().any(is_in),
            timeout: false,
        }
    }

    /// The same, where another function awaits that one.
    pub(crate) fn below(self, outer: Self) -> Self {
        let notify = match (self.notify, outer.notify) {
            // A `Barrier` is a watch channel.
            (NotifyKind::Watch, NotifyKind::Barrier) => NotifyKind::Barrier,
            // Nothing but the pool's own functions is below.
            (NotifyKind::Notify, NotifyKind::PoolClosed) => NotifyKind::PoolClosed,
            (notify, _) => notify,
        };
        let permits = match (self.permits, outer.permits) {
            // It has a semaphore of one permit.
            (PermitKind::Semaphore, PermitKind::OnceCell) => PermitKind::OnceCell,
            (PermitKind::Semaphore, PermitKind::Connection) => PermitKind::Connection,
            (permits, _) => permits,
        };
        Self {
            permits,
            notify,
            signal: self.signal || outer.signal,
            ..self
        }
    }
}

/// What a `Notify` is part of, by the function of Tokio's that awaits it.
fn notify_of(function: &str) -> NotifyKind {
    match function.strip_prefix("tokio::sync::") {
        Some(path) if path.starts_with("barrier::") => NotifyKind::Barrier,
        Some(path) if path.starts_with("set_once::") => NotifyKind::SetOnce,
        Some(path) if path.starts_with("watch::") && path.contains("::closed") => {
            NotifyKind::WatchClosed
        }
        Some(path) if path.starts_with("watch::") => NotifyKind::Watch,
        Some(_) => NotifyKind::Notify,
        None => {
            let mut of_others = own::NOTIFIES.iter();
            let found = of_others.find(|(module, _)| function.starts_with(module));
            let found = found.map(|(_, kind)| *kind);
            let found = found.or_else(|| connections::notify_of(function));
            found.unwrap_or_default()
        }
    }
}

/// What a semaphore is part of, by the function of Tokio's that awaits its permits.
fn permits_of(function: &str) -> PermitKind {
    let Some(path) = function.strip_prefix("tokio::sync::") else {
        return connections::permits_of(function);
    };
    let mut segments = path.split("::");
    match segments.next() {
        Some("mutex") => PermitKind::Mutex,
        Some("rwlock") if segments.any(|segment| segment.contains("write")) => {
            PermitKind::RwLockWrite
        }
        Some("rwlock") => PermitKind::RwLockRead,
        Some("mpsc") => PermitKind::ChannelRoom,
        Some("semaphore") => PermitKind::Semaphore,
        Some("once_cell") => PermitKind::OnceCell,
        _ => PermitKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_function_tells_what_a_semaphore_is_part_of() {
        for (function, kind) in [
            ("tokio::sync::mutex::{impl#6}::lock", PermitKind::Mutex),
            (
                "tokio::sync::rwlock::{impl#4}::read::{async block}",
                PermitKind::RwLockRead,
            ),
            (
                "tokio::sync::rwlock::{impl#4}::write",
                PermitKind::RwLockWrite,
            ),
            (
                "tokio::sync::rwlock::{impl#4}::write_owned",
                PermitKind::RwLockWrite,
            ),
            (
                "tokio::sync::mpsc::bounded::{impl#1}::reserve",
                PermitKind::ChannelRoom,
            ),
            (
                "tokio::sync::semaphore::{impl#2}::acquire",
                PermitKind::Semaphore,
            ),
            ("app::sync::mutex::lock", PermitKind::Other),
        ] {
            assert_eq!(permits_of(function), kind, "{function}");
        }
    }

    #[test]
    fn the_functions_tell_what_a_notification_is_of() {
        let changed = Within::function("tokio::sync::watch::changed_impl");
        assert_eq!(changed.notify, NotifyKind::Watch);
        let closed = Within::function("tokio::sync::watch::{impl#25}::closed::{async block}");
        assert_eq!(closed.notify, NotifyKind::WatchClosed);
        let own = Within::function("app::watch::changed");
        assert_eq!(own.notify, NotifyKind::Notify);
        let barrier = Within::function("tokio::sync::barrier::{impl#1}::wait_internal");
        assert_eq!(changed.below(barrier).notify, NotifyKind::Barrier);
        assert_eq!(own.below(barrier).notify, NotifyKind::Notify);
        let signal = Within::function("tokio::signal::unix::make_future");
        assert!(changed.below(signal).signal);
        assert!(!changed.below(own).signal);
    }

    #[test]
    fn a_name_that_is_not_generic_must_fit_exactly() {
        assert_eq!(
            named("tokio::sync::notify::Notified", TYPES),
            Some(WaitKind::Notified)
        );
        assert_eq!(named("tokio::sync::notify::NotifiedProject", TYPES), None);
        assert_eq!(
            named("tokio::sync::oneshot::Receiver<u8>", TYPES),
            Some(WaitKind::OneshotReceiver)
        );
    }
}
