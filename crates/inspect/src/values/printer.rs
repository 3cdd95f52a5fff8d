//! Prints values.

use std::cell::RefCell;
use std::time::Duration;

use foldhash::HashMap;

use super::{erased, lists};
use crate::context::Context;
use crate::debug_info::{DebugInfo, Field, Kind, Type, Value};
use crate::snapshot::Outcome;

/// How many elements of a list are shown.
const ELEMENTS: u64 = 3;
/// How deep values are looked into.
const DEPTH: usize = 12;
/// How many values are looked at for one text.
const VISITS: usize = 500;

/// Strings of the standard library. Each has one slice or vector of bytes in it.
const STRINGS: &[&str] = &[
    "&str",
    "&mut str",
    "alloc::boxed::Box<str, alloc::alloc::Global>",
    "alloc::string::String",
];
/// Strings that print as such, and have one of the above, or bytes, in them.
const LIKE_STRINGS: &[&str] = &[
    "alloc::borrow::Cow<str>",
    "std::ffi::os_str::OsString",
    "std::path::PathBuf",
];
/// Values with one field that says all.
const WRAPPERS: &[&str] = &[
    "core::cell::",
    "core::mem::",
    "core::ptr::",
    "core::sync::atomic::",
    "std::sync::",
];

/// Prints values of one process.
pub(crate) struct Texts<'a> {
    pub(crate) context: &'a Context<'a>,
    /// Which vtables are those of a string as an error.
    string_errors: RefCell<HashMap<u64, bool>>,
}

impl<'a> Texts<'a> {
    pub(crate) fn new(context: &'a Context<'a>) -> Self {
        Self {
            context,
            string_errors: RefCell::default(),
        }
    }

    /// Whether a vtable is that of a string as an error. `find` looks it up the first time.
    pub(super) fn is_string_error(&self, vtable: u64, find: impl FnOnce() -> bool) -> bool {
        let mut known = self.string_errors.borrow_mut();
        *known.entry(vtable).or_insert_with(find)
    }

    /// The two words of a trait object. `None` if the value is none.
    pub(super) fn trait_object(&self, value: &Value) -> Option<(u64, u64)> {
        let (pointer, vtable) = value.ty.as_trait_object()?;
        let word = |offset| self.context.memory.word(value.address.wrapping_add(offset));
        Some((word(pointer)?, word(vtable)?))
    }

    /// What these two words of a trait object lead to. `None` if nothing says its type.
    pub(super) fn behind(&self, pointer: u64, vtable: u64) -> Option<Value> {
        let debug = self.context.debug;
        Some(Value::new(debug.ty(debug.type_behind(vtable)?), pointer))
    }

    /// A value as text. A string is printed without quotes.
    pub(crate) fn text(&self, value: &Value) -> String {
        let mut printer = Printer {
            texts: self,
            out: String::new(),
            visits: 0,
        };
        match self.string(value) {
            Some(text) => printer.push(&text),
            None => printer.value(value, 0),
        }
        printer.finish()
    }

    /// The text of a string. `None` if the value is none.
    pub(super) fn string(&self, value: &Value) -> Option<String> {
        let (debug, memory) = (self.context.debug, self.context.memory);
        let name = &value.ty.name;
        let is_in = |list: &[&str]| list.contains(&&**name);
        if is_in(LIKE_STRINGS) {
            let mut inner = STRINGS.iter();
            let inner = inner.find_map(|name| value.typed(debug, memory, name));
            let inner = inner.or_else(|| value.typed(debug, memory, "alloc::vec::Vec<u8,"));
            return self.bytes(&inner?);
        }
        is_in(STRINGS).then(|| self.bytes(value)).flatten()
    }

    /// The text in a slice or a vector of bytes.
    fn bytes(&self, value: &Value) -> Option<String> {
        let (debug, memory) = (self.context.debug, self.context.memory);
        let (start, length) = if value.ty.as_slice().is_some() {
            let start = value.field(debug, "data_ptr")?.read(memory)?;
            (start, value.field(debug, "length")?.read(memory)?)
        } else {
            let start = value.target(debug, memory)?.address;
            (start, value.named(debug, memory, "len")?.read(memory)?)
        };
        self.text_at(start, length)
    }

    /// The text of so many bytes.
    pub(super) fn text_at(&self, start: u64, length: u64) -> Option<String> {
        // A character has at most four bytes.
        let most = 4 * Outcome::LONGEST as u64;
        let mut bytes = vec![0; usize::try_from(length.min(most)).ok()?];
        if !bytes.is_empty() {
            self.context.memory.read(start, &mut bytes).ok()?;
        }
        let text = match std::str::from_utf8(&bytes) {
            Ok(text) => text,
            Err(error) if length > most && error.error_len().is_none() => {
                std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()?
            }
            Err(_) => return None,
        };
        Some(text.to_owned())
    }
}

struct Printer<'t, 'a> {
    texts: &'t Texts<'a>,
    out: String,
    visits: usize,
}

impl Printer<'_, '_> {
    /// One line, of the longest length at most.
    fn finish(self) -> String {
        let one_line: Vec<&str> = self.out.split_whitespace().collect();
        let text = one_line.join(" ");
        match text.char_indices().nth(Outcome::LONGEST) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    }

    fn push(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn quoted(&mut self, text: &str) {
        self.push(&format!("{text:?}"));
    }

    fn is_full(&self) -> bool {
        self.visits > VISITS || self.out.len() > 4 * Outcome::LONGEST
    }

    /// Adds a value, or what stands for one that can't be shown.
    fn value(&mut self, value: &Value, depth: usize) {
        self.visits += 1;
        if depth > DEPTH || self.is_full() || self.try_value(value, depth).is_none() {
            self.push("…");
        }
    }

    fn try_value(&mut self, value: &Value, depth: usize) -> Option<()> {
        if let Some(text) = self.texts.string(value) {
            self.quoted(&text);
            return Some(());
        }
        if let Some(text) = self.well_known(value) {
            self.push(&text);
            return Some(());
        }
        if let Some(inner) = erased::inside(self.texts, value) {
            self.inside(inner, depth);
            return Some(());
        }
        let (debug, memory) = (self.texts.context.debug, self.texts.context.memory);
        match value.ty.kind {
            Kind::Base => self.base(value),
            Kind::Enum => {
                let number = value.read(memory)?;
                self.push(value.ty.enumerator(number)?);
                Some(())
            }
            Kind::Array => self.list(value, depth),
            Kind::Pointer => {
                let name = &value.ty.name;
                let is_followed = name.starts_with('&') || name.starts_with("alloc::boxed::Box<");
                let target = value.target(debug, memory).filter(|_| is_followed)?;
                self.value(&target, depth + 1);
                Some(())
            }
            Kind::Struct => self.structure(value, depth),
            Kind::Other => None,
        }
    }

    /// What an error that hides its type is.
    fn inside(&mut self, inside: erased::Inside, depth: usize) {
        match inside {
            erased::Inside::Text(text) if self.out.is_empty() => self.push(&text),
            erased::Inside::Text(text) => self.quoted(&text),
            erased::Inside::Plain(text) => self.push(&text),
            // As an error is printed with its causes.
            erased::Inside::Values(values) => {
                for (number, value) in values.iter().enumerate() {
                    if number > 0 {
                        self.push(": ");
                    }
                    match self.texts.string(value) {
                        Some(text) => self.push(&text),
                        None => self.value(value, depth + 1),
                    }
                }
            }
        }
    }

    fn well_known(&self, value: &Value) -> Option<String> {
        let (debug, memory) = (self.texts.context.debug, self.texts.context.memory);
        if &*value.ty.name == "core::time::Duration" {
            let seconds = value.named(debug, memory, "secs")?.read(memory)?;
            let nanos = value.named(debug, memory, "nanos")?;
            let nanos = memory.uint(nanos.address, 4)?;
            let nanos = u32::try_from(nanos).ok().filter(|it| *it < 1_000_000_000)?;
            return Some(format!("{:?}", Duration::new(seconds, nanos)));
        }
        None
    }

    fn base(&mut self, value: &Value) -> Option<()> {
        let memory = self.texts.context.memory;
        let name = &*value.ty.name;
        if name == "()" {
            self.push("()");
            return Some(());
        }
        let bits = value.read(memory)?;
        let unused = 64 - (8 * value.ty.size).clamp(8, 64);
        let text = match name {
            "bool" => (bits != 0).to_string(),
            "char" => format!("{:?}", u32::try_from(bits).ok().and_then(char::from_u32)?),
            "f32" => format!("{:?}", f32::from_bits(u32::try_from(bits).ok()?)),
            "f64" => format!("{:?}", f64::from_bits(bits)),
            _ if name.starts_with('i') => ((bits << unused).cast_signed() >> unused).to_string(),
            _ => bits.to_string(),
        };
        self.push(&text);
        Some(())
    }

    fn list(&mut self, value: &Value, depth: usize) -> Option<()> {
        let list = self.texts.list(value)?;
        self.push("[");
        for (number, element) in list.elements(ELEMENTS).iter().enumerate() {
            if number > 0 {
                self.push(", ");
            }
            self.value(element, depth + 1);
        }
        if list.count > ELEMENTS {
            self.push(", …");
        }
        self.push("]");
        Some(())
    }

    fn structure(&mut self, value: &Value, depth: usize) -> Option<()> {
        let (debug, memory) = (self.texts.context.debug, self.texts.context.memory);
        let name = &value.ty.name;
        if value.ty.as_trait_object().is_some() {
            // What is known of it was looked for before.
            return None;
        }
        if name.starts_with("alloc::sync::Arc<") || name.starts_with("alloc::rc::Rc<") {
            let shared = value.shared(debug, memory)?;
            self.value(&shared, depth + 1);
            return Some(());
        }
        if lists::element(debug, &value.ty).is_some() {
            return self.list(value, depth);
        }
        if let Some(variant) = value.ty.variant_at(debug, memory, value.address) {
            let contents = Value::new(
                debug.ty(variant.ty),
                value.address.wrapping_add(variant.offset),
            );
            return self.named_fields(&variant.name, &contents, depth);
        }
        if value.ty.variants.is_some() {
            return None;
        }
        let is_wrapper = WRAPPERS.iter().any(|prefix| name.starts_with(prefix));
        if is_wrapper && let Some(only) = only_field(debug, &value.ty) {
            self.value(&value.field(debug, &only)?, depth + 1);
            return Some(());
        }
        let own = value.ty.own_name();
        let own = own.split('<').next().unwrap_or(own);
        self.named_fields(own, value, depth)
    }

    fn named_fields(&mut self, name: &str, value: &Value, depth: usize) -> Option<()> {
        let debug = self.texts.context.debug;
        let is_shown = |field: &&Field| debug.ty(field.ty).size > 0 && !hides(&debug.ty(field.ty));
        let fields: Vec<&Field> = value.ty.fields.iter().filter(is_shown).collect();
        let is_tuple = value.ty.fields.iter().all(|it| it.name.starts_with("__"));
        if !name.starts_with('(') {
            self.push(name);
        }
        if fields.is_empty() {
            return Some(());
        }
        self.push(if is_tuple { "(" } else { " { " });
        for (number, field) in fields.iter().enumerate() {
            if number > 0 {
                self.push(", ");
            }
            if !is_tuple {
                self.push(&field.name);
                self.push(": ");
            }
            self.value(&value.field(debug, &field.name)?, depth + 1);
        }
        self.push(if is_tuple { ")" } else { " }" });
        Some(())
    }
}

/// What says nothing of an error.
fn hides(ty: &Type) -> bool {
    ty.name.contains("Backtrace") || ty.name.contains("tracing::span::Span")
}

/// The only field that has a size.
fn only_field(debug: &DebugInfo<'_>, ty: &Type) -> Option<String> {
    let mut fields = ty.fields.iter().filter(|it| debug.ty(it.ty).size > 0);
    let first = fields.next()?;
    fields.next().is_none().then(|| first.name.to_string())
}
