//! A folder that reports are written to, for whoever comes after the process.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use anstream::adapter::strip_str;

use crate::guard::GuardError;

/// A folder that reports can be written to.
#[derive(Clone, Debug)]
pub(crate) struct ReportDir(PathBuf);

impl ReportDir {
    /// Makes the folder if there is none, and finds out whether files can be made in it.
    ///
    /// # Errors
    ///
    /// [`GuardError::ReportDir`] if not.
    pub(crate) fn open(folder: PathBuf) -> Result<Self, GuardError> {
        let probe = folder.join(format!(".unstuck-{}", std::process::id()));
        let made = fs::create_dir_all(&folder).and_then(|()| File::create(&probe));
        match made.and_then(|_| fs::remove_file(&probe)) {
            Ok(()) => Ok(Self(folder)),
            Err(source) => Err(GuardError::ReportDir { folder, source }),
        }
    }

    /// Writes a report on a process as text and as JSON, next to those that are there already. Returns the path of the
    /// text.
    ///
    /// In a container each process may have the same id, so a number follows it.
    pub(crate) fn write(&self, process: u32, text: &str, json: &str) -> io::Result<PathBuf> {
        for number in 1_u32.. {
            let name = format!("unstuck-{process}-{number}");
            let path = self.0.join(format!("{name}.txt"));
            let file = OpenOptions::new().write(true).create_new(true).open(&path);
            let mut file = match file {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                file => file?,
            };
            file.write_all(strip_str(text).to_string().as_bytes())?;
            fs::write(self.0.join(format!("{name}.json")), json)?;
            return Ok(path);
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_report_takes_the_place_of_another() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("a/b");
        let reports = ReportDir::open(folder.clone()).unwrap();
        for text in ["first", "second"] {
            reports.write(1, text, "{}").unwrap();
        }
        // As another process would that has the same id.
        let reports = ReportDir::open(folder.clone()).unwrap();
        let path = reports.write(1, "\u{1b}[1mthird\u{1b}[0m", "{}").unwrap();
        assert_eq!(path, folder.join("unstuck-1-3.txt"));
        let files = ["unstuck-1-1.txt", "unstuck-1-2.txt", "unstuck-1-3.txt"];
        let texts = files.map(|file| fs::read_to_string(folder.join(file)).unwrap());
        assert_eq!(texts, ["first", "second", "third"]);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 6);
    }

    #[test]
    fn a_folder_that_is_a_file_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(ReportDir::open(file.path().to_owned()).is_err());
    }
}
