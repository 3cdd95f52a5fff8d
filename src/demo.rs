//! The demo: plays a scenario's sides at the same time, each in a process and on a database of its own,
//! and says what became of them.

mod console;
mod database;
mod error;
mod job;
mod player;
mod row;
mod run;
mod scenario;
mod short_locations;
mod side;

pub use error::Error;
pub use job::Job;
pub(crate) use player::play_if_asked;
pub(crate) use row::{Progress, run_row};
pub(crate) use run::run;
pub use run::{Notices, Options, Outcome};
pub use scenario::{Chapter, Expected, Fix, Main, Scenario, Side, scenarios};
pub use side::{Posts, SideRun};
