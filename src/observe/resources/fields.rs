//! What is read of a record.

use std::fmt;

use tracing::Event;
use tracing::field::{Field, Visit};
use tracing::span::Attributes;

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Change {
    #[default]
    Set,
    More,
    Less,
}

/// What a record says of what it is about, as far as that matters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Mutex,
    RwLock,
    /// A timer.
    Sleep,
    /// A request for permits.
    Acquire,
    /// A call whose guard owns the lock.
    Owned,
    WakerClone,
    WakerDrop,
    Wake,
    WakeByRef,
}

impl Word {
    fn of(text: &str) -> Option<Self> {
        Some(match text {
            "Mutex" => Self::Mutex,
            "RwLock" => Self::RwLock,
            "Sleep" => Self::Sleep,
            "Acquire::new" => Self::Acquire,
            "waker.clone" => Self::WakerClone,
            "waker.drop" => Self::WakerDrop,
            "waker.wake" => Self::Wake,
            "waker.wake_by_ref" => Self::WakeByRef,
            _ if text.contains("owned") => Self::Owned,
            _ => return None,
        })
    }
}

/// The fields that matter, of a span or an event. No record has two of the same kind.
#[derive(Default)]
pub(super) struct Fields {
    /// The name of the field that has the number or the flag.
    pub(super) what: &'static str,
    pub(super) number: Option<u64>,
    pub(super) flag: bool,
    pub(super) change: Change,
    /// Of `concrete_type`, `source` or `op`.
    pub(super) word: Option<Word>,
    pub(super) file: Option<String>,
    pub(super) line: u64,
    pub(super) is_internal: bool,
}

pub(super) trait Fielded {
    fn record(&self, fields: &mut Fields);
}

impl Fielded for Attributes<'_> {
    fn record(&self, fields: &mut Fields) {
        self.record(fields);
    }
}

impl Fielded for Event<'_> {
    fn record(&self, fields: &mut Fields) {
        self.record(fields);
    }
}

impl Fields {
    pub(super) fn of(record: &impl Fielded) -> Self {
        let mut fields = Self::default();
        record.record(&mut fields);
        fields
    }
}

impl Visit for Fields {
    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "loc.line" => self.line = value,
            "loc.col" | "size.bytes" | "original_size.bytes" => {}
            what => (self.what, self.number) = (what, Some(value)),
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        (self.what, self.number) = (field.name(), value.try_into().ok());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        match field.name() {
            "is_internal" => self.is_internal = value,
            "inherits_child_attrs" => {}
            what => (self.what, self.flag) = (what, value),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match (field.name(), value) {
            ("loc.file", _) => self.file = Some(value.to_owned()),
            ("concrete_type" | "source" | "op", _) => self.word = Word::of(value),
            (_, "add") => self.change = Change::More,
            (_, "sub") => self.change = Change::Less,
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}
