//! Where code is.

use serde::{Deserialize, Serialize};

use super::NameId;

/// A place in the source of an async function or block: where it is suspended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The full path of the function, for example `server::connection::read`. An async block or closure is named after
    /// the function around it, with `::{async block}` or `::{async closure}` at the end.
    pub function: String,
    /// The file that the suspend point is in, absolute where the debug info tells the directory.
    ///
    /// For an `.await` that a macro such as `select!` or `join!` writes, this is where the function calls the macro.
    /// Where the debug info leaves that open, it is the macro's own file. [`has_own_line`](Self::has_own_line) tells.
    pub file: String,
    /// The line in `file`, starting from 1. 0 if it is not known.
    pub line: u32,
    /// The file that the function is in.
    pub function_file: String,
    /// The first line of the function. 0 if it is not known.
    pub first_line: u32,
    /// The last line of the function. 0 if it is not known.
    pub last_line: u32,
    /// A macro from another file writes the `.await`.
    pub in_macro: bool,
    /// Whose code the function is.
    pub origin: Origin,
}

impl Place {
    /// Whether `line` is in the file of the function, not in a macro of another file.
    pub fn has_own_line(&self) -> bool {
        !self.in_macro || self.file == self.function_file
    }
}

/// Whose code it is, by the path of its file.
///
/// A program that `cargo install` built is in a folder of Cargo's itself. What is in that folder is the program's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The program's own: the file is in none of the folders below.
    Program,
    /// A dependency: from a registry, a Git checkout of Cargo, or a folder `vendor`.
    Library,
    /// The standard library.
    Std,
}

impl Origin {
    /// Tells by the path of a source file, and by the folder that the program was compiled in.
    pub fn of_file(path: &str, program: Option<&str>) -> Self {
        const LIBRARIES: [&str; 3] = ["/registry/src/", "/git/checkouts/", "/vendor/"];
        // The second one has the crates that the standard library is built with.
        const STD: [&str; 2] = ["/rustc/", "/rust/deps/"];
        let within = program.and_then(|folder| path.strip_prefix(folder)?.strip_prefix('/'));
        let is_library = match within {
            // A module of the program may be called `vendor`.
            Some(path) => path.starts_with("vendor/"),
            None => LIBRARIES.iter().any(|folder| path.contains(folder)),
        };
        let is_std = STD.iter().any(|folder| path.starts_with(folder));
        if is_std || path.contains("/lib/rustlib/src/rust/") {
            Self::Std
        } else if is_library {
            Self::Library
        } else {
            Self::Program
        }
    }
}

/// A local variable of an async function, or a captured one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Local {
    /// The name in the source. `None` for a value without a name: a temporary, or what is being awaited.
    pub name: Option<String>,
    /// The type of the variable.
    pub type_name: NameId,
}

#[cfg(test)]
mod tests {
    use super::Origin;

    #[test]
    fn a_file_belongs_to_the_program_unless_its_folder_says_otherwise() {
        for (path, origin) in [
            ("/home/me/app/src/main.rs", Origin::Program),
            ("src/main.rs", Origin::Program),
            (
                "/home/me/.cargo/registry/src/index-1949cf8c/tokio-1.54.1/src/sync/mutex.rs",
                Origin::Library,
            ),
            (
                "/home/me/.cargo/git/checkouts/axum-1a2b/3c4d/src/serve.rs",
                Origin::Library,
            ),
            (
                "/rustc/59807616e/library/core/src/future/poll_fn.rs",
                Origin::Std,
            ),
            ("/rust/deps/hashbrown-0.16.1/src/raw.rs", Origin::Std),
            (
                "/home/me/.rustup/toolchains/stable/lib/rustlib/src/rust/library/std/src/io.rs",
                Origin::Std,
            ),
        ] {
            assert_eq!(Origin::of_file(path, None), origin, "{path}");
            assert_eq!(
                Origin::of_file(path, Some("/home/me/app")),
                origin,
                "{path}"
            );
        }
    }

    #[test]
    fn what_is_in_the_folder_of_the_program_belongs_to_it_but_for_vendored_libraries() {
        for (folder, file, origin) in [
            ("/home/me/app", "src/vendor/shop.rs", Origin::Program),
            ("/home/me/app", "vendor/tokio/src/lib.rs", Origin::Library),
            ("/home/me/vendor/app", "src/main.rs", Origin::Program),
            (
                "/root/.cargo/registry/src/index/app-1.0.0",
                "src/main.rs",
                Origin::Program,
            ),
            (
                "/root/.cargo/git/checkouts/app-1a2b/3c4d",
                "crates/app/src/main.rs",
                Origin::Program,
            ),
        ] {
            let path = format!("{folder}/{file}");
            assert_eq!(Origin::of_file(&path, Some(folder)), origin, "{path}");
        }
        let other = "/root/.cargo/git/checkouts/app-1a2b/3c4d-other/src/lib.rs";
        let folder = Some("/root/.cargo/git/checkouts/app-1a2b/3c4d");
        assert_eq!(Origin::of_file(other, folder), Origin::Library);
    }
}
