//! Values that others may wait for, or that keep something alive.

use super::names::{self, Missing};
use super::waits::named;
use crate::context::Context;
use crate::debug_info::{DebugInfo, Path, Spot, Type};
use crate::snapshot::{Counts, HandleKind};

/// The types of handles. A name that ends in `<` is generic.
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
];

/// Pointers that count how many of them there are.
const SHARED: &[(&str, HandleKind)] = &[
    ("alloc::sync::Arc<", HandleKind::Arc),
    ("alloc::sync::Weak<", HandleKind::Weak),
    ("alloc::rc::Rc<", HandleKind::Rc),
];

/// The primitives. A shared value with one of them in it is worth noting.
const PRIMITIVES: &str = "tokio::sync::";

/// Stores a count.
type Store = fn(&mut Counts, u64);

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
    ("rx_cnt", |counts, count| counts.receivers = Some(count)),
    ("permits", |counts, count| {
        counts.permits = Some(count >> names::PERMIT_SHIFT);
    }),
];

/// The kind of a type, if it is a handle of Tokio's.
pub(crate) fn kind_of(ty: &Type) -> Option<HandleKind> {
    if ty.name.starts_with("tokio::") {
        named(&ty.name, TYPES)
    } else {
        None
    }
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
    ty.name.starts_with(PRIMITIVES)
}

/// How to read a handle.
pub(crate) struct HandleLayout {
    kind: HandleKind,
    object: Path,
    pub(crate) object_type: std::sync::Arc<Type>,
    permits: Option<Path>,
    strong: Option<Path>,
    weak: Option<Path>,
    counts: Vec<(Store, Path)>,
}

impl HandleLayout {
    pub(crate) fn new(
        debug: &DebugInfo<'_>,
        kind: HandleKind,
        handle: &Spot,
    ) -> Result<Self, Missing> {
        let target = names::POINTER.locate(debug, handle)?;
        let counted = target.ty.field("strong").is_some();
        let object = if counted {
            handle.shared(debug).unwrap_or(target)
        } else {
            target
        };
        let path = |need: &names::Need| need.locate(debug, handle).map(|spot| spot.path());
        let permits = match kind {
            HandleKind::SemaphorePermit { .. } => Some(path(&names::PERMIT_COUNT)?),
            _ => None,
        };
        let counts = if is_primitive(&object.ty) {
            COUNTS
                .iter()
                .filter_map(|(set, to)| Some((*to, object.named(debug, set)?.path())))
                .collect()
        } else {
            Vec::new()
        };
        Ok(Self {
            kind,
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
        // All strong ones together have one weak count.
        counts.weak = read(&self.weak).map(|weak| {
            if counts.strong == Some(0) {
                weak
            } else {
                weak.saturating_sub(1)
            }
        });
        for (set, path) in &self.counts {
            if let Some(count) = path.read(context.memory, handle) {
                set(&mut counts, count);
            }
        }
        counts
    }
}
