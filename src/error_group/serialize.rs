//! An error group as data: one way only, as errors have no types on the wire.

use std::iter;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::contents::Contents;
use super::{ErrorGroup, Failure, TaskFailure};
use crate::place::Place;

/// With the feature `serde`. A group has these fields, all of them always there:
///
/// | field | what it is |
/// |---|---|
/// | `name` | the name of the group |
/// | `opened_at` | the `file:line` that opened it |
/// | `cancelled` | how many tasks it cancelled |
/// | `flattened` | whether `failures` are those of the groups inside it, too |
/// | `failures` | its [failures](TaskFailure#impl-Serialize-for-TaskFailure), in spawn order |
///
/// No failure is left out or folded, as [`tree`](ErrorGroup::tree) does. Groups are written within groups up to 32
/// levels deep, so that parsers with a limit can read them. One at the last level that has groups inside it is
/// flattened: its `failures` are its own and those of all groups below, depth first, without the groups.
///
/// There is no `Deserialize`: an error is written as its text, from which its type can't be restored.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # use unstuck::TaskGroup;
/// # let errors = TaskGroup::new("pool")
/// #     .scope(async |_| Ok("x".parse::<u8>()?))
/// #     .await
/// #     .unwrap_err();
/// let json = serde_json::to_value(&errors).unwrap();
/// assert_eq!(json["name"], "pool");
/// assert_eq!(json["failures"][0]["task"], "body");
/// assert_eq!(json["failures"][0]["kind"], "error");
/// assert_eq!(json["failures"][0]["message"], "invalid digit found in string");
/// # }
/// ```
impl Serialize for ErrorGroup {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        AtLevel(&self.contents, 1).serialize(serializer)
    }
}

/// With the feature `serde`. A failure has these fields, all of them always there:
///
/// | field | what it is |
/// |---|---|
/// | `task` | the name of the task; `body` for the group's body, `deadline` for its deadline |
/// | `id` | Tokio's id of the task, as text; null if it was no task |
/// | `spawned_at` | the `file:line` that spawned it |
/// | `kind` | how it failed: `error`, `panic`, `group`, `refused` or `deadline`, as in [`Failure`] |
/// | `message` | the text of the error or panic, the group in one line |
/// | `causes` | the texts of its causes, its source first, no more than 100; a group is the last |
/// | `group` | the [group](ErrorGroup#impl-Serialize-for-ErrorGroup) that it ended with, or that is the last of `causes`; null without one, and in a group that is flattened |
impl Serialize for TaskFailure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        AtLevel(self, 0).serialize(serializer)
    }
}

/// The deepest level of groups that is written as such. Parsers have limits: that of `serde_json` is 128 levels, and a
/// level of groups is three of them. And serializers are recursive, so the stack could overflow without a limit.
const DEEPEST: usize = 32;

/// A group, or a failure in a group, at that level; the outermost group is at level 1.
struct AtLevel<T>(T, usize);

impl Serialize for AtLevel<&Contents> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(group, level) = *self;
        let is_flat = level == DEEPEST && group.failures.iter().any(has_group);
        let mut fields = serializer.serialize_struct("ErrorGroup", 5)?;
        fields.serialize_field("name", &group.name)?;
        fields.serialize_field("opened_at", &Place::from(group.opened_at))?;
        fields.serialize_field("cancelled", &group.cancelled)?;
        fields.serialize_field("flattened", &is_flat)?;
        fields.serialize_field("failures", &Members(group, level))?;
        fields.end()
    }
}

fn has_group(failure: &TaskFailure) -> bool {
    failure.failure.group().is_some()
}

/// The failures in a group at that level.
struct Members<'g>(&'g Contents, usize);

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(group, level) = *self;
        if level == DEEPEST {
            serializer.collect_seq(flat(group).map(|failure| AtLevel(failure, level)))
        } else {
            serializer.collect_seq(group.failures.iter().map(|failure| AtLevel(failure, level)))
        }
    }
}

/// The failures of a group and of all groups inside it, those among the causes of an error too, depth first. A
/// failure that is itself a group is left out.
fn flat(group: &Contents) -> impl Iterator<Item = &TaskFailure> {
    let mut ahead: Vec<&TaskFailure> = group.failures.iter().rev().collect();
    iter::from_fn(move || {
        loop {
            let next = ahead.pop()?;
            let inner = next.failure.group();
            ahead.extend(inner.iter().flat_map(|inner| inner.failures.iter().rev()));
            if !matches!(next.failure, Failure::Group(_)) {
                return Some(next);
            }
        }
    })
}

impl Serialize for AtLevel<&TaskFailure> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(failure, level) = *self;
        let kind = match &failure.failure {
            Failure::Error(_) => "error",
            Failure::Panic(_) => "panic",
            Failure::Group(_) => "group",
            Failure::Refused(_) => "refused",
            Failure::Deadline => "deadline",
        };
        let message = match &failure.failure {
            // Without the prefix `panicked: `, as the kind says that.
            Failure::Panic(panic) => panic.message().to_owned(),
            other => other.to_string(),
        };
        let inner = failure.failure.group().filter(|_| level < DEEPEST);
        let mut fields = serializer.serialize_struct("TaskFailure", 7)?;
        fields.serialize_field("task", failure.task())?;
        fields.serialize_field("id", &failure.id().map(|id| id.to_string()))?;
        fields.serialize_field("spawned_at", &failure.spawned_at())?;
        fields.serialize_field("kind", kind)?;
        fields.serialize_field("message", &message)?;
        fields.serialize_field("causes", &failure.failure.causes())?;
        fields.serialize_field("group", &inner.map(|inner| AtLevel(inner, level + 1)))?;
        fields.end()
    }
}

/// With the feature `serde`: as the text `file:line`.
impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
