//! The primitives of `tokio-util`.

use super::handles::Count;
use super::names;
use super::waits::WaitKind;
use crate::snapshot::HandleKind;

pub(super) const HANDLES: &[(&str, HandleKind)] = &[
    (
        "tokio_util::sync::cancellation_token::CancellationToken",
        HandleKind::CancellationToken,
    ),
    (
        "tokio_util::task::task_tracker::TaskTrackerToken",
        HandleKind::TrackedTask,
    ),
];

pub(super) const WAITS: &[(&str, WaitKind)] = &[
    (
        "tokio_util::sync::cancellation_token::WaitForCancellationFuture",
        WaitKind::Cancellation,
    ),
    (
        "tokio_util::sync::cancellation_token::WaitForCancellationFutureOwned",
        WaitKind::OwnedCancellation,
    ),
    (
        "tokio_util::task::task_tracker::TaskTrackerWaitFuture",
        WaitKind::TaskTracker,
    ),
];

/// The node of a token.
const NODE: &str = "tokio_util::sync::cancellation_token::tree_node::Inner";

pub(super) const COUNTS: &[Count] = &[
    Count {
        of: "tokio_util::sync::cancellation_token::tree_node::TreeNode",
        at: names::TOKENS,
        store: |counts, count| counts.tokens = Some(count),
    },
    Count {
        of: "tokio_util::task::task_tracker::TaskTrackerInner",
        at: names::TRACKER_STATE,
        store: |counts, state| {
            counts.members = Some(state >> names::TRACKER_SHIFT);
            counts.closed = Some(state & names::TRACKER_CLOSED != 0);
        },
    },
];

/// Whether a field refers to something that is not reached by it: a token leaves its parent alone.
pub(crate) fn refers_back(ty: &str, field: &str) -> bool {
    field == "parent" && ty == NODE
}
