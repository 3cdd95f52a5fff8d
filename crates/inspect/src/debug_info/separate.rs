//! Debug info in a file of its own: `objcopy --only-keep-debug`, and packages of debug info.
//!
//! The stripped program tells which file is the right one by its build id, or by a name and a checksum
//! (`--add-gnu-debuglink`). It is looked for where GDB looks.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::elf::Elf;
use crate::error::Error;

/// Below it are the debug files of installed programs.
const SHARED: &str = "usr/lib/debug";

/// The debug file that a program names, which was not found.
#[derive(Debug, Clone)]
pub(crate) struct MissingDebugFile {
    pub(crate) name: String,
    /// A file with this name whose contents are not the ones that the program names.
    pub(crate) other: Option<PathBuf>,
}

/// Finds the separate debug file of a program. Without one, says which one the program names.
pub(super) fn find(
    program: &Elf,
    path: &Path,
    root: &Path,
) -> Result<Result<Elf, Option<MissingDebugFile>>, Error> {
    // What the process sees, and what we see: one of the two may be a container.
    let roots = BTreeSet::from([root, Path::new("/")]);
    if let Some(id) = &program.build_id
        && let Some(name) = name_of(id)
    {
        for root in &roots {
            let candidate = root.join(SHARED).join(&name);
            if let Some(found) = open(&candidate)?
                && found.build_id.as_ref() == Some(id)
                && found.has_debug_info()
            {
                return Ok(Ok(found));
            }
        }
    }
    let Some((name, sum)) = &program.link else {
        return Ok(Err(None));
    };
    let mut other = None;
    let absolute = std::path::absolute(path).unwrap_or_default();
    let folder = absolute.parent().unwrap_or(Path::new("/"));
    let folder = folder.strip_prefix("/").unwrap_or(folder);
    for root in &roots {
        for folder in [
            folder.to_owned(),
            folder.join(".debug"),
            Path::new(SHARED).join(folder),
        ] {
            let candidate = root.join(folder).join(name);
            match checksum(&candidate) {
                Ok(found) if found == *sum => {
                    if let Some(found) = open(&candidate)?
                        && found.has_debug_info()
                    {
                        return Ok(Ok(found));
                    }
                }
                // The program itself may have the same name.
                Ok(_) if candidate != absolute => other = other.or(Some(candidate)),
                _ => {}
            }
        }
    }
    Ok(Err(Some(MissingDebugFile {
        name: name.clone(),
        other,
    })))
}

/// `None` if there is no such file, or it can't be opened.
fn open(path: &Path) -> Result<Option<Elf>, Error> {
    match File::open(path) {
        Ok(file) => Elf::read(file, path).map(Some),
        Err(_) => Ok(None),
    }
}

/// The name of the debug file of a build, below the shared folder.
fn name_of(build_id: &[u8]) -> Option<PathBuf> {
    let (first, rest) = build_id.split_first()?;
    let mut name = format!(".build-id/{first:02x}/");
    for byte in rest {
        let _ = write!(name, "{byte:02x}");
    }
    Some(PathBuf::from(name + ".debug"))
}

/// The checksum that `.gnu_debuglink` has of a file.
fn checksum(path: &Path) -> io::Result<u32> {
    // A pipe or a device has no end.
    if !fs::metadata(path)?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut file = File::open(path)?;
    let mut sum = crc32fast::Hasher::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(sum.finalize()),
            length => sum.update(&buffer[..length]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_a_build_is_named_after_its_id() {
        let name = name_of(&[0xab, 0x01, 0xff]).expect("a name");
        assert_eq!(name, Path::new(".build-id/ab/01ff.debug"));
        assert_eq!(name_of(&[]), None);
    }

    #[test]
    fn the_file_of_a_build_is_found_where_packages_put_it() {
        let own = std::env::current_exe().expect("this test");
        let read = || open(&own).expect("a program").expect("a file");
        let mut stripped = read().without_debug_info();
        let Some(id) = stripped.build_id.clone() else {
            eprintln!("skipped: this system's linker makes no build ids");
            return;
        };
        let root = std::env::temp_dir().join(format!("unstuck-build-id-{}", std::process::id()));
        let file = root.join(SHARED).join(name_of(&id).expect("a name"));
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        std::os::unix::fs::symlink(&own, &file).expect("a link");
        let found = find(&stripped, &own, &root).expect("no error");
        // A file of another build at the same place is not read.
        stripped.build_id.as_mut().expect("an id")[1] ^= 1;
        let name = name_of(stripped.build_id.as_ref().expect("an id"));
        fs::rename(&file, root.join(SHARED).join(name.expect("a name"))).expect("another name");
        let other = find(&stripped, &own, &root).expect("no error");
        fs::remove_dir_all(&root).expect("the folder");
        assert!(found.is_ok_and(|found| found.build_id == Some(id) && found.has_debug_info()));
        assert!(matches!(other, Err(None)));
    }
}
