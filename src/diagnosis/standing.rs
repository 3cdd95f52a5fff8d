//! Where tasks stand, in sentences: those that stand alike are told of together.

use super::{Case, Fate, Parked, prose};
use crate::observe::TaskSeen;

/// `a and b, spawned at main.rs:7: parked on Receiver::recv at main.rs:8`, a sentence each.
pub(super) fn alike<'s>(
    case: &Case<'s>,
    tasks: impl IntoIterator<Item = &'s TaskSeen>,
) -> Vec<String> {
    let told = tasks.into_iter().map(|task| {
        let key = (case.spawned_at(task), standing(case, task));
        (key, task.display_name())
    });
    prose::fold(told)
        .into_iter()
        .map(|((spawned_at, standing), names)| {
            let names = prose::list(names);
            match spawned_at {
                Some(at) => format!("{names}, spawned at {at}: {standing}"),
                None => format!("{names}: {standing}"),
            }
        })
        .collect()
}

fn standing(case: &Case<'_>, task: &TaskSeen) -> String {
    match case.fate(task) {
        Fate::Ended(_) => "has ended".to_owned(),
        Fate::Running => "being polled".to_owned(),
        Fate::Unpolled => "not polled yet".to_owned(),
        Fate::Outlived(None) => "alive, doing what was not observed".to_owned(),
        Fate::Parked(parked) | Fate::Outlived(Some(parked)) => {
            let Parked { at, on, .. } = parked;
            let at = at.map_or_else(String::new, |at| format!(" at {at}"));
            format!("parked on {on}{at}")
        }
    }
}
