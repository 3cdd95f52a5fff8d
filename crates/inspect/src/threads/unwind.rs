//! The functions on the stack of a thread, without stopping it.
//!
//! The system tells the stack pointer and the program counter of a thread that sleeps, and a core file tells all
//! registers. Call frame information tells where each function's caller is. Functions with a frame pointer need a
//! register that is not known at first: it is computed from the instructions at the start of the function, and
//! checked against the call instruction in the caller.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use gimli::{
    BaseAddresses, CfaRule, EhFrame, EhFrameHdr, LittleEndian, Register, RegisterRule,
    UnwindContext, UnwindSection as _,
};
use object::read::ReadCache;
use object::{Object as _, ObjectSection as _, ObjectSegment as _};

use super::{RSP, Registers};
use crate::memory::Memory;

const RBP: u16 = 6;
/// The return address, as a register.
const RA: u16 = 16;
const REGISTERS: usize = 17;

/// More functions than a stack has.
const FRAMES: usize = 1024;
/// How far a frame pointer is searched for, in bytes.
const SEARCHED_STACK: u64 = 1 << 16;

/// A file with code that is mapped into the process.
struct Module {
    start: u64,
    end: u64,
    /// The path to open it by, if there is one.
    path: Option<PathBuf>,
    unwinding: OnceCell<Option<Unwinding>>,
}

/// A module's call frame information.
struct Unwinding {
    /// An address in memory minus the address in the file.
    bias: u64,
    eh_frame: Vec<u8>,
    eh_frame_address: u64,
    header: Vec<u8>,
    header_address: u64,
}

/// The mapped files. Each is opened when a stack leads into it.
pub(crate) struct Modules(Vec<Module>);

impl Modules {
    /// The modules of a memory. `open_by` says by which path to open a mapped file.
    pub(crate) fn new(memory: &dyn Memory, open_by: impl Fn(&str) -> Option<PathBuf>) -> Self {
        let mut spans: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for region in memory
            .regions()
            .iter()
            .filter(|region| region.path.starts_with('/'))
        {
            let span = spans
                .entry(&region.path)
                .or_insert((region.start, region.end));
            *span = (span.0.min(region.start), span.1.max(region.end));
        }
        let module = |(path, (start, end)): (&str, (u64, u64))| Module {
            start,
            end,
            path: open_by(path),
            unwinding: OnceCell::new(),
        };
        let mut modules: Vec<Module> = spans.into_iter().map(module).collect();
        modules.sort_unstable_by_key(|module| module.start);
        Self(modules)
    }

    /// Makes the program itself readable where its path is not: its file may have been deleted or replaced.
    pub(crate) fn with_executable(mut self, contains: u64, path: PathBuf) -> Self {
        if let Some(module) = self
            .0
            .iter_mut()
            .find(|module| module.start <= contains && contains < module.end)
        {
            module.path = Some(path);
        }
        self
    }

    fn at(&self, address: u64) -> Option<&Module> {
        let number = self
            .0
            .partition_point(|module| module.start <= address)
            .checked_sub(1)?;
        Some(&self.0[number]).filter(|module| address < module.end)
    }

    fn unwinding_at(&self, address: u64) -> Option<&Unwinding> {
        let module = self.at(address)?;
        module
            .unwinding
            .get_or_init(|| Unwinding::read(module))
            .as_ref()
    }
}

impl Unwinding {
    fn read(module: &Module) -> Option<Self> {
        let file = File::open(module.path.as_ref()?).ok()?;
        let (first, eh_frame, header) = {
            let cache = ReadCache::new(&file);
            let object = object::File::parse(&cache).ok()?;
            let first = object.segments().map(|segment| segment.address()).min()? & !0xfff;
            let place = |name| {
                let section = object.section_by_name(name)?;
                let range = section.compressed_file_range().ok()?;
                Some((
                    section.address(),
                    range.offset,
                    usize::try_from(range.uncompressed_size).ok()?,
                ))
            };
            (first, place(".eh_frame")?, place(".eh_frame_hdr"))
        };
        let length = file.metadata().ok()?.len();
        let read = |(_, offset, size): (u64, u64, usize)| {
            offset
                .checked_add(size as u64)
                .filter(|end| *end <= length)?;
            let mut bytes = vec![0; size];
            file.read_exact_at(&mut bytes, offset).ok().map(|()| bytes)
        };
        Some(Self {
            bias: module.start.wrapping_sub(first),
            eh_frame: read(eh_frame)?,
            eh_frame_address: eh_frame.0,
            header: header.and_then(read).unwrap_or_default(),
            header_address: header.map_or(0, |header| header.0),
        })
    }
}

/// A function on a stack.
#[derive(Debug, Clone)]
pub(crate) struct StackFrame {
    /// An address of the instruction that it executes: for all but the innermost one, in the middle of the call.
    pub(crate) address: u64,
    /// The stack pointer before the function was called.
    pub(crate) cfa: u64,
    registers: [Option<u64>; REGISTERS],
}

impl StackFrame {
    /// Where the function's part of the stack begins. Its callee's return address is just below.
    pub(crate) fn stack_pointer(&self) -> u64 {
        self.register(RSP).unwrap_or(self.cfa)
    }

    /// A register as it was in this function, if that is known.
    pub(crate) fn register(&self, number: u16) -> Option<u64> {
        *self.registers.get(usize::from(number))?
    }
}

/// A stack, innermost function first.
pub(crate) struct Stack {
    pub(crate) frames: Vec<StackFrame>,
    /// It was followed to where the thread began.
    pub(crate) complete: bool,
}

pub(crate) struct Unwinder<'a> {
    pub(crate) memory: &'a dyn Memory,
    pub(crate) modules: &'a Modules,
}

/// A function's caller.
struct Caller {
    cfa: u64,
    registers: [Option<u64>; REGISTERS],
    outermost: bool,
}

impl Unwinder<'_> {
    pub(crate) fn stack(&self, start: &Registers) -> Stack {
        let mut registers = [None; REGISTERS];
        registers[..start.general.len()].copy_from_slice(&start.general);
        let stack_pointer = start.stack_pointer().unwrap_or(0);
        let region = self
            .memory
            .regions()
            .iter()
            .find(|region| region.contains(stack_pointer));
        let limit = region.map_or(stack_pointer, |region| region.end);
        let mut stack = Stack {
            frames: Vec::new(),
            complete: false,
        };
        let mut context = UnwindContext::new();
        let mut address = start.program_counter;
        while stack.frames.len() < FRAMES {
            let Some(caller) = self.caller(&mut context, address, &registers, limit) else {
                break;
            };
            let current = registers[usize::from(RSP)].unwrap_or(0);
            if caller.cfa <= current || caller.cfa > limit {
                break;
            }
            stack.frames.push(StackFrame {
                address,
                cfa: caller.cfa,
                registers,
            });
            registers = caller.registers;
            let return_address = registers[usize::from(RA)]
                .take()
                .filter(|address| *address != 0);
            registers[usize::from(RSP)] = Some(caller.cfa);
            match return_address {
                Some(return_address) if !caller.outermost => {
                    address = return_address.wrapping_sub(1);
                }
                _ => {
                    stack.complete = true;
                    break;
                }
            }
        }
        stack
    }

    fn caller(
        &self,
        context: &mut UnwindContext<usize>,
        address: u64,
        registers: &[Option<u64>; REGISTERS],
        limit: u64,
    ) -> Option<Caller> {
        let module = self.modules.unwinding_at(address)?;
        let in_file = address.wrapping_sub(module.bias);
        let mut eh_frame = EhFrame::new(&module.eh_frame, LittleEndian);
        eh_frame.set_address_size(8);
        let bases = BaseAddresses::default()
            .set_eh_frame(module.eh_frame_address)
            .set_eh_frame_hdr(module.header_address);
        let header = EhFrameHdr::new(&module.header, LittleEndian)
            .parse(&bases, 8)
            .ok();
        let table = header.as_ref().and_then(gimli::ParsedEhFrameHdr::table);
        let description = match table {
            Some(table) => table
                .fde_for_address(&eh_frame, &bases, in_file, EhFrame::cie_from_offset)
                .ok()?,
            None => eh_frame
                .fde_for_address(&bases, in_file, EhFrame::cie_from_offset)
                .ok()?,
        };
        let function = module.bias.wrapping_add(description.initial_address());
        let row = description
            .unwind_info_for_address(&eh_frame, &bases, context, in_file)
            .ok()?;
        let mut known = *registers;
        let cfa = match row.cfa() {
            CfaRule::RegisterAndOffset {
                register: Register(register),
                offset,
            } => {
                if *register == RBP && known[usize::from(RBP)].is_none() {
                    known[usize::from(RBP)] =
                        self.frame_pointer(function, known[usize::from(RSP)]?, limit);
                }
                known
                    .get(usize::from(*register))
                    .copied()
                    .flatten()?
                    .wrapping_add_signed(*offset)
            }
            CfaRule::Expression(_) => return None,
        };
        let mut outermost = false;
        let mut of_caller = known;
        for (Register(register), rule) in row.registers() {
            let Some(slot) = of_caller.get_mut(usize::from(*register)) else {
                continue;
            };
            match rule {
                RegisterRule::Offset(offset) => {
                    *slot = self.memory.word(cfa.wrapping_add_signed(*offset));
                }
                RegisterRule::ValOffset(offset) => *slot = Some(cfa.wrapping_add_signed(*offset)),
                RegisterRule::SameValue => {}
                RegisterRule::Undefined => {
                    *slot = None;
                    outermost |= *register == RA;
                }
                _ => *slot = None,
            }
        }
        // Registers that a function need not keep are unknown in its caller.
        for register in [0, 1, 2, 4, 5, 8, 9, 10, 11] {
            of_caller[register] = None;
        }
        Some(Caller {
            cfa,
            registers: of_caller,
            outermost,
        })
    }

    /// The frame pointer of a function that has one.
    fn frame_pointer(&self, function: u64, stack_pointer: u64, limit: u64) -> Option<u64> {
        let called_from = |frame_pointer: u64| {
            let return_address = self.memory.word(frame_pointer.wrapping_add(8))?;
            self.call_before(return_address)
        };
        let fits = |frame_pointer: u64| match called_from(frame_pointer) {
            Some(Call::Direct(target)) => target == function || self.is_jump(target),
            Some(Call::Indirect) => true,
            None => false,
        };
        if let Some(Prologue { depth, slack }) = self.prologue(function) {
            let nearest = stack_pointer.wrapping_add(depth);
            let candidates = (0..=slack / 8).map(|step| nearest.wrapping_add(step * 8));
            if let Some(found) = candidates.into_iter().find(|candidate| fits(*candidate)) {
                return Some(found);
            }
            // The caller called another function, which ended with a jump to this one.
            if slack == 0 && called_from(nearest).is_some() {
                return Some(nearest);
            }
        }
        // A prologue that isn't understood: the first frame whose return address follows a call of this function.
        let end = stack_pointer.saturating_add(SEARCHED_STACK).min(limit);
        let mut candidate = stack_pointer & !7;
        while candidate < end {
            if let Some(Call::Direct(target)) = called_from(candidate)
                && target == function
            {
                return Some(candidate);
            }
            candidate += 8;
        }
        None
    }

    /// The call instruction that ends at an address.
    fn call_before(&self, return_address: u64) -> Option<Call> {
        let module = self.modules.at(return_address)?;
        let start = return_address
            .checked_sub(8)
            .filter(|start| *start >= module.start)?;
        let mut bytes = [0; 8];
        self.memory.read(start, &mut bytes).ok()?;
        let relative = || i64::from(i32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]));
        if bytes[3] == 0xe8 {
            return Some(Call::Direct(return_address.wrapping_add_signed(relative())));
        }
        // Through the global offset table: the target is in memory.
        if bytes[2] == 0xff && bytes[3] == 0x15 {
            let entry = return_address.wrapping_add_signed(relative());
            return self.memory.word(entry).map(Call::Direct);
        }
        // `ff /2` calls through a register or memory. The length depends on how the operand is encoded.
        let is_call = |at: usize| bytes[at] == 0xff && bytes[at + 1] >> 3 & 7 == 2;
        let mode = |at: usize| (bytes[at + 1] >> 6, bytes[at + 1] & 7);
        let indirect = is_call(6) && matches!(mode(6), (3, _) | (0, 0..=3 | 6 | 7))
            || is_call(5) && matches!(mode(5), (1, 0..=3 | 5..=7) | (0, 4))
            || is_call(4) && matches!(mode(4), (1, 4))
            || is_call(2) && matches!(mode(2), (2, 0..=3 | 5..=7) | (0, 5))
            || is_call(1) && matches!(mode(1), (2, 4));
        indirect.then_some(Call::Indirect)
    }

    /// A function that only jumps to another one.
    fn is_jump(&self, function: u64) -> bool {
        matches!(self.memory.uint(function, 1), Some(0xe9 | 0xff))
    }

    /// Reads the start of a function: `push rbp; mov rbp, rsp; push ...; and rsp, -ALIGN; sub rsp, SIZE`.
    fn prologue(&self, function: u64) -> Option<Prologue> {
        let mut code = [0; 96];
        self.memory.read(function, &mut code).ok()?;
        let mut rest = code
            .strip_prefix(&[0xf3, 0x0f, 0x1e, 0xfa])
            .unwrap_or(&code);
        rest = rest.strip_prefix(&[0x55, 0x48, 0x89, 0xe5])?;
        let (mut depth, mut slack) = (0_u64, 0_u64);
        loop {
            match *rest {
                [0x41, 0x50..=0x57, ..] => {
                    depth += 8;
                    rest = &rest[2..];
                }
                [0x50..=0x57, ..] => {
                    depth += 8;
                    rest = &rest[1..];
                }
                [0x48, 0x83, 0xe4, align, ..] => {
                    slack = u64::from(align.cast_signed().unsigned_abs());
                    rest = &rest[4..];
                }
                [0x48, 0x81, 0xe4, a, b, c, d, ..] => {
                    slack = u64::from(i32::from_le_bytes([a, b, c, d]).unsigned_abs());
                    rest = &rest[7..];
                }
                [0x48, 0x83, 0xec, size, ..] => {
                    return Some(Prologue {
                        depth: depth + u64::from(size),
                        slack,
                    });
                }
                [0x48, 0x81, 0xec, a, b, c, d, ..] => {
                    return Some(Prologue {
                        depth: depth + u64::from(u32::from_le_bytes([a, b, c, d])),
                        slack,
                    });
                }
                _ => return Some(Prologue { depth, slack }),
            }
        }
    }
}

enum Call {
    Direct(u64),
    Indirect,
}

struct Prologue {
    /// How far the frame pointer is above the stack pointer in the function's body, at least.
    depth: u64,
    /// How much more that may be, because the stack pointer was aligned.
    slack: u64,
}
