//! The primitives of `unstuck` itself.

use super::handles::{Count, Label};
use super::names;
use super::waits::WaitKind;
use crate::snapshot::{HandleKind, NotifyKind};

/// Its functions are a library's wherever their files lie.
const MODULES: &[&str] = &["unstuck::event::", "unstuck::group::"];

pub(crate) fn is_library(function: &str) -> bool {
    MODULES.iter().any(|module| function.starts_with(module))
}

pub(super) const HANDLES: &[(&str, HandleKind)] = &[("unstuck::event::Event", HandleKind::Event)];

/// Whether a future is the scope of a task group. Its body is a function, so a timer in it is its deadline.
pub(crate) fn is_scope(ty: &str) -> bool {
    ty.starts_with("unstuck::group::running::Running<")
}

/// The part of it that waits for the tasks.
pub(super) const WAITS: &[(&str, WaitKind)] = &[("unstuck::group::owner::Owner", WaitKind::Group)];

/// Where counts of the primitives are.
pub(super) const COUNTS: &[Count] = &[Count {
    of: "unstuck::group::shared::Shared",
    at: names::GROUP_MEMBERS,
    store: |counts, count| counts.members = Some(count),
}];

/// Where the names are that primitives were given.
pub(super) const LABELS: &[Label] = &[Label {
    of: "unstuck::event::Shared",
    text: names::EVENT_NAME,
    length: names::EVENT_NAME_LENGTH,
}];

/// What a `Notify` is part of, by the module of the function that awaits it.
pub(super) const NOTIFIES: &[(&str, NotifyKind)] = &[("unstuck::event::", NotifyKind::Event)];
