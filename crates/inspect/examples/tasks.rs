//! Prints what every task of a process waits for: `cargo run -p unstuck-inspect --example tasks -- PID`.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;
use std::time::Duration;

use unstuck_inspect::Inspector;
use unstuck_inspect::snapshot::{
    AwaitTree, BlockingState, FrameIndex, Handle, HeldIn, Origin, Snapshot, WaitsFor,
};

fn main() -> ExitCode {
    let Some(pid) = std::env::args()
        .nth(1)
        .and_then(|argument| argument.parse().ok())
    else {
        eprintln!("usage: tasks PID");
        return ExitCode::from(2);
    };
    match Inspector::attach(pid).and_then(|inspector| inspector.snapshot()) {
        Ok(snapshot) => {
            let mut out = BufWriter::new(io::stdout().lock());
            // A reader that has seen enough, such as `head`, closes the pipe.
            let _ = print(&mut out, &snapshot).and_then(|()| out.flush());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn print(out: &mut impl Write, snapshot: &Snapshot) -> io::Result<()> {
    for runtime in &snapshot.runtimes {
        writeln!(
            out,
            "runtime {:?} at {}: {:?} tasks, {:?}",
            runtime.kind, runtime.address, runtime.owned, runtime.blocking_pool
        )?;
    }
    for task in &snapshot.tasks {
        writeln!(
            out,
            "task {} {} [{:?}, {} references]",
            task.id, snapshot[task.name], task.state.lifecycle, task.state.references
        )?;
        print_tree(out, snapshot, &task.futures, None, 1)?;
    }
    for block_on in &snapshot.block_ons {
        writeln!(
            out,
            "block_on of thread {}: {}",
            block_on.thread, snapshot[block_on.name]
        )?;
        print_tree(out, snapshot, &block_on.futures, None, 1)?;
    }
    for task in &snapshot.blocking_tasks {
        let state = match task.state {
            BlockingState::Queued => "queued".to_owned(),
            BlockingState::Running {
                thread: Some(thread),
            } => format!("runs on thread {thread}"),
            BlockingState::Running { thread: None } => "runs".to_owned(),
        };
        writeln!(
            out,
            "blocking task {} {}: {state}",
            task.id, snapshot[task.closure]
        )?;
    }
    for thread in &snapshot.threads {
        let call = thread
            .system_call
            .map_or_else(String::new, |call| format!(", system call {}", call.number));
        writeln!(
            out,
            "thread {} {} {:?}{call}",
            thread.id, thread.name, thread.state
        )?;
        for frame in thread
            .stack
            .iter()
            .filter(|frame| frame.origin == Some(Origin::Program))
        {
            let name = frame.function.as_deref().unwrap_or("?");
            writeln!(
                out,
                "    {name} at {}:{}",
                frame.file.as_deref().unwrap_or("?"),
                frame.line.unwrap_or(0)
            )?;
        }
    }
    for object in &snapshot.objects {
        let futures = &object.futures;
        if object.handles.is_empty() && futures.frames.is_empty() && futures.leaves.is_empty() {
            continue;
        }
        writeln!(
            out,
            "{} at {} {:?}",
            snapshot[object.type_name], object.address, object.counts
        )?;
        print_handles(out, snapshot, &object.handles, "")?;
        print_tree(out, snapshot, futures, None, 1)?;
    }
    for gap in &snapshot.gaps {
        writeln!(out, "missing: {gap:?}")?;
    }
    Ok(())
}

fn print_handles(
    out: &mut impl Write,
    snapshot: &Snapshot,
    handles: &[Handle],
    indent: &str,
) -> io::Result<()> {
    for handle in handles {
        let object = &snapshot[handle.object];
        let local = &snapshot[handle.local];
        writeln!(
            out,
            "{indent}    . {}: {:?}{} of {} at {} {:?}",
            local.name.as_deref().unwrap_or("(unnamed)"),
            handle.kind,
            if handle.maybe_dropped {
                " (maybe dropped)"
            } else {
                ""
            },
            snapshot[object.type_name],
            object.address,
            object.counts
        )?;
    }
    Ok(())
}

fn print_tree(
    out: &mut impl Write,
    snapshot: &Snapshot,
    tree: &AwaitTree,
    parent: Option<FrameIndex>,
    depth: usize,
) -> io::Result<()> {
    let indent = "  ".repeat(depth);
    if parent.is_none() {
        print_handles(out, snapshot, &tree.handles, &indent)?;
    }
    for (number, frame) in tree
        .frames
        .iter()
        .enumerate()
        .filter(|(_, frame)| frame.parent == parent)
    {
        let place = &snapshot[frame.place];
        let file = place
            .file
            .rsplit_once("/registry/src/")
            .map_or(&*place.file, |(_, file)| file);
        let held = held_in(snapshot, frame.held_in);
        writeln!(
            out,
            "{indent}{} at {file}:{}{held}",
            place.function, place.line
        )?;
        if !place.has_own_line() {
            writeln!(
                out,
                "{indent}  in {}:{}-{}",
                place.function_file, place.first_line, place.last_line
            )?;
        }
        print_handles(out, snapshot, &frame.handles, &indent)?;
        print_tree(
            out,
            snapshot,
            tree,
            Some(FrameIndex(u32::try_from(number).unwrap_or(u32::MAX))),
            depth + 1,
        )?;
    }
    for leaf in tree.leaves.iter().filter(|leaf| leaf.frame == parent) {
        let held = held_in(snapshot, leaf.held_in);
        let extra = match &leaf.waits_for {
            WaitsFor::Timer { deadline_ns, .. } => {
                let left = |now| Duration::from_nanos(deadline_ns.saturating_sub(now));
                let left = snapshot.taken_at_ns.map(left);
                left.map_or_else(String::new, |left| format!(" (in {left:.1?})"))
            }
            WaitsFor::Task { task } => {
                let id = snapshot.task_at(*task).map(|task| task.id);
                let id = id.or_else(|| snapshot.blocking_task_at(*task).map(|task| task.id));
                id.map_or_else(String::new, |id| format!(" (task {id})"))
            }
            WaitsFor::Unknown { type_name } => format!(" ({})", snapshot[*type_name]),
            _ => String::new(),
        };
        writeln!(out, "{indent}=> {:?}{extra}{held}", leaf.waits_for)?;
    }
    Ok(())
}

fn held_in(snapshot: &Snapshot, held: Option<HeldIn>) -> String {
    held.map_or_else(String::new, |held| {
        let name = snapshot[held.local].name.as_deref().unwrap_or("(unnamed)");
        format!(
            " (held in `{name}`, not awaited{})",
            if held.maybe_dropped {
                ", maybe dropped"
            } else {
                ""
            }
        )
    })
}
