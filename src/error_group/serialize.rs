//! An error group as data: one way only, as errors have no types on the wire.

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::{ErrorGroup, Failure, TaskFailure, causes};
use crate::place::Place;

/// With the feature `serde`. A group has these fields, all of them always there:
///
/// | field | what it is |
/// |---|---|
/// | `name` | the name of the group |
/// | `opened_at` | the `file:line` that opened it |
/// | `cancelled` | how many tasks it cancelled |
/// | `failures` | its [failures](TaskFailure#impl-Serialize-for-TaskFailure), in spawn order |
///
/// Nothing is folded or cut, as [`tree`](ErrorGroup::tree) does. There is no `Deserialize`: an error is
/// written as its text, and its type can't be had back from that.
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
        let mut fields = serializer.serialize_struct("ErrorGroup", 4)?;
        fields.serialize_field("name", &self.name)?;
        fields.serialize_field("opened_at", &self.opened_at())?;
        fields.serialize_field("cancelled", &self.cancelled)?;
        fields.serialize_field("failures", &self.failures)?;
        fields.end()
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
/// | `causes` | the texts of what the error was caused by, the nearest first; it ends with a group |
/// | `group` | the [group](ErrorGroup#impl-Serialize-for-ErrorGroup) that it ended with, or that is the last of `causes`; else null |
impl Serialize for TaskFailure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (kind, causes) = match &self.failure {
            Failure::Error(error) => ("error", causes::texts(&**error)),
            Failure::Panic(_) => ("panic", Vec::new()),
            Failure::Group(_) => ("group", Vec::new()),
            Failure::Refused(_) => ("refused", Vec::new()),
            Failure::Deadline => ("deadline", Vec::new()),
        };
        let message = match &self.failure {
            // Its kind says already that it is one.
            Failure::Panic(panic) => panic.message().to_owned(),
            other => other.to_string(),
        };
        let mut fields = serializer.serialize_struct("TaskFailure", 7)?;
        fields.serialize_field("task", &self.task)?;
        fields.serialize_field("id", &self.id.map(|id| id.to_string()))?;
        fields.serialize_field("spawned_at", &self.spawned_at())?;
        fields.serialize_field("kind", kind)?;
        fields.serialize_field("message", &message)?;
        fields.serialize_field("causes", &causes)?;
        fields.serialize_field("group", &self.failure.group())?;
        fields.end()
    }
}

/// With the feature `serde`: as the text `file:line`.
impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
