//! Prints what every task of a process waits for: `cargo run -p unstuck-inspect --example tasks -- PID`.

use std::process::ExitCode;

use unstuck_inspect::Inspector;
use unstuck_inspect::snapshot::{AwaitTree, BlockingState, FrameIndex, HeldIn, Origin, Snapshot, WaitsFor};

fn main() -> ExitCode {
    let Some(pid) = std::env::args().nth(1).and_then(|argument| argument.parse().ok()) else {
        eprintln!("usage: tasks PID [--json]");
        return ExitCode::from(2);
    };
    match Inspector::attach(pid).and_then(|inspector| inspector.snapshot()) {
        Ok(snapshot) => {
            print(&snapshot);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn print(snapshot: &Snapshot) {
    for runtime in &snapshot.runtimes {
        println!("runtime {:?} at {}: {:?} tasks, {:?}", runtime.kind, runtime.address, runtime.owned, runtime.blocking_pool);
    }
    for task in &snapshot.tasks {
        println!("task {} {} [{:?}, {} references]", task.id, snapshot[task.name], task.state.lifecycle, task.state.references);
        print_tree(snapshot, &task.futures);
    }
    for block_on in &snapshot.block_ons {
        println!("block_on of thread {}: {}", block_on.thread, snapshot[block_on.name]);
        print_tree(snapshot, &block_on.futures);
    }
    for task in &snapshot.blocking_tasks {
        let state = match task.state {
            BlockingState::Queued => "queued".to_owned(),
            BlockingState::Running { thread: Some(thread) } => format!("runs on thread {thread}"),
            BlockingState::Running { thread: None } => "runs".to_owned(),
        };
        println!("blocking task {} {}: {state}", task.id, snapshot[task.closure]);
    }
    for thread in &snapshot.threads {
        let call = thread.system_call.map_or_else(String::new, |call| format!(", system call {}", call.number));
        println!("thread {} {} {:?}{call}", thread.id, thread.name, thread.state);
        for frame in thread.stack.iter().filter(|frame| frame.origin == Some(Origin::Program)) {
            let name = frame.function.as_deref().unwrap_or("?");
            println!("    {name} at {}:{}", frame.file.as_deref().unwrap_or("?"), frame.line.unwrap_or(0));
        }
    }
    for gap in &snapshot.gaps {
        println!("missing: {gap:?}");
    }
}

fn print_tree(snapshot: &Snapshot, tree: &AwaitTree) {
    print_children(snapshot, tree, None, 1);
}

fn print_children(snapshot: &Snapshot, tree: &AwaitTree, parent: Option<FrameIndex>, depth: usize) {
    let indent = "  ".repeat(depth);
    for (number, frame) in tree.frames.iter().enumerate().filter(|(_, frame)| frame.parent == parent) {
        let place = &snapshot[frame.place];
        let file = place.file.rsplit_once("/registry/src/").map_or(&*place.file, |(_, file)| file);
        let held = held_in(snapshot, frame.held_in);
        println!("{indent}{} at {file}:{}{held}", place.function, place.line);
        if place.in_macro {
            println!("{indent}  in {}:{}-{}", place.function_file, place.first_line, place.last_line);
        }
        for handle in &frame.handles {
            let object = &snapshot[handle.object];
            let local = &snapshot[handle.local];
            println!(
                "{indent}    . {}: {:?}{} of {} at {} {:?}",
                local.name.as_deref().unwrap_or("(unnamed)"),
                handle.kind,
                if handle.maybe_dropped { " (maybe dropped)" } else { "" },
                snapshot[object.type_name],
                object.address,
                object.counts
            );
        }
        print_children(snapshot, tree, Some(FrameIndex(u32::try_from(number).unwrap_or(u32::MAX))), depth + 1);
    }
    for leaf in tree.leaves.iter().filter(|leaf| leaf.frame == parent) {
        let held = held_in(snapshot, leaf.held_in);
        let extra = match &leaf.waits_for {
            WaitsFor::Timer { deadline_ns } => {
                format!(" (in {:.1} s)", (*deadline_ns as f64 - snapshot.taken_at_ns as f64) / 1e9)
            }
            WaitsFor::Task { task } => {
                snapshot.task_at(*task).map_or_else(String::new, |task| format!(" (task {})", task.id))
            }
            WaitsFor::Unknown { type_name } => format!(" ({})", snapshot[*type_name]),
            _ => String::new(),
        };
        println!("{indent}=> {:?}{extra}{held}", leaf.waits_for);
    }
}

fn held_in(snapshot: &Snapshot, held: Option<HeldIn>) -> String {
    held.map_or_else(String::new, |held| {
        let name = snapshot[held.local].name.as_deref().unwrap_or("(unnamed)");
        format!(" (held in `{name}`, not awaited{})", if held.maybe_dropped { ", maybe dropped" } else { "" })
    })
}
