//! The examples of this package that the tests run. Cargo builds a package's binaries for an integration test, but
//! not its examples.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// The path of an example.
pub(crate) fn example(name: &str) -> PathBuf {
    FOLDER.join(format!("{name}{}", env::consts::EXE_SUFFIX))
}

/// The folder with the examples, which are up to date.
///
/// They are built like the program under test, so that Cargo has only themselves to compile. By now the Cargo that
/// built this test has released the target folder.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let programs = Path::new(env!("CARGO_BIN_EXE_unstuck"));
    let programs = programs.parent().expect("a program lies in a folder");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.args(["build", "--quiet", "--examples"]);
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
    let target = target.expect("the target folder has a folder for tests");
    cargo.arg("--target-dir").arg(target);
    // Its programs lie in `debug`, or in `TRIPLE/debug` if the target was named.
    let below = programs.strip_prefix(target).expect("as Cargo lays it out");
    let below: Vec<&str> = below.iter().filter_map(|name| name.to_str()).collect();
    let profile = match below[..] {
        [profile] => profile,
        [triple, profile] => {
            cargo.args(["--target", triple]);
            profile
        }
        _ => panic!("{} is not laid out as expected", programs.display()),
    };
    let profile = if profile == "debug" { "dev" } else { profile };
    cargo.args(["--profile", profile]);
    let built = cargo.output();
    let built = built.unwrap_or_else(|error| panic!("{cargo:?} can't be run: {error}"));
    let said = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{cargo:?} failed:\n{said}");
    programs.join("examples")
});
