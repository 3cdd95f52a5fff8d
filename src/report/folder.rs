//! The folder that the places of a report share. It is named once, and the places are printed without it.

use super::ProgramReport as Report;

/// A folder, with a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Folder(String);

impl Folder {
    /// The folder that all these places, or files, share. None if its path is a single name, or nothing: then a place
    /// is short as it is, and a terminal can open it.
    pub(super) fn shared_by<'p>(places: impl IntoIterator<Item = &'p str>) -> Option<Self> {
        let mut folders = places.into_iter().map(folder);
        let first = folders.next()?;
        let shared = folders.fold(first, |shared, folder| {
            let parts = shared.split_inclusive('/').zip(folder.split_inclusive('/'));
            let same = parts.take_while(|(one, other)| one == other);
            &shared[..same.map(|(part, _)| part.len()).sum()]
        });
        (shared.split_inclusive('/').count() > 1).then(|| Self(shared.to_owned()))
    }

    /// Its path.
    pub(super) fn path(&self) -> &str {
        &self.0
    }

    /// The text with the places in this folder named without it.
    pub(super) fn shorten(&self, text: &str) -> String {
        let mut parts = text.split(&self.0);
        let mut short = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let begins = short.is_empty() || short.ends_with([' ', '(']);
            if !(begins && begins_with_place(part)) {
                short += &self.0;
            }
            short += part;
        }
        short
    }
}

/// Where the tasks of a program were spawned and wait.
pub(super) fn places(report: &Report) -> impl Iterator<Item = &str> {
    let tasks = report.tasks.iter();
    tasks.flat_map(|task| {
        let places = [&task.spawned_at, &task.waits_at].into_iter().flatten();
        places.map(String::as_str)
    })
}

/// The text without the folder, if there is one.
pub(super) fn shorten(folder: Option<&Folder>, text: &str) -> String {
    folder.map_or_else(|| text.to_owned(), |folder| folder.shorten(text))
}

fn folder(place: &str) -> &str {
    let end = place.rfind('/').map_or(0, |slash| slash + 1);
    &place[..end]
}

/// Whether it begins with a file and a line: `main.rs:7`.
fn begins_with_place(text: &str) -> bool {
    let Some((file, line)) = text.split_once(':') else {
        return false;
    };
    !file.is_empty()
        && !file.contains(char::is_whitespace)
        && line.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(places: &[&str]) -> Option<String> {
        Folder::shared_by(places.iter().copied()).map(|folder| folder.0)
    }

    #[test]
    fn it_is_what_all_places_begin_with() {
        let expected = Some("crates/pool/".to_owned());
        assert_eq!(
            shared(&["crates/pool/a.rs:1", "crates/pool/b.rs:2"]),
            expected
        );
        assert_eq!(
            shared(&["crates/pool/a/b.rs:1", "crates/pool/a_c/d.rs:2"]),
            expected
        );
        assert_eq!(shared(&["/home/a/b.rs:1"]), Some("/home/a/".to_owned()));
    }

    #[test]
    fn one_name_is_too_short_to_be_left_out() {
        assert_eq!(shared(&["src/main.rs:1", "src/pool/worker.rs:2"]), None);
        assert_eq!(shared(&["crates/a/lib.rs:1", "crates/b/lib.rs:2"]), None);
        assert_eq!(shared(&["main.rs:1"]), None);
        assert_eq!(shared(&[]), None);
    }

    #[test]
    fn only_places_are_shortened() {
        let folder = Folder("crates/pool/".to_owned());
        let short = |text| folder.shorten(text);
        assert_eq!(
            short("a waits at crates/pool/a.rs:1, made at crates/pool/b/c.rs:2"),
            "a waits at a.rs:1, made at b/c.rs:2"
        );
        for other in ["no crates/pool/a.toml", "at /home/crates/pool/a.rs:1"] {
            assert_eq!(short(other), other);
        }
    }
}
