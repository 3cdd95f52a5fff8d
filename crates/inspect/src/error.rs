//! Why a process can't be read.

use std::io;
use std::path::PathBuf;

/// Why a process can't be read. Each message says what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// This build has no way to read another process's memory.
    #[error(
        "tasks can be read from memory on Linux only; run this on the Linux machine where the program runs"
    )]
    UnsupportedSystem,

    /// No process has this id.
    #[error("no process has the id {pid}; `ps -e` lists the processes that there are")]
    NoSuchProcess {
        /// The id that was asked for.
        pid: u32,
    },

    /// The kernel denies access to the process's memory.
    #[error("no permission to read the memory of process {pid}: {needs}")]
    NoPermission {
        /// The process.
        pid: u32,
        /// What would give the permission.
        needs: Permission,
    },

    /// The process ended, or replaced itself with another program, while it was read.
    #[error(
        "process {pid} ended or started another program while it was read; find its new id with `ps -e`"
    )]
    ProcessEnded {
        /// The process.
        pid: u32,
    },

    /// The program has debug info, and no Tokio in it.
    #[error("{} does not use Tokio, or has no Tokio code that was not removed as unused; give the id of a Tokio program", .executable.display())]
    NotTokio {
        /// The program.
        executable: PathBuf,
    },

    /// The program's debug info does not describe its types. If it is known to be a Tokio program all the same, this is
    /// a [gap](crate::snapshot::Gap::NoTasks) instead.
    #[error("{} has {found}; {}", .executable.display(), found.advice())]
    DebugInfo {
        /// The program.
        executable: PathBuf,
        /// How much debug info it has.
        found: DebugInfoLevel,
    },

    /// The program was built for a processor that isn't supported.
    #[error("{} is a {found} program; only 64-bit x86 programs can be read", .executable.display())]
    Architecture {
        /// The program.
        executable: PathBuf,
        /// What it was built for.
        found: String,
    },

    /// Tokio's own types lack a name that everything depends on.
    #[error(
        "this Tokio has no `{name}`, so its tasks can't be found; update unstuck, or report the Tokio version"
    )]
    UnknownTokio {
        /// The name that is missing, for example `Header.vtable`.
        name: String,
    },

    /// The executable can't be parsed.
    #[error("{} can't be read as a program: {reason}", .executable.display())]
    Executable {
        /// The program.
        executable: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// The file is no core file, or is damaged.
    #[error("{} can't be read as a core file: {reason}; name a file that the kernel wrote when a process crashed", .core.display())]
    Core {
        /// The file.
        core: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// The core file ends within its headers or notes. One that ends later is read, with a
    /// [gap](crate::snapshot::Gap::TruncatedCore).
    #[error("{} is truncated: it ends after {bytes} bytes, before any memory of the process; let it be written again, with `ulimit -c unlimited` and enough disk space", .core.display())]
    TruncatedCore {
        /// The core file.
        core: PathBuf,
        /// How long it is.
        bytes: u64,
    },

    /// The program's file can't be opened, or the core file does not name it.
    #[error("{} was written by a program whose file {}; name the program's executable", .core.display(), match .executable {
        Some((executable, source)) => format!("{} can't be opened ({source})", executable.display()),
        None => "is not known".to_owned(),
    })]
    NoExecutable {
        /// The core file.
        core: PathBuf,
        /// The file that the core file names, and what the system says.
        executable: Option<(PathBuf, io::Error)>,
    },

    /// The program's file is not the one that wrote the core file, for example because it was built anew.
    #[error("{} is not the program that wrote {}; name the executable that was running", .executable.display(), .core.display())]
    ReplacedExecutable {
        /// The core file.
        core: PathBuf,
        /// The program's file.
        executable: PathBuf,
    },

    /// A file below `/proc`, the executable or the core file could not be read.
    #[error("can't read {}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// What would give the permission to read a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Permission {
    /// The process belongs to another user.
    SameUser,
    /// The same user, and yet denied: Yama's `ptrace_scope` is 1 or more.
    Descendant {
        /// The value of `/proc/sys/kernel/yama/ptrace_scope`.
        ptrace_scope: u32,
    },
    /// The same user, no Yama: the process is marked as not dumpable, or another security module denies access.
    Undumpable,
}

impl std::fmt::Display for Permission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::SameUser => f.write_str("it belongs to another user; run this as the same user, or with `sudo`"),
            Self::Descendant { ptrace_scope: 1 } => f.write_str(
                "`/proc/sys/kernel/yama/ptrace_scope` is 1, so only a process that started the program can read it; start \
                 the program from the reader, or use `sudo`",
            ),
            Self::Descendant { ptrace_scope } => write!(
                f,
                "`/proc/sys/kernel/yama/ptrace_scope` is {ptrace_scope}, so only an administrator can read it; use `sudo`"
            ),
            Self::Undumpable => f.write_str("it is marked as not dumpable, or a security module denies it; use `sudo`"),
        }
    }
}

/// How much debug info a program has, where that is not enough.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DebugInfoLevel {
    /// None, neither in the program nor symbols that tell what it is made of.
    Stripped,
    /// Symbols of Tokio, and no debug info about it.
    None,
    /// `debug = "line-tables-only"`.
    LineTables,
    /// `debug = "limited"`: names of functions, no types.
    Limited,
    /// The debug info is in separate files (`split-debuginfo`).
    Split,
    /// The debug info is in the separate file that the program names, and that is not where it is looked for.
    Elsewhere {
        /// The name of the file.
        name: String,
        /// A file with this name that does not belong to the program.
        other: Option<PathBuf>,
    },
}

impl DebugInfoLevel {
    /// What to do about it.
    fn advice(&self) -> &'static str {
        match self {
            Self::Stripped => {
                "build it with `debug = true` and without `strip` in its Cargo profile"
            }
            Self::Split => "build it with `split-debuginfo = \"off\"` in its Cargo profile",
            Self::None | Self::LineTables | Self::Limited => {
                "build it with `debug = true` in its Cargo profile"
            }
            Self::Elsewhere { .. } => {
                "put the right one next to the program, into `.debug` there, or below `/usr/lib/debug`"
            }
        }
    }
}

impl std::fmt::Display for DebugInfoLevel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Stripped => "neither debug info nor symbols",
            Self::None => "no debug info about Tokio",
            Self::LineTables => "debug info for lines only, without types",
            Self::Limited => "limited debug info, without types",
            Self::Split => {
                "its debug info in separate files, which are not read (`split-debuginfo`)"
            }
            Self::Elsewhere { name, other } => {
                write!(f, "its debug info in the file `{name}`, ")?;
                return match other {
                    Some(other) => write!(f, "and {} is of another build", other.display()),
                    None => f.write_str("which was not found"),
                };
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_read_a_process_depends_on_yama() {
        let said = |ptrace_scope| {
            let needs = Permission::Descendant { ptrace_scope };
            Error::NoPermission { pid: 4242, needs }.to_string()
        };
        assert_eq!(
            said(1),
            "no permission to read the memory of process 4242: `/proc/sys/kernel/yama/ptrace_scope` is 1, so only a \
             process that started the program can read it; start the program from the reader, or use `sudo`"
        );
        assert!(said(2).ends_with("is 2, so only an administrator can read it; use `sudo`"));
    }
}
