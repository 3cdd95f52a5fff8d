//! Errors that hide their type.

use std::io;

use super::Texts;
use crate::debug_info::{TypeId, Value, Wanted, WantedKind};

/// What was found in one.
pub(super) enum Inside {
    /// A message.
    Text(String),
    /// What is printed as it is.
    Plain(String),
    /// The error, or a context and what it is the context of.
    Values(Vec<Value>),
}

/// A library whose error is a pointer to what has a table of functions, and the error after it.
struct Library {
    /// The error.
    ty: &'static str,
    /// The first of the functions: its generic argument is the type of what is behind the pointer.
    drop: Wanted,
    /// What the pointer points to.
    whole: Wanted,
    /// The types that are only made of others: a message, a boxed error, an error with context.
    wrappers: &'static [&'static str],
}

const fn wanted(namespace: &'static str, name: &'static str, kind: WantedKind) -> Wanted {
    Wanted {
        namespace,
        name,
        kind,
    }
}

const LIBRARIES: [Library; 2] = [
    Library {
        ty: "anyhow::Error",
        drop: wanted("anyhow::error", "object_drop<", WantedKind::Function),
        whole: wanted("anyhow::error", "ErrorImpl<", WantedKind::Type),
        wrappers: &["anyhow::wrapper::", "anyhow::error::ContextError<"],
    },
    Library {
        ty: "eyre::Report",
        drop: wanted("eyre::error", "object_drop<", WantedKind::Function),
        whole: wanted("eyre::error", "ErrorImpl<", WantedKind::Type),
        wrappers: &["eyre::wrapper::", "eyre::error::ContextError<"],
    },
];

const IO_KIND: Wanted = wanted("std::io::error", "ErrorKind", WantedKind::Type);

/// What the pass over the debug info looks for.
pub(crate) const WANTED: &[Wanted] = &[
    IO_KIND,
    LIBRARIES[0].drop,
    LIBRARIES[0].whole,
    LIBRARIES[1].drop,
    LIBRARIES[1].whole,
];

/// What a string is in a `Box<dyn Error>`: a type of the standard library, and a part of the mangled names of its
/// functions.
const STRING_ERROR: &str = "StringError";

/// What is inside an error that hides it. `None` for other values.
pub(super) fn inside(texts: &Texts<'_>, value: &Value) -> Option<Inside> {
    let name = &*value.ty.name;
    if name == "std::io::error::Error" {
        return io_error(texts, value);
    }
    if let Some(library) = LIBRARIES.iter().find(|it| it.ty == name) {
        return of_library(texts, library, value);
    }
    let mut libraries = LIBRARIES.iter();
    if libraries.any(|it| it.wrappers.iter().any(|prefix| name.starts_with(prefix))) {
        let fields = value.ty.fields.iter();
        let values = fields.filter_map(|field| value.field(texts.context.debug, &field.name));
        return Some(Inside::Values(values.collect()));
    }
    if value.ty.own_name() == STRING_ERROR && name.starts_with("alloc::") {
        return string_at(texts, value.address).map(Inside::Text);
    }
    let (pointer, vtable) = texts.trait_object(value)?;
    behind(texts, pointer, vtable)
}

fn of_library(texts: &Texts<'_>, library: &Library, value: &Value) -> Option<Inside> {
    let (debug, memory) = (texts.context.debug, texts.context.memory);
    let whole = value.target(debug, memory)?.address;
    // The table is first in it, and this function first in the table.
    let table = memory.word(whole)?;
    let function = debug.file_address(memory.word(table)?);
    let drops = debug.index.found(library.drop.namespace, library.drop.name);
    let mut same = drops.iter().filter(|found| found.address == function);
    let first = same.next()?;
    // The linker may have merged functions whose code is the same.
    if same.any(|it| it.arguments != first.arguments) {
        return None;
    }
    let types = debug
        .index
        .found(library.whole.namespace, library.whole.name);
    let ty = types
        .iter()
        .find(|found| found.arguments == first.arguments)?;
    let whole = Value::new(debug.ty(TypeId(ty.entry.0)), whole);
    Some(Inside::Values(vec![whole.field(debug, "_object")?]))
}

/// What is behind a trait object: a value, or a string that was turned into a `Box<dyn Error>`. The standard library
/// has no debug info, but symbols.
fn behind(texts: &Texts<'_>, pointer: u64, vtable: u64) -> Option<Inside> {
    if let Some(value) = texts.behind(pointer, vtable) {
        return Some(Inside::Values(vec![value]));
    }
    let is_string = texts.is_string_error(vtable, || {
        let methods = FIRST_METHOD..FIRST_METHOD + 4;
        let mut methods =
            methods.filter_map(|it| texts.context.memory.word(vtable.wrapping_add(8 * it)));
        methods.any(|method| {
            let method = texts.context.debug.file_address(method);
            texts.context.executable.names(method, STRING_ERROR)
        })
    });
    let text = is_string.then(|| string_at(texts, pointer));
    text.flatten().map(Inside::Text)
}

/// In a vtable: after the function that drops, the size and the alignment.
const FIRST_METHOD: u64 = 3;
/// Where a vtable has the size.
const SIZE: u64 = 8;

/// Reads a `String` without debug info. The compiler may order its three fields as it likes, so the pointer is the one
/// that can be followed.
fn string_at(texts: &Texts<'_>, address: u64) -> Option<String> {
    let memory = texts.context.memory;
    let word = |number: u64| memory.word(address.wrapping_add(8 * number));
    let [first, second, third] = [word(0)?, word(1)?, word(2)?];
    let is_pointer = |it: u64| memory.uint(it, 1).is_some();
    let (start, one, other) = if is_pointer(second) {
        (second, first, third)
    } else {
        (first, second, third)
    };
    texts.text_at(start, one.min(other))
}

/// The payload of a panic: what `panic!` makes of its message.
pub(crate) fn panic_message(texts: &Texts<'_>, payload: &Value) -> Option<String> {
    let memory = texts.context.memory;
    let (pointer, vtable) = texts.trait_object(payload)?;
    if let Some(value) = texts.behind(pointer, vtable) {
        return Some(texts.text(&value));
    }
    // Made in the standard library, which has no debug info. There it is one of these two.
    match memory.word(vtable.wrapping_add(SIZE))? {
        16 => texts.text_at(memory.word(pointer)?, memory.word(pointer.wrapping_add(8))?),
        24 => string_at(texts, pointer),
        _ => None,
    }
}

/// As `std::io::Error` packs it into a word.
fn io_error(texts: &Texts<'_>, value: &Value) -> Option<Inside> {
    let memory = texts.context.memory;
    let word = memory.word(value.address)?;
    let pointer = word & !0b11;
    let two = || Some((memory.word(pointer)?, memory.word(pointer.wrapping_add(8))?));
    let upper = u32::try_from(word >> 32).ok()?;
    match word & 0b11 {
        // A constant: a message and a kind.
        0b00 => {
            let (start, length) = two()?;
            texts.text_at(start, length).map(Inside::Text)
        }
        // An error in a box, and a kind.
        0b01 => {
            let (pointer, vtable) = two()?;
            behind(texts, pointer, vtable)
        }
        0b10 => {
            let error = io::Error::from_raw_os_error(upper.cast_signed());
            Some(Inside::Plain(error.to_string()))
        }
        _ => {
            let debug = texts.context.debug;
            let kinds = debug.index.found(IO_KIND.namespace, IO_KIND.name).first()?;
            let kinds = debug.ty(TypeId(kinds.entry.0));
            let kind = kinds.enumerator(upper.into())?;
            Some(Inside::Plain(kind.to_owned()))
        }
    }
}
