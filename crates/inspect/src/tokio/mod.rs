//! Tokio: its names, its bit meanings, and what is read with them. Nothing outside this module knows either.
//!
//! Every name is in [`names`], or in the module of another library's channels, with the feature that needs it. A name
//! that the program's Tokio does not have turns that feature off and is reported; nothing is guessed in its place.

pub(crate) mod async_channel;
pub(crate) mod channels;
pub(crate) mod connections;
pub(crate) mod flume;
pub(crate) mod futures_channel;
pub(crate) mod handles;
pub(crate) mod names;
pub(crate) mod outcomes;
pub(crate) mod own;
pub(crate) mod parking;
pub(crate) mod pipes;
pub(crate) mod polls;
pub(crate) mod pool;
pub(crate) mod runtimes;
pub(crate) mod sides;
pub(crate) mod tasks;
pub(crate) mod threads;
pub(crate) mod util;
pub(crate) mod waits;
pub(crate) mod wakers;
