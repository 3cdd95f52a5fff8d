//! The primitives of `unstuck` itself.

use crate::snapshot::{HandleKind, NotifyKind};

/// Its functions are a library's wherever their files lie.
const MODULES: &[&str] = &["unstuck::event::", "unstuck::group::"];

pub(crate) fn is_library(function: &str) -> bool {
    MODULES.iter().any(|module| function.starts_with(module))
}

pub(super) const HANDLES: &[(&str, HandleKind)] = &[("unstuck::event::Event", HandleKind::Event)];

/// What a `Notify` is part of, by the module of the function that awaits it.
pub(super) const NOTIFIES: &[(&str, NotifyKind)] = &[("unstuck::event::", NotifyKind::Event)];
