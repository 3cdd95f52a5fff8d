//! What stands in for the collector in a build without Tokio's hooks: it hears of nothing.

use std::any::Any;

use tokio::runtime::{Builder, Handle};
use tokio::task::Id;

use super::Outcomes;
use crate::explain::Explanation;
use crate::report::Report;

/// Hears of nothing.
#[derive(Clone)]
pub(crate) struct Collector;

#[expect(clippy::unused_self, reason = "with hooks it has something to tell")]
impl Collector {
    pub(crate) fn attach(_: &mut Builder) -> Self {
        Self
    }

    pub(crate) fn add_to(&self, explanation: Explanation, _main: Option<Id>) -> Explanation {
        Outcomes::default().added_to(explanation)
    }

    pub(crate) fn at_end(&self, _: &Handle, _main: Option<Id>, _value: &dyn Any) -> Option<Report> {
        None
    }
}
