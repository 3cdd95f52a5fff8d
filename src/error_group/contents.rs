//! What is in an error group.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::{self, Display, Formatter};
use std::panic::Location;

use super::{Failure, TaskFailure, Tree, tree};

/// What is in an error group. A type of its own, so that it can be the source of the group: of an error that another
/// crate has wrapped, only the sources are accessible.
pub(super) struct Contents {
    pub(super) name: Cow<'static, str>,
    pub(super) opened_at: &'static Location<'static>,
    pub(super) failures: Vec<TaskFailure>,
    /// The number of leaves: counted once, as each group around this one asks for it.
    pub(super) len: usize,
    pub(super) cancelled: usize,
}

impl Contents {
    pub(super) fn new(
        name: Cow<'static, str>,
        opened_at: &'static Location<'static>,
        failures: Vec<TaskFailure>,
        cancelled: usize,
    ) -> Self {
        let leaves = failures.iter().map(|failure| match &failure.failure {
            Failure::Group(inner) => inner.contents.len,
            _ => 1,
        });
        Self {
            len: leaves.sum(),
            name,
            opened_at,
            failures,
            cancelled,
        }
    }

    /// The group in one line.
    pub(super) fn title(&self) -> impl Display {
        fmt::from_fn(|f| {
            if self.failures.is_empty() {
                write!(f, "task group `{}` was cancelled", self.name)?;
            } else {
                let errors = tree::count(self.len, "error");
                write!(f, "{errors} in task group `{}`", self.name)?;
            }
            if self.cancelled > 0 {
                write!(f, ", {} cancelled", tree::count(self.cancelled, "task"))?;
            }
            Ok(())
        })
    }
}

/// The tree below the title.
impl Display for Contents {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Tree::new(self).without_title().fmt(f)
    }
}

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

impl Error for Contents {}
