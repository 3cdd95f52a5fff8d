//! Paths of source files, short where it is known what they are below.

use std::env;
use std::path::Path;

use crate::place::Place;

/// How paths are shown.
pub(super) enum Folder {
    /// As the debug info has them.
    Whole,
    /// Relative to the current folder: the program was compiled there or below it, or that is not known.
    Current(String),
    /// Relative to the folder that the program was compiled in.
    CompiledIn(String),
    /// No folder is known that the program's own files are below.
    Unknown,
}

impl Folder {
    /// Of a program that was compiled in a folder, if that is known.
    pub(super) fn of(compiled_in: Option<&str>) -> Self {
        let current = env::current_dir().ok();
        let current = current.as_deref().and_then(Path::to_str);
        Self::within(current, compiled_in)
    }

    /// Relative to the folder that the program was compiled in, wherever this one runs.
    #[cfg(tokio_unstable)]
    pub(super) fn compiled_in(folder: &str) -> Self {
        Self::within(None, Some(folder))
    }

    fn within(current: Option<&str>, compiled_in: Option<&str>) -> Self {
        let is_above = |current: &&str| {
            *current != "/" && compiled_in.is_none_or(|it| Path::new(it).starts_with(current))
        };
        let with_slash = |folder: &str| format!("{}/", folder.trim_end_matches('/'));
        match (current.filter(is_above), compiled_in) {
            (Some(current), _) => Self::Current(with_slash(current)),
            (None, Some(compiled_in)) => Self::CompiledIn(with_slash(compiled_in)),
            (None, None) => Self::Unknown,
        }
    }

    /// What to say of it, if paths are relative to a folder that is not the current one.
    pub(super) fn note(&self) -> Option<String> {
        match self {
            Self::CompiledIn(folder) => Some(format!("paths are relative to {folder}")),
            _ => None,
        }
    }

    /// The path of a file. In short, one of a library from a registry begins with the library's name.
    pub(super) fn file(&self, path: &str) -> String {
        let below = match self {
            Self::Whole => return path.to_owned(),
            Self::Current(folder) | Self::CompiledIn(folder) => path.strip_prefix(folder.as_str()),
            Self::Unknown => None,
        };
        match below {
            Some(short) => short.to_owned(),
            None => Place::new(path.to_owned(), 0).in_short().file().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_relative_to_where_the_program_was_compiled_or_the_current_folder_above_it() {
        for (current, compiled_in, shown, note) in [
            ("/home/me/app", Some("/home/me/app"), "src/main.rs", None),
            ("/home/me", Some("/home/me/app"), "app/src/main.rs", None),
            ("/home/me", None, "app/src/main.rs", None),
            ("/srv", None, "/home/me/app/src/main.rs", None),
            (
                "/home/me/app/src",
                Some("/home/me/app"),
                "src/main.rs",
                Some("paths are relative to /home/me/app/"),
            ),
            (
                "/srv",
                Some("/home/me/app"),
                "src/main.rs",
                Some("paths are relative to /home/me/app/"),
            ),
        ] {
            let folder = Folder::within(Some(current), compiled_in);
            assert_eq!(folder.file("/home/me/app/src/main.rs"), shown, "{current}");
            assert_eq!(folder.note().as_deref(), note, "{current}");
        }
    }

    #[test]
    fn a_file_of_a_library_begins_with_its_name() {
        let folder = Folder::within(Some("/home/me/app"), Some("/home/me/app"));
        let file = "/home/me/.cargo/registry/src/index-01/tokio-1.54.0/src/sync/mutex.rs";
        assert_eq!(folder.file(file), "tokio-1.54.0/src/sync/mutex.rs");
        assert_eq!(
            folder.file("/elsewhere/src/lib.rs"),
            "/elsewhere/src/lib.rs"
        );
    }
}
