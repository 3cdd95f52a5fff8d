//! What everything that reads needs: the debug info, the memory, the limits, and a place for what is missing.

use std::cell::{Cell, RefCell};

use foldhash::HashSet;

use crate::debug_info::{DebugInfo, Executable};
use crate::limits::Limits;
use crate::memory::Memory;
use crate::snapshot::Gap;
use crate::tokio::names::Missing;

pub(crate) struct Context<'a> {
    pub(crate) executable: &'a Executable,
    pub(crate) debug: &'a DebugInfo<'a>,
    pub(crate) memory: &'a dyn Memory,
    pub(crate) limits: Limits,
    /// Values that may still be visited.
    pub(crate) visits_left: Cell<u64>,
    gaps: RefCell<Gaps>,
}

#[derive(Default)]
struct Gaps {
    list: Vec<Gap>,
    seen: HashSet<Gap>,
}

/// How many different gaps are kept.
const GAPS: usize = 1000;

impl<'a> Context<'a> {
    pub(crate) fn new(
        executable: &'a Executable,
        debug: &'a DebugInfo<'a>,
        memory: &'a dyn Memory,
        limits: Limits,
    ) -> Self {
        Self {
            executable,
            debug,
            memory,
            limits,
            visits_left: Cell::new(limits.visits),
            gaps: RefCell::default(),
        }
    }

    /// Notes something that is missing from the snapshot. Equal gaps are noted once.
    pub(crate) fn gap(&self, gap: Gap) {
        let mut gaps = self.gaps.borrow_mut();
        if gaps.list.len() < GAPS && gaps.seen.insert(gap.clone()) {
            gaps.list.push(gap);
        }
    }

    pub(crate) fn limit_reached(&self, what: &str, limit: u64) {
        self.gap(Gap::LimitReached {
            what: what.to_owned(),
            limit,
        });
    }

    /// What was found, or a note of the name that is missing.
    pub(crate) fn found<T>(&self, result: Result<T, Missing>) -> Option<T> {
        result.map_err(|missing| self.gap(missing.into())).ok()
    }

    pub(crate) fn take_gaps(&self) -> Vec<Gap> {
        self.gaps.take().list
    }
}

impl From<Missing> for Gap {
    fn from(missing: Missing) -> Self {
        Self::MissingName {
            feature: missing.feature.name().to_owned(),
            name: missing.name,
        }
    }
}
