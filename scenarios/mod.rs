//! The catalogue: every scenario, in the order in which they are taught.

mod swallowed_errors;

use unstuck::demo::Scenario;

/// All scenarios; the first is the one that plays when none is named.
pub(crate) const ALL: &[Scenario] = &[swallowed_errors::SCENARIO];
