//! Which futures poll something that is not among their leaves.

use super::{names, own};
use crate::snapshot::{AwaitTree, FrameIndex, Snapshot, WaitsFor};

/// See [`Snapshot::may_poll_more`].
pub(crate) fn may_poll_more(snapshot: &Snapshot, futures: &AwaitTree) -> bool {
    (0..).zip(&futures.frames).any(|(index, frame)| {
        let place = &snapshot[frame.place];
        let Some(awaits) = frame.awaits else {
            return false;
        };
        let function = &place.function;
        let is_known = function.starts_with(names::FUNCTIONS) || own::is_library(function);
        if frame.held_in.is_some() || is_known {
            return false;
        }
        let below = |parent: Option<FrameIndex>| parent == Some(FrameIndex(index));
        let frames = futures.frames.iter();
        let frames = frames.filter(|it| below(it.parent) && it.held_in.is_none());
        let leaves = futures.leaves.iter();
        let leaves = leaves.filter(|it| below(it.frame) && it.held_in.is_none());
        let (frames, leaves) = (frames.count(), leaves.count());
        let is_whole = match awaited(&snapshot[awaits]) {
            Awaited::Known => true,
            Awaited::TraitObject => (frames, leaves) == (1, 0),
            // `select!` and `join!` poll several, all of which are there; by reference, if they are in locals.
            Awaited::Other => {
                let mut leaves_below = futures.leaves.iter().filter(|it| below(it.frame));
                let is_unknown =
                    leaves_below.any(|it| matches!(it.waits_for, WaitsFor::Unknown { .. }));
                place.in_macro && frames + leaves > 1 && !is_unknown
            }
        };
        !is_whole
    })
}

/// What is known of how a type polls what is in it.
enum Awaited {
    /// It is an async function, or a future that hides nothing.
    Known,
    /// The type behind the pointer is not told.
    TraitObject,
    Other,
}

fn awaited(name: &str) -> Awaited {
    let mut name = name;
    while let Some(inner) = ["core::pin::Pin<", "alloc::boxed::Box<", "&mut "]
        .iter()
        .find_map(|pointer| name.strip_prefix(pointer))
    {
        name = inner;
    }
    let path = name.split('<').next().unwrap_or(name);
    let is_async =
        own::is_scope(name) || path.contains("{async_fn_env") || path.contains("{async_block_env");
    let known = [
        "tokio::",
        "async_channel::",
        "flume::",
        "futures_channel::",
        "futures_util::",
        "core::future::pending::Pending<",
    ];
    if is_async || known.iter().any(|start| name.starts_with(start)) {
        Awaited::Known
    } else if name.trim_start_matches('(').starts_with("dyn ") {
        Awaited::TraitObject
    } else {
        Awaited::Other
    }
}
