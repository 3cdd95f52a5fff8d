//! What tokio-console sees, over its own protocol.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

use console_api::field::{Name, Value};
use console_api::instrument::instrument_client::InstrumentClient;
use console_api::instrument::{InstrumentRequest, Update};
use console_api::{Field, Location};
use tempfile::TempDir;
use tokio::time::timeout;

/// The program with its console, until the test is over.
pub(crate) struct Served {
    unstuck: Child,
    pub(crate) address: String,
    messages: BufReader<ChildStderr>,
    /// What it leaves behind when it is killed.
    _temporary: TempDir,
}

impl Served {
    pub(crate) fn start() -> Self {
        let temporary = tempfile::tempdir().expect("a folder");
        let mut unstuck = Command::new(env!("CARGO_BIN_EXE_unstuck"))
            .args(["run", "--console", "127.0.0.1:0"])
            .env("TMPDIR", temporary.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let messages = BufReader::new(unstuck.stderr.take().expect("it is piped"));
        // From here on, the program is killed if the test fails.
        let mut served = Self {
            unstuck,
            address: String::new(),
            messages,
            _temporary: temporary,
        };
        let line = served.message();
        assert!(line.contains("can connect to join-all"), "{line}");
        let other = served.message();
        assert!(other.contains("can connect to task-group"), "{other}");
        let at = line
            .find("http://")
            .unwrap_or_else(|| panic!("no address in {line}"));
        line[at..].trim().clone_into(&mut served.address);
        assert_eq!(
            served.message(),
            "join-all is stuck, and held; Ctrl+\\ explains, Ctrl+C explains and ends it\n"
        );
        served
    }

    /// The next line on standard error.
    fn message(&mut self) -> String {
        let mut line = String::new();
        self.messages.read_line(&mut line).expect("it is text");
        line
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.unstuck.kill();
        let _ = self.unstuck.wait();
    }
}

/// All that was told of tasks and resources so far.
#[derive(Default)]
struct Seen {
    tasks: HashMap<u64, String>,
    /// Where tasks were spawned, with and without a name.
    places: HashSet<String>,
    /// Events: their names, and where they were made.
    events: HashMap<u64, (String, Option<Location>)>,
    /// Waits: the resource, and the task.
    waits: HashMap<u64, (u64, Option<u64>)>,
}

fn named(fields: &[Field], name: &str) -> Option<String> {
    let is_it = |field: &&Field| matches!(&field.name, Some(Name::StrName(it)) if it == name);
    match &fields.iter().find(is_it)?.value {
        Some(Value::StrVal(text) | Value::DebugVal(text)) => Some(text.clone()),
        _ => None,
    }
}

impl Seen {
    fn take(&mut self, update: Update) {
        for task in update
            .task_update
            .into_iter()
            .flat_map(|tasks| tasks.new_tasks)
        {
            let at = task.location.unwrap_or_default();
            let place = format!("{}:{}:{}", at.file(), at.line(), at.column());
            self.places.insert(place);
            if let (Some(id), Some(name)) = (task.id, named(&task.fields, "task.name")) {
                self.tasks.insert(id.id, name);
            }
        }
        if let Some(resources) = update.resource_update {
            for resource in resources.new_resources {
                if resource.concrete_type == "Event"
                    && let Some(id) = resource.id
                {
                    self.events
                        .insert(id.id, (String::new(), resource.location));
                }
            }
            for (id, stats) in resources.stats_update {
                let fields: Vec<Field> = stats
                    .attributes
                    .into_iter()
                    .filter_map(|a| a.field)
                    .collect();
                if let (Some(event), Some(name)) =
                    (self.events.get_mut(&id), named(&fields, "name"))
                {
                    event.0 = name;
                }
            }
        }
        if let Some(ops) = update.async_op_update {
            for op in ops
                .new_async_ops
                .into_iter()
                .filter(|op| op.source == "Event::wait")
            {
                if let (Some(id), Some(resource)) = (op.id, op.resource_id) {
                    self.waits.insert(id.id, (resource.id, None));
                }
            }
            for (id, stats) in ops.stats_update {
                if let Some(wait) = self.waits.get_mut(&id) {
                    wait.1 = stats.task_id.map(|task| task.id);
                }
            }
        }
    }

    /// Who waits for which event, made in which file.
    fn waiter(&self) -> Option<(String, String, String)> {
        let (event, task) = self
            .waits
            .values()
            .find_map(|(event, task)| Some((event, (*task)?)))?;
        let (name, location) = self.events.get(event)?;
        let file = location.as_ref()?.file.clone()?;
        Some((self.tasks.get(&task)?.clone(), name.clone(), file))
    }

    /// The names of all tasks that have one.
    fn names(&self) -> Vec<&str> {
        let names = self.tasks.values().map(String::as_str);
        let mut names: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
        names.sort_unstable();
        names
    }
}

#[tokio::test]
async fn it_shows_the_named_tasks_and_the_event_with_the_task_that_waits_for_it() {
    let served = Served::start();
    let mut client = InstrumentClient::connect(served.address.clone())
        .await
        .expect("a connection");
    let mut updates = client
        .watch_updates(InstrumentRequest {})
        .await
        .expect("updates")
        .into_inner();
    let mut seen = Seen::default();
    let expected = ["main", "worker-0", "worker-1", "worker-2"];
    let looking = async {
        while seen.names() != expected || seen.waiter().is_none() {
            let update = updates.message().await.expect("a message");
            seen.take(update.expect("the stream goes on"));
        }
    };
    let found = timeout(Duration::from_mins(5), looking).await;
    assert!(
        found.is_ok(),
        "only {:?}, and {:?}",
        seen.names(),
        seen.waiter()
    );
    assert_eq!(
        seen.waiter().expect("it is there"),
        (
            "main".to_owned(),
            "ALL_DONE".to_owned(),
            "join_all.rs".to_owned()
        )
    );
    // What tokio-console 0.1 has room for on 120 columns, before it cuts names to six characters.
    let name = expected.iter().map(|name| name.len()).max().unwrap();
    let place = seen.places.iter().map(String::len).max().unwrap();
    assert!(name + place <= 52, "{:?}", seen.places);
}
