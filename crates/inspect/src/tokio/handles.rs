//! Values that others may wait for, or that keep something alive.

use std::sync::Arc;

use super::connections;
use super::names::{self, Missing};
use super::waits::{OptionLayout, named};
use super::{async_channel, flume, futures_channel, own, util};
use crate::context::Context;
use crate::debug_info::{DebugInfo, Path, Spot, Type};
use crate::memory::Memory;
use crate::snapshot::{Counts, HandleKind};

/// The types of handles, of Tokio and of locks that block their threads. A name that ends in `<` is generic.
const TYPES: &[(&str, HandleKind)] = &[
    ("tokio::sync::mpsc::chan::Tx<", HandleKind::MpscSender),
    (
        "tokio::sync::mpsc::bounded::WeakSender<",
        HandleKind::MpscWeakSender,
    ),
    (
        "tokio::sync::mpsc::unbounded::WeakUnboundedSender<",
        HandleKind::MpscWeakSender,
    ),
    ("tokio::sync::mpsc::chan::Rx<", HandleKind::MpscReceiver),
    (
        "tokio::sync::mpsc::bounded::Permit<",
        HandleKind::MpscPermit,
    ),
    (
        "tokio::sync::mpsc::bounded::OwnedPermit<",
        HandleKind::MpscPermit,
    ),
    ("tokio::sync::oneshot::Sender<", HandleKind::OneshotSender),
    (
        "tokio::sync::oneshot::Receiver<",
        HandleKind::OneshotReceiver,
    ),
    ("tokio::sync::watch::Sender<", HandleKind::WatchSender),
    ("tokio::sync::watch::Receiver<", HandleKind::WatchReceiver),
    (
        "tokio::sync::broadcast::Sender<",
        HandleKind::BroadcastSender,
    ),
    (
        "tokio::sync::broadcast::WeakSender<",
        HandleKind::BroadcastWeakSender,
    ),
    (
        "tokio::sync::broadcast::Receiver<",
        HandleKind::BroadcastReceiver,
    ),
    ("tokio::sync::mutex::MutexGuard<", HandleKind::MutexGuard),
    (
        "tokio::sync::mutex::OwnedMutexGuard<",
        HandleKind::MutexGuard,
    ),
    (
        "tokio::sync::mutex::MappedMutexGuard<",
        HandleKind::MutexGuard,
    ),
    (
        "tokio::sync::mutex::OwnedMappedMutexGuard<",
        HandleKind::MutexGuard,
    ),
    (
        "tokio::sync::rwlock::read_guard::RwLockReadGuard<",
        HandleKind::RwLockReadGuard,
    ),
    (
        "tokio::sync::rwlock::owned_read_guard::OwnedRwLockReadGuard<",
        HandleKind::RwLockReadGuard,
    ),
    (
        "tokio::sync::rwlock::write_guard::RwLockWriteGuard<",
        HandleKind::RwLockWriteGuard,
    ),
    (
        "tokio::sync::rwlock::write_guard_mapped::RwLockMappedWriteGuard<",
        HandleKind::RwLockWriteGuard,
    ),
    (
        "tokio::sync::rwlock::owned_write_guard::OwnedRwLockWriteGuard<",
        HandleKind::RwLockWriteGuard,
    ),
    (
        "tokio::sync::rwlock::owned_write_guard_mapped::OwnedRwLockMappedWriteGuard<",
        HandleKind::RwLockWriteGuard,
    ),
    (
        "tokio::sync::semaphore::SemaphorePermit",
        HandleKind::SemaphorePermit { permits: 0 },
    ),
    (
        "tokio::sync::semaphore::OwnedSemaphorePermit",
        HandleKind::SemaphorePermit { permits: 0 },
    ),
    (
        "tokio::runtime::task::join::JoinHandle<",
        HandleKind::JoinHandle,
    ),
    (
        "tokio::runtime::task::abort::AbortHandle",
        HandleKind::AbortHandle,
    ),
    (
        "std::sync::poison::mutex::MutexGuard<",
        HandleKind::SyncMutexGuard,
    ),
    ("lock_api::mutex::MutexGuard<", HandleKind::SyncMutexGuard),
    (
        "lock_api::mutex::ArcMutexGuard<",
        HandleKind::SyncMutexGuard,
    ),
    (
        "std::sync::poison::rwlock::RwLockReadGuard<",
        HandleKind::SyncReadGuard,
    ),
    (
        "lock_api::rwlock::RwLockReadGuard<",
        HandleKind::SyncReadGuard,
    ),
    (
        "lock_api::rwlock::ArcRwLockReadGuard<",
        HandleKind::SyncReadGuard,
    ),
    (
        "lock_api::rwlock::MappedRwLockReadGuard<",
        HandleKind::SyncReadGuard,
    ),
    (
        "lock_api::rwlock::RwLockUpgradableReadGuard<",
        HandleKind::SyncReadGuard,
    ),
    (
        "std::sync::poison::rwlock::RwLockWriteGuard<",
        HandleKind::SyncWriteGuard,
    ),
    (
        "lock_api::rwlock::RwLockWriteGuard<",
        HandleKind::SyncWriteGuard,
    ),
    (
        "lock_api::rwlock::ArcRwLockWriteGuard<",
        HandleKind::SyncWriteGuard,
    ),
    (
        "lock_api::rwlock::MappedRwLockWriteGuard<",
        HandleKind::SyncWriteGuard,
    ),
];

const ARC: &str = "alloc::sync::Arc<";

/// Pointers that count how many of them there are.
const SHARED: &[(&str, HandleKind)] = &[
    (ARC, HandleKind::Arc),
    ("alloc::sync::Weak<", HandleKind::Weak),
    ("alloc::rc::Rc<", HandleKind::Rc),
];

/// The libraries that have such types, each with the start of its names.
const LIBRARIES: &[(&str, &[(&str, HandleKind)])] = &[
    ("tokio::", TYPES),
    ("std::sync::", TYPES),
    ("lock_api::", TYPES),
    (futures_channel::LIBRARY, futures_channel::HANDLES),
    (flume::LIBRARY, flume::HANDLES),
    (async_channel::LIBRARY, async_channel::HANDLES),
    ("tokio_util::", util::HANDLES),
    ("unstuck::", own::HANDLES),
];

/// The primitives. A shared value with one of them in it is worth noting.
const PRIMITIVES: &[&str] = &[
    "tokio::sync::",
    futures_channel::LIBRARY,
    flume::CHANNEL,
    async_channel::CHANNEL,
];

/// What runs tasks, timers and I/O. It holds tasks and wakers, which are read in other ways, and nothing of the
/// program.
const OPAQUE: &str = "tokio::runtime::";

/// Stores a count.
pub(super) type Store = fn(&mut Counts, u64);

/// Where the counts of a primitive are: the nearest fields with these names.
const COUNTS: &[(&str, Store)] = &[
    ("tx_count", |counts, count| counts.senders = Some(count)),
    ("tx_weak_count", |counts, count| {
        counts.weak_senders = Some(count);
    }),
    ("ref_count_tx", |counts, count| counts.senders = Some(count)),
    ("ref_count_rx", |counts, count| {
        counts.receivers = Some(count);
    }),
    ("num_tx", |counts, count| counts.senders = Some(count)),
    ("num_weak_tx", |counts, count| {
        counts.weak_senders = Some(count);
    }),
    ("num_senders", |counts, count| {
        counts.senders = Some(count);
    }),
    ("sender_count", |counts, count| {
        counts.senders = Some(count);
    }),
    ("receiver_count", |counts, count| {
        counts.receivers = Some(count);
    }),
    ("rx_cnt", |counts, count| counts.receivers = Some(count)),
    ("permits", |counts, count| {
        counts.permits = Some(count >> names::PERMIT_SHIFT);
    }),
];

/// How many guards the state of such a lock means.
type Holders = fn(u64) -> u64;

/// The locks inside those locks, their fields with the state, and what that means.
const LOCKS: &[(&str, &str, Holders)] = &[
    ("std::sys::sync::mutex::futex::Mutex", "futex", |state| {
        u64::from(state != 0)
    }),
    ("std::sys::sync::rwlock::futex::RwLock", "state", |state| {
        const WRITTEN: u64 = (1 << 30) - 1;
        match state & WRITTEN {
            WRITTEN => 1,
            readers => readers,
        }
    }),
    ("parking_lot::raw_mutex::RawMutex", "state", |state| {
        state & 1
    }),
    ("parking_lot::raw_rwlock::RawRwLock", "state", |state| {
        const WRITER: u64 = 0b1000;
        if state & WRITER == 0 { state >> 4 } else { 1 }
    }),
    ("dashmap::lock::RawRwLock", "state", |state| {
        const WRITER: u64 = !0b11;
        match state & WRITER {
            WRITER => 1,
            readers => readers >> 2,
        }
    }),
];

/// The kind of a type, if it is a handle.
pub(crate) fn kind_of(ty: &Type) -> Option<HandleKind> {
    let mut libraries = LIBRARIES.iter();
    let own = libraries.find(|(start, _)| ty.name.starts_with(start));
    let kind = own.and_then(|(_, types)| named(&ty.name, types));
    kind.or_else(|| connections::handle(&ty.name))
}

/// Whether there is more in such a handle.
pub(crate) fn has_parts(kind: HandleKind) -> bool {
    kind == HandleKind::Connection
}

/// The kind of a type, if it is an `Arc`, `Rc` or `Weak`.
pub(crate) fn shared_kind_of(ty: &Type) -> Option<HandleKind> {
    if ty.name.starts_with("alloc::") {
        named(&ty.name, SHARED)
    } else {
        None
    }
}

pub(crate) fn is_primitive(ty: &Type) -> bool {
    PRIMITIVES.iter().any(|prefix| ty.name.starts_with(prefix))
}

/// Whether what is in a value of this type is read in other ways.
pub(crate) fn is_opaque(ty: &Type) -> bool {
    ty.name.starts_with(OPAQUE)
}

/// How to read the counts of an object.
fn counts_of(debug: &DebugInfo<'_>, object: &Spot) -> Result<Vec<(Store, Path)>, Missing> {
    if is_primitive(&object.ty) {
        let named = COUNTS.iter();
        let named = named.filter_map(|(name, to)| Some((*to, object.named(debug, name)?.path())));
        return Ok(named.collect());
    }
    let of_others = [own::COUNTS, util::COUNTS, connections::COUNTS]
        .into_iter()
        .flatten();
    let own = of_others.filter(|count| object.ty.name.starts_with(count.of));
    own.map(|count| Ok((count.store, count.at.locate(debug, object)?.path())))
        .collect()
}

/// A count of an object that is not Tokio's.
pub(super) struct Count {
    /// How the name of its type starts.
    pub(super) of: &'static str,
    pub(super) at: names::Need,
    pub(super) store: Store,
}

/// The name that an object was given, in a `String`.
pub(super) struct Label {
    /// How the name of the object's type starts.
    pub(super) of: &'static str,
    pub(super) text: names::Need,
    pub(super) length: names::Need,
}

/// How to read a text.
struct TextLayout {
    text: Path,
    length: Path,
}

impl TextLayout {
    /// `None` if objects of this type have no names, or it is not known where they are.
    fn of_label(debug: &DebugInfo<'_>, object: &Spot) -> Option<Self> {
        let mut labels = own::LABELS.iter();
        let label = labels.find(|label| object.ty.name.starts_with(label.of))?;
        Some(Self {
            text: label.text.locate(debug, object).ok()?.path(),
            length: label.length.locate(debug, object).ok()?.path(),
        })
    }

    /// `None` if it is empty, or longer than a name.
    fn read(&self, memory: &dyn Memory, address: u64) -> Option<String> {
        const MOST: u64 = 200;
        let length = self.length.read(memory, address)?;
        let length = usize::try_from(length)
            .ok()
            .filter(|_| (1..=MOST).contains(&length))?;
        let mut text = vec![0; length];
        memory
            .read(self.text.read(memory, address)?, &mut text)
            .ok()?;
        String::from_utf8(text).ok()
    }
}

/// How to read a handle.
pub(crate) struct HandleLayout {
    kind: HandleKind,
    pub(crate) size: u64,
    object: Path,
    pub(crate) object_type: Arc<Type>,
    permits: Option<Path>,
    strong: Option<Path>,
    weak: Option<Path>,
    counts: Vec<(Store, Path)>,
    label: Option<Box<TextLayout>>,
    lock: Option<LockLayout>,
    /// What it has to have to be one.
    value: Option<OptionLayout>,
}

/// How to read a lock that blocks its threads.
struct LockLayout {
    state: Path,
    holders: Holders,
    poisoned: Option<Path>,
}

impl LockLayout {
    fn new(debug: &DebugInfo<'_>, lock: &Spot) -> Option<Self> {
        LOCKS.iter().find_map(|(ty, state, holders)| {
            Some(Self {
                state: lock.typed(debug, ty)?.field(debug, state)?.path(),
                holders: *holders,
                poisoned: lock
                    .typed(debug, "std::sync::poison::Flag")
                    .map(|flag| flag.path()),
            })
        })
    }
}

impl HandleLayout {
    pub(crate) fn new(
        debug: &DebugInfo<'_>,
        kind: HandleKind,
        handle: &Spot,
    ) -> Result<Self, Missing> {
        let size = handle.offset().unwrap_or(0) + handle.ty.size;
        let permits = names::PERMIT_COUNT.locate(debug, handle);
        let connection = connections::of_type(&handle.ty.name);
        let value = connection.and_then(|it| it.value.as_ref());
        let value = value.map(|value| value.locate(debug, handle)).transpose()?;
        let value = value.map(|value| OptionLayout::new(debug, &value));
        let reference = connection.map(|it| it.pool.locate(debug, handle));
        let handle = &reference.transpose()?.unwrap_or_else(|| handle.clone());
        // An owned guard has a pointer to the value beside the `Arc` of the lock.
        let owner = handle.typed(debug, ARC);
        let handle = owner.as_ref().unwrap_or(handle);
        let target = names::POINTER.locate(debug, handle)?;
        let counted = target.ty.field("strong").is_some();
        let object = if counted {
            handle.shared(debug).unwrap_or(target)
        } else {
            target
        };
        let path = |need: &names::Need| need.locate(debug, handle).map(|spot| spot.path());
        let permits = match kind {
            HandleKind::SemaphorePermit { .. } => Some(permits?.path()),
            _ => None,
        };
        let counts = counts_of(debug, &object)?;
        let label = TextLayout::of_label(debug, &object).map(Box::new);
        let lock = match kind {
            HandleKind::SyncMutexGuard | HandleKind::SyncReadGuard | HandleKind::SyncWriteGuard => {
                LockLayout::new(debug, &object)
            }
            _ => None,
        };
        Ok(Self {
            kind,
            size,
            label,
            lock,
            value,
            object: object.path(),
            object_type: object.ty.clone(),
            permits,
            strong: if counted {
                Some(path(&names::ARC_STRONG)?)
            } else {
                None
            },
            weak: if counted {
                Some(path(&names::ARC_WEAK)?)
            } else {
                None
            },
            counts,
        })
    }

    /// What the handle at the address is, and the address of what it refers to. `None` if it refers to nothing.
    pub(crate) fn read(&self, context: &Context<'_>, handle: u64) -> Option<(HandleKind, u64)> {
        let value = self.value.as_ref();
        if value.is_some_and(|value| value.is_some(context.memory, handle) != Some(true)) {
            return None;
        }
        let object = self.object.address(context.memory, handle)?;
        // `Weak::new()` points nowhere.
        context.memory.uint(object, 1)?;
        let kind = match (self.kind, &self.permits) {
            (HandleKind::SemaphorePermit { .. }, Some(path)) => HandleKind::SemaphorePermit {
                permits: path.read(context.memory, handle)?,
            },
            (kind, _) => kind,
        };
        Some((kind, object))
    }

    /// Whether the handle is one of those that own the object together.
    pub(crate) fn owns(&self) -> bool {
        self.strong.is_some()
    }

    /// The name that the object was given.
    pub(crate) fn label(&self, context: &Context<'_>, handle: u64) -> Option<String> {
        self.label.as_ref()?.read(context.memory, handle)
    }

    /// How many handles there are, by the object's own count.
    pub(crate) fn counts(&self, context: &Context<'_>, handle: u64) -> Counts {
        let read = |path: &Option<Path>| {
            path.as_ref()
                .and_then(|path| path.read(context.memory, handle))
        };
        let mut counts = Counts {
            strong: read(&self.strong),
            ..Counts::default()
        };
        counts.weak = read(&self.weak).map(|weak| weak_handles(counts.strong, weak));
        for (set, path) in &self.counts {
            if let Some(count) = path.read(context.memory, handle) {
                set(&mut counts, count);
            }
        }
        if flume::is_channel(&self.object_type) {
            counts.weak_senders = counts.weak;
        } else if async_channel::is_channel(&self.object_type) {
            counts.weak_senders = async_channel::weak_senders(&counts);
        }
        if let Some(lock) = &self.lock {
            let state = lock.state.read(context.memory, handle);
            counts.holders = state.map(lock.holders);
            counts.poisoned = read(&lock.poisoned).map(|poisoned| poisoned != 0);
        }
        counts
    }
}

/// All strong ones together have one weak count.
fn weak_handles(strong: Option<u64>, weak: u64) -> u64 {
    if strong == Some(0) {
        weak
    } else {
        weak.saturating_sub(1)
    }
}

/// How to read an `Arc`, `Rc` or `Weak` of a trait object.
pub(crate) struct TraitHandleLayout {
    kind: HandleKind,
    pub(crate) size: u64,
    pointer: Path,
    vtable: Path,
    strong: Path,
    weak: Path,
    /// Where the value is that is shared, if it does not need to be aligned to more.
    data: u64,
}

/// A shared value behind a trait object.
pub(crate) struct TraitHandle {
    pub(crate) kind: HandleKind,
    pub(crate) object: u64,
    pub(crate) ty: Arc<Type>,
    pub(crate) counts: Counts,
}

impl TraitHandleLayout {
    pub(crate) fn new(
        debug: &DebugInfo<'_>,
        kind: HandleKind,
        handle: &Spot,
    ) -> Result<Self, Missing> {
        let wide = names::TRAIT_POINTER.locate(debug, handle)?;
        let shared = names::TRAIT_SHARED.locate(debug, &wide)?;
        // Where a part is does not depend on the way to the whole.
        let shared = Spot::whole(shared.ty);
        let value = names::TRAIT_VALUE.locate(debug, &shared)?;
        Ok(Self {
            kind,
            size: handle.ty.size,
            pointer: names::WIDE_POINTER.locate(debug, &wide)?.path(),
            vtable: names::WIDE_VTABLE.locate(debug, &wide)?.path(),
            strong: names::TRAIT_STRONG.locate(debug, &shared)?.path(),
            weak: names::TRAIT_WEAK.locate(debug, &shared)?.path(),
            data: value.offset().unwrap_or(0),
        })
    }

    /// What the handle at the address refers to. `None` if it refers to nothing, or its type is not described.
    pub(crate) fn read(&self, context: &Context<'_>, handle: u64) -> Option<TraitHandle> {
        let (debug, memory) = (context.debug, context.memory);
        let shared = self.pointer.read(memory, handle)?;
        let ty = debug.ty(debug.type_behind(self.vtable.read(memory, handle)?)?);
        let strong = self.strong.read(memory, shared)?;
        let weak = self.weak.read(memory, shared)?;
        let align = ty.align.checked_next_power_of_two()?;
        let data = self.data.checked_next_multiple_of(align)?;
        Some(TraitHandle {
            kind: self.kind,
            object: shared.wrapping_add(data),
            ty,
            counts: Counts {
                strong: Some(strong),
                weak: Some(weak_handles(Some(strong), weak)),
                ..Counts::default()
            },
        })
    }
}
