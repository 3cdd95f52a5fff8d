//! A program that `cargo install` built: its code is where Cargo keeps that of libraries.

use std::fs;
use std::path::Path;

use unstuck_inspect::snapshot::Origin;

use crate::program::{Program, cargo_build};

#[test]
fn the_code_of_an_installed_program_is_its_own() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("installed");
    let package = folder.join("registry/src/index-0/programs-0.0.0");
    copy(Path::new("tests/programs"), &package);
    let target = folder.join("target");
    cargo_build(&package, &target, &["--no-default-features"]);
    let program = Program::start_executable(&target.join("debug/programs"), &["minimal"]);
    let snapshot = program.snapshot_at_rest(1);
    assert_eq!(
        snapshot.process.folder.as_deref(),
        Some(package.to_str().expect("text"))
    );
    let [main] = &snapshot.block_ons[..] else {
        panic!("{:?}", snapshot.block_ons);
    };
    assert_eq!(main.origin, Some(Origin::Program));
    let [task] = &snapshot.tasks[..] else {
        panic!("{:?}", snapshot.tasks);
    };
    // `std::future::pending`, but spawned here.
    assert_ne!(task.origin, Some(Origin::Program));
}

/// What a package is built from.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.join("src")).expect("a folder");
    for file in ["Cargo.toml", "Cargo.lock"] {
        fs::copy(from.join(file), to.join(file)).expect("a copy");
    }
    for file in fs::read_dir(from.join("src")).expect("a folder") {
        let file = file.expect("a file");
        fs::copy(file.path(), to.join("src").join(file.file_name())).expect("a copy");
    }
}
