//! Debug info that is not in the program itself, or is compressed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use unstuck_inspect::{Error, Inspector};

use crate::program::{Program, awaited, executable, own_stack};

/// A folder for copies of the program. Removed once the test is over.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Folder {
    /// `None`, and a line that says so, without objcopy.
    fn new(test: &str) -> Option<Self> {
        if !has_objcopy() {
            return None;
        }
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("debug_files")
            .join(format!("{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        Some(Self(folder))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Makes a file from another with objcopy.
    fn objcopy(&self, options: &[&str], from: &Path, to: &str) -> PathBuf {
        let to = self.path(to);
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        let status = Command::new("objcopy")
            .args(options)
            .args([from, &to])
            // The debug file that a program names is found in the current folder.
            .current_dir(to.parent().expect("a folder"))
            .status();
        assert!(status.expect("objcopy runs").success(), "{options:?}");
        to
    }
}

/// objcopy comes with the linker that rustc needs, but for systems that have another.
fn has_objcopy() -> bool {
    let found = Command::new("objcopy").arg("--version").output().is_ok();
    if !found {
        assert!(
            std::env::var_os("UNSTUCK_SKIP_NOTHING").is_none(),
            "objcopy is missing; install binutils"
        );
        eprintln!("skipped: objcopy is missing");
    }
    found
}

/// What each task waits for: its name, and the program's own functions.
fn stacks(program: &Program) -> Vec<String> {
    let snapshot = program.snapshot_at_rest(8);
    let stack = |task: &unstuck_inspect::snapshot::Task| {
        let leaves = awaited(&task.futures);
        let own = |frame| own_stack(&snapshot, &task.futures, frame);
        let own: Vec<_> = leaves.iter().map(|leaf| own(leaf.frame)).collect();
        format!("{} {own:?}", snapshot[task.name])
    };
    let mut stacks: Vec<String> = snapshot.tasks.iter().map(stack).collect();
    stacks.sort_unstable();
    assert_eq!(snapshot.gaps, []);
    stacks
}

#[track_caller]
fn error(program: &Program) -> Error {
    let Err(error) = Inspector::attach(program.id()) else {
        panic!("it can be read")
    };
    assert_eq!(error.to_string().lines().count(), 1, "{error}");
    error
}

#[test]
fn a_stripped_program_is_read_with_the_debug_file_that_it_names() {
    let Some(folder) = Folder::new("named") else {
        return;
    };
    let whole = executable("dev");
    let expected = stacks(&Program::start(&["handles"]));
    let debug = folder.objcopy(&["--only-keep-debug"], &whole, "app.debug");
    let link = format!("--add-gnu-debuglink={}", debug.display());
    let app = folder.objcopy(&["--strip-all", &link], &whole, "app");
    for place in ["app.debug", ".debug/app.debug"] {
        let place = folder.path(place);
        fs::create_dir_all(place.parent().expect("a folder")).expect("a folder");
        if place != debug {
            fs::rename(&debug, &place).expect("another place");
        }
        let program = Program::start_executable(&app, &["handles"]);
        assert_eq!(stacks(&program), expected, "{}", place.display());
    }
}

#[test]
fn a_debug_file_that_is_missing_or_of_another_build_is_named() {
    let Some(folder) = Folder::new("missing") else {
        return;
    };
    let whole = executable("dev");
    let debug = folder.objcopy(&["--only-keep-debug"], &whole, "app.debug");
    let link = format!("--add-gnu-debuglink={}", debug.display());
    let app = folder.objcopy(&["--strip-all", &link], &whole, "app");
    fs::remove_file(&debug).expect("the debug file");
    let program = Program::start_executable(&app, &["minimal"]);
    let reason = || {
        let snapshot = program.inspector().snapshot().expect("a snapshot");
        snapshot.no_tasks().expect("no tasks").to_owned()
    };
    let advice =
        "put the right one next to the program, into `.debug` there, or below `/usr/lib/debug`";
    let lacks = "has its debug info in the file `app.debug`";
    let missing = format!("{} {lacks}, which was not found; {advice}", app.display());
    assert_eq!(reason(), missing);
    fs::write(&debug, "debug info of another build").expect("a file");
    let other = format!("and {} is of another build", debug.display());
    assert_eq!(
        reason(),
        format!("{} {lacks}, {other}; {advice}", app.display())
    );
}

#[test]
fn compressed_debug_info_is_read() {
    let Some(folder) = Folder::new("compressed") else {
        return;
    };
    let expected = stacks(&Program::start(&["handles"]));
    for format in ["zlib", "zstd", "zlib-gnu"] {
        let option = format!("--compress-debug-sections={format}");
        let app = folder.objcopy(&[&option], &executable("dev"), format);
        let (small, large) = (fs::metadata(&app), fs::metadata(executable("dev")));
        assert!(
            small.expect("the copy").len() < large.expect("the program").len(),
            "{format}"
        );
        let program = Program::start_executable(&app, &["handles"]);
        assert_eq!(stacks(&program), expected, "{format}");
    }
}

#[test]
fn a_compressed_section_that_is_damaged_is_an_error() {
    use std::os::unix::fs::FileExt as _;
    let Some(folder) = Folder::new("damaged") else {
        return;
    };
    for format in ["zlib", "zstd"] {
        let option = format!("--compress-debug-sections={format}");
        let app = folder.objcopy(&[&option], &executable("dev"), format);
        let bytes = fs::read(&app).expect("the copy");
        // The header of a compressed section, and the first bytes of its contents.
        let start: &[u8] = match format {
            "zlib" => &[1, 0, 0, 0, 0, 0, 0, 0],
            _ => &[2, 0, 0, 0, 0, 0, 0, 0],
        };
        let magic: &[u8] = match format {
            "zlib" => &[0x78],
            _ => &[0x28, 0xb5, 0x2f, 0xfd],
        };
        let is_header =
            |at: &usize| bytes[*at..].starts_with(start) && bytes[*at + 24..].starts_with(magic);
        let end = bytes.len() - 64;
        let headers: Vec<usize> = (0..end).step_by(8).filter(is_header).collect();
        assert!(headers.len() > 3, "{format}: {headers:?}");
        let file = fs::File::options()
            .write(true)
            .open(&app)
            .expect("the copy");
        for at in headers {
            file.write_all_at(&[0xff; 32], at as u64 + 40)
                .expect("it can be written");
        }
        drop(file);
        let program = Program::start_executable(&app, &["minimal"]);
        let damaged = error(&program);
        assert!(matches!(damaged, Error::Executable { .. }), "{damaged}");
    }
}
