//! Systems whose processes can't be read. Snapshots that were taken elsewhere can.

use std::convert::Infallible;
use std::path::Path;

use crate::error::Error;
use crate::limits::Limits;
use crate::snapshot::{Address, ObjectId, Snapshot};

/// A process whose tasks can be read. There is none on this system.
pub struct Inspector(Infallible);

impl Inspector {
    /// Fails with [`Error::UnsupportedSystem`].
    pub fn attach(_pid: u32) -> Result<Self, Error> {
        Err(Error::UnsupportedSystem)
    }

    /// Fails with [`Error::UnsupportedSystem`].
    pub fn attach_self() -> Result<Self, Error> {
        Err(Error::UnsupportedSystem)
    }

    /// Fails with [`Error::UnsupportedSystem`].
    pub fn open_core(_core: &Path, _executable: Option<&Path>) -> Result<Self, Error> {
        Err(Error::UnsupportedSystem)
    }

    /// Sets how much is read at most.
    pub fn set_limits(&mut self, _limits: Limits) {
        match self.0 {}
    }

    /// Reads what the process is doing now.
    pub fn snapshot(&self) -> Result<Snapshot, Error> {
        match self.0 {}
    }

    /// Searches memory for the addresses of objects.
    pub fn find_pointers(
        &self,
        _snapshot: &mut Snapshot,
        _objects: impl IntoIterator<Item = ObjectId>,
    ) -> Result<(), Error> {
        match self.0 {}
    }

    /// Reads the tasks of one runtime.
    pub fn snapshot_of_runtime(&self, _handle: Address) -> Result<Snapshot, Error> {
        match self.0 {}
    }
}
