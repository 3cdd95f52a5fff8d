//! Values as text: errors, mostly, about as `{:?}` prints them.
//!
//! No code of the program runs for that. Types tell what a value is made of. The libraries whose errors hide their type
//! have a table in [`erased`].

mod erased;
mod lists;
mod printer;
mod results;

pub(crate) use erased::{WANTED, panic_message};
pub(crate) use printer::Texts;
pub(crate) use results::{RESULT, is_of_results};
