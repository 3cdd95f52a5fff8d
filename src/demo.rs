//! The demo: plays a scenario's sides at the same time, each on a runtime and a database of its own,
//! and says what became of them.

mod console;
mod database;
mod error;
mod job;
mod run;
mod scenario;
mod short_locations;
mod side;

pub use error::Error;
pub use job::Job;
pub use run::{Notices, Options, Outcome, run};
pub use scenario::{Chapter, Expected, Fix, Main, Scenario, Side, scenarios};
pub use side::{Posts, SideRun};
