//! A live process, through `/proc`.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{AT_ENTRY, Target, descriptors, value_of};
use crate::debug_info::Executable;
use crate::error::{Error, Permission};
use crate::memory::{Memory, ProcessMemory};
use crate::snapshot::Descriptor;
use crate::threads::{self, RawThread};

/// A process that runs on while it is read.
pub(crate) struct LiveProcess {
    /// The process id, or `self`.
    process: String,
    id: u32,
    /// Tells the process from a later one with the same id.
    started: Option<u64>,
}

impl LiveProcess {
    /// Opens a process and its program.
    pub(crate) fn open(id: u32) -> Result<(Self, Arc<Executable>), Error> {
        let process = if id == std::process::id() {
            "self".to_owned()
        } else {
            id.to_string()
        };
        let folder = PathBuf::from(format!("/proc/{process}"));
        if !folder.exists() {
            return Err(Error::NoSuchProcess { pid: id });
        }
        let started = started(&process);
        let link = folder.join("exe");
        let path = fs::read_link(&link).map_err(|error| {
            if error.kind() == ErrorKind::NotFound && started.is_some() {
                let reason = "it is a thread of the kernel, or ends just now".to_owned();
                return Error::Executable {
                    executable: link.clone(),
                    reason,
                };
            }
            denied(error, &link, &process, id)
        })?;
        let path = path.to_string_lossy();
        let path = Path::new(path.strip_suffix(" (deleted)").unwrap_or(&path));
        // The link leads to the file that runs, even if it was deleted or replaced.
        let file = File::open(&link).map_err(|error| denied(error, &link, &process, id))?;
        // Before the debug info, which takes longer to read.
        memory(&process, id)?;
        let executable = Executable::open(file, path, &folder.join("root"))?;
        let process = Self {
            process,
            id,
            started,
        };
        Ok((process, executable))
    }
}

impl Target for LiveProcess {
    fn id(&self) -> u32 {
        self.id
    }

    fn memory(&self) -> Result<Box<dyn Memory + '_>, Error> {
        Ok(Box::new(memory(&self.process, self.id)?))
    }

    fn entry(&self) -> Result<u64, Error> {
        let path = PathBuf::from(format!("/proc/{}/auxv", self.process));
        let bytes =
            fs::read(&path).map_err(|error| denied(error, &path, &self.process, self.id))?;
        // A process that is ending has none any more.
        value_of(AT_ENTRY, &bytes).ok_or(Error::ProcessEnded { pid: self.id })
    }

    fn threads(&self) -> io::Result<Vec<RawThread>> {
        threads::threads(&self.process)
    }

    fn executable(&self) -> PathBuf {
        format!("/proc/{}/exe", self.process).into()
    }

    fn mapped_file(&self, path: &str) -> Option<PathBuf> {
        Some(format!("/proc/{}/root{path}", self.process).into())
    }

    fn now_ns(&self) -> Option<u64> {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let seconds = u64::try_from(now.tv_sec).ok()?;
        let nanoseconds = u64::try_from(now.tv_nsec).ok()?;
        Some(
            seconds
                .saturating_mul(1_000_000_000)
                .saturating_add(nanoseconds),
        )
    }

    fn descriptors(&self, numbers: &BTreeSet<i32>) -> Vec<Descriptor> {
        descriptors::read(&self.process, numbers)
    }

    fn check_same(&self) -> Result<(), Error> {
        if started(&self.process) == self.started {
            Ok(())
        } else {
            Err(Error::ProcessEnded { pid: self.id })
        }
    }
}

fn memory(process: &str, pid: u32) -> Result<ProcessMemory, Error> {
    ProcessMemory::open(process).map_err(|error| {
        denied(
            error,
            Path::new(&format!("/proc/{process}/mem")),
            process,
            pid,
        )
    })
}

/// When the process started, in ticks since the system did. `None` if there is no such process, or it has ended.
fn started(process: &str) -> Option<u64> {
    let line = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, rest) = line.rsplit_once(") ")?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X" | "x") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

fn denied(source: io::Error, path: &Path, process: &str, pid: u32) -> Error {
    match source.kind() {
        ErrorKind::PermissionDenied => Error::NoPermission {
            pid,
            needs: permission(process),
        },
        ErrorKind::NotFound if started(process).is_none() => Error::ProcessEnded { pid },
        // ESRCH: the process has ended, and its parent has not noticed yet.
        _ if source.raw_os_error() == Some(3) => Error::ProcessEnded { pid },
        _ => Error::Io {
            path: path.to_owned(),
            source,
        },
    }
}

fn permission(process: &str) -> Permission {
    let user = |process: &str| {
        let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
        line.split_whitespace().next().map(ToOwned::to_owned)
    };
    if user(process) != user("self") {
        return Permission::SameUser;
    }
    let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").ok();
    match scope.and_then(|scope| scope.trim().parse().ok()) {
        Some(ptrace_scope) if ptrace_scope > 0 => Permission::Descendant { ptrace_scope },
        _ => Permission::Undumpable,
    }
}
