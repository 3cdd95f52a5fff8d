//! A line of somebody's source code.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;

/// A file and a line, printed as `file:line`, the form that editors and terminals open at a click.
///
/// The path is as the compiler was given it, except that `a/../b` is written `b`.
///
/// ```
/// use unstuck::Place;
///
/// let place = Place::new("src/main.rs", 7);
/// assert_eq!(place.to_string(), "src/main.rs:7");
/// assert_eq!((place.file(), place.line()), ("src/main.rs", 7));
/// assert!(!place.is_library());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    file: Cow<'static, str>,
    line: u32,
}

impl Place {
    /// The line from which the function that asks was called, where that function is `#[track_caller]`.
    ///
    /// ```
    /// use unstuck::Place;
    ///
    /// #[track_caller]
    /// fn ask() -> Place {
    ///     Place::caller()
    /// }
    ///
    /// assert_eq!(ask().line(), line!());
    /// ```
    #[track_caller]
    pub fn caller() -> Self {
        Location::caller().into()
    }

    /// The line `line` (counted from 1) of `file`.
    ///
    /// ```
    /// use unstuck::Place;
    ///
    /// assert_eq!(Place::new("src/../build.rs", 1).to_string(), "build.rs:1");
    /// ```
    pub fn new(file: impl Into<Cow<'static, str>>, line: u32) -> Self {
        Self {
            file: without_detours(file.into()),
            line,
        }
    }

    /// The path of the file.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The line, counted from 1.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// The same without what leads to the crate, if that is from a registry: that is long, and nobody's
    /// business.
    ///
    /// ```
    /// use unstuck::Place;
    ///
    /// let place = Place::new("/home/a/.cargo/registry/src/index-01/pool-1.0.0/src/lib.rs", 7);
    /// assert_eq!(place.in_short().to_string(), "pool-1.0.0/src/lib.rs:7");
    /// assert_eq!(Place::new("src/lib.rs", 7).in_short().to_string(), "src/lib.rs:7");
    /// ```
    #[must_use]
    pub fn in_short(&self) -> Self {
        let file = self.file.replace('\\', "/");
        let within = file.split_once("/registry/src/");
        match within.and_then(|(_, path)| path.split_once('/')) {
            Some((_, path)) => Self::new(path.to_owned(), self.line),
            None => self.clone(),
        }
    }

    /// Whether this is code that somebody else wrote: a crate from a registry, a folder `vendor` or from git, or
    /// the standard library.
    pub fn is_library(&self) -> bool {
        const HOMES: [&str; 5] = [
            "/registry/src/",
            "/vendor/",
            "/git/checkouts/",
            "/rustc/",
            "/rustlib/src/",
        ];
        let within = |file: &str| HOMES.iter().any(|home| file.contains(home));
        if self.file.contains('\\') {
            within(&self.file.replace('\\', "/"))
        } else {
            within(&self.file)
        }
    }
}

impl From<&'static Location<'static>> for Place {
    fn from(location: &'static Location<'static>) -> Self {
        Self::new(location.file(), location.line())
    }
}

/// From the text `file:line`, as it is serialized.
#[cfg(feature = "guard")]
impl<'de> serde::Deserialize<'de> for Place {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;

        let text = String::deserialize(deserializer)?;
        let parts = text.rsplit_once(':');
        let place =
            parts.and_then(|(file, line)| Some(Self::new(file.to_owned(), line.parse().ok()?)));
        place.ok_or_else(|| D::Error::custom(format!("`{text}` is no file and line")))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// `src/../scenarios/a.rs` is what a `#[path]` attribute makes of `scenarios/a.rs`.
fn without_detours(file: Cow<'static, str>) -> Cow<'static, str> {
    if !file.contains("..") {
        return file;
    }
    let mut kept: Vec<&str> = Vec::new();
    for part in file.split(['/', '\\']) {
        match kept.last() {
            Some(last) if part == ".." && !last.is_empty() && *last != ".." => {
                kept.pop();
            }
            _ => kept.push(part),
        }
    }
    Cow::Owned(kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn a_detour_through_a_parent_folder_is_not_shown() {
        let shown = |file: &'static str| Place::new(file, 7).to_string();
        assert_eq!(
            shown("src/../scenarios/pool/worker.rs"),
            "scenarios/pool/worker.rs:7"
        );
        assert_eq!(shown("/home/a/src/../b.rs"), "/home/a/b.rs:7");
        assert_eq!(shown("../outside.rs"), "../outside.rs:7");
        assert_eq!(shown("src/lib.rs"), "src/lib.rs:7");
    }

    #[test]
    fn code_of_other_people_is_told_from_ones_own() {
        let library = |file: &'static str| Place::new(file, 1).is_library();
        assert!(library(
            "/opt/cargo/registry/src/index-0123/sqlx-core-0.9.0/src/pool.rs"
        ));
        assert!(library("/home/a/project/vendor/sqlx-core/src/pool.rs"));
        assert!(library("/rustc/59807616e/library/core/src/future.rs"));
        assert!(!library("/home/a/project/src/registry.rs"));
        assert!(!library("src/main.rs"));
    }
}
