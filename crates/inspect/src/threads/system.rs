//! What Linux says about threads, in `/proc/PID/task`.

use std::fs;
use std::io;

use super::{RawThread, Registers};
use crate::snapshot::{SystemCall, ThreadState};

/// The threads of a process, a process id or `self`, in ascending order of their ids. Threads that end meanwhile
/// are left out.
pub(crate) fn threads(process: &str) -> io::Result<Vec<RawThread>> {
    let mut threads = Vec::new();
    for entry in fs::read_dir(format!("/proc/{process}/task"))? {
        let Ok(entry) = entry else { continue };
        let Some(id) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let read = |file| fs::read_to_string(entry.path().join(file));
        let Ok(name) = read("comm") else { continue };
        let (system_call, registers) =
            read("syscall").map_or((None, None), |line| parse_system_call(&line));
        threads.push(RawThread {
            id,
            name: name.trim_end().to_owned(),
            state: read("stat").map_or(ThreadState::Other, |line| parse_state(&line)),
            system_call,
            registers,
        });
    }
    threads.sort_unstable_by_key(|thread| thread.id);
    Ok(threads)
}

/// A line of `/proc/PID/task/TID/syscall`: the number, six arguments, the stack pointer, the program counter.
/// `running` if the thread runs, and -1 with the last two alone if it sleeps outside of a system call.
fn parse_system_call(line: &str) -> (Option<SystemCall>, Option<Registers>) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let hex = |word: &str| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok();
    let registers = match words[..] {
        [.., stack_pointer, program_counter] => hex(stack_pointer).zip(hex(program_counter)),
        _ => None,
    };
    let registers = registers.map(|(stack_pointer, program_counter)| {
        Registers::sleeping(program_counter, stack_pointer)
    });
    let system_call = match words[..] {
        [number, first, _, ..] => number.parse().ok().zip(hex(first)),
        _ => None,
    };
    let system_call = system_call.map(|(number, first_argument)| SystemCall {
        number,
        first_argument,
    });
    (system_call, registers)
}

/// A line of `/proc/PID/task/TID/stat`: the state follows the name, which is in parentheses and may contain any.
fn parse_state(line: &str) -> ThreadState {
    match line
        .rsplit_once(") ")
        .and_then(|(_, rest)| rest.chars().next())
    {
        Some('R') => ThreadState::Running,
        Some('S' | 'I') => ThreadState::Sleeping,
        Some('D') => ThreadState::DiskSleep,
        Some('T' | 't') => ThreadState::Stopped,
        Some('Z' | 'X' | 'x') => ThreadState::Dead,
        _ => ThreadState::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleeping_thread_has_registers_and_a_running_one_has_none() {
        let (call, registers) =
            parse_system_call("202 0x7f01 0x80 0x1 0x0 0x0 0x7f02 0x7ffc8a10 0x7f5e2d1a\n");
        assert_eq!(
            call,
            Some(SystemCall {
                number: 202,
                first_argument: 0x7f01
            })
        );
        let registers = registers.expect("registers");
        assert_eq!(
            (registers.stack_pointer(), registers.program_counter),
            (Some(0x7ffc_8a10), 0x7f5e_2d1a)
        );

        let (call, registers) = parse_system_call("-1 0x7ffc8a10 0x7f5e2d1a\n");
        assert_eq!(call, None);
        assert!(registers.is_some());

        let (call, registers) = parse_system_call("running\n");
        assert_eq!(call, None);
        assert!(registers.is_none());
    }

    #[test]
    fn the_name_of_a_thread_may_contain_a_parenthesis() {
        assert_eq!(
            parse_state("17 (a) R (b) S 1 17 17 0"),
            ThreadState::Sleeping
        );
    }
}
