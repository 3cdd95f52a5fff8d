//! Who acts in a process.

use unstuck_inspect::snapshot::{
    Address, AwaitTree, BlockingState, FrameIndex, Handle, Origin, PlaceId, Snapshot,
};

use super::maps::HashMap;

/// Something that runs code of the program, and holds what its frames hold. The number is the index in its list in the
/// snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Actor {
    /// An async task.
    Task(usize),
    /// A future that a thread runs with `block_on`.
    BlockOn(usize),
    /// A closure of a blocking pool.
    Blocking(usize),
}

impl Actor {
    /// All actors of a snapshot, those of `block_on` first.
    pub(crate) fn all(snapshot: &Snapshot) -> impl Iterator<Item = Self> {
        let block_ons = (0..snapshot.block_ons.len()).map(Self::BlockOn);
        let tasks = (0..snapshot.tasks.len()).map(Self::Task);
        let blocking = (0..snapshot.blocking_tasks.len()).map(Self::Blocking);
        block_ons.chain(tasks).chain(blocking)
    }

    /// What it awaits. `None` for a closure.
    pub fn futures(self, snapshot: &Snapshot) -> Option<&AwaitTree> {
        match self {
            Self::Task(index) => Some(&snapshot.tasks[index].futures),
            Self::BlockOn(index) => Some(&snapshot.block_ons[index].futures),
            Self::Blocking(_) => None,
        }
    }

    /// The handles that it holds, and the frames that hold them.
    pub(super) fn handles(
        self,
        snapshot: &Snapshot,
    ) -> impl Iterator<Item = (&Handle, Option<FrameIndex>)> {
        let futures = match self {
            Self::Blocking(index) => Some(&snapshot.blocking_tasks[index].futures),
            Self::Task(_) | Self::BlockOn(_) => self.futures(snapshot),
        };
        let (closure, has_frames) = match self {
            Self::Blocking(index) => (&*snapshot.blocking_tasks[index].handles, false),
            Self::Task(_) | Self::BlockOn(_) => (&[][..], true),
        };
        let outside = closure
            .iter()
            .chain(futures.into_iter().flat_map(|it| &it.handles));
        let frames = futures.into_iter().flat_map(|it| &it.frames);
        let of_frames = (0..)
            .map(FrameIndex)
            .zip(frames)
            .flat_map(move |(index, frame)| {
                let index = has_frames.then_some(index);
                frame.handles.iter().map(move |handle| (handle, index))
            });
        outside.map(|handle| (handle, None)).chain(of_frames)
    }

    /// The program's own functions from a frame outwards; those of libraries if there are no others.
    pub fn places(self, snapshot: &Snapshot, frame: Option<FrameIndex>) -> Vec<PlaceId> {
        let Some(futures) = self.futures(snapshot) else {
            return Vec::new();
        };
        let all = || futures.ancestors(frame).map(|frame| frame.place);
        let is_own = |place: &PlaceId| snapshot[*place].origin == Origin::Program;
        let own: Vec<PlaceId> = all().filter(is_own).collect();
        if own.is_empty() { all().collect() } else { own }
    }

    /// The innermost of those places.
    pub(super) fn place(self, snapshot: &Snapshot, frame: Option<FrameIndex>) -> Option<PlaceId> {
        let futures = self.futures(snapshot)?;
        let mut places = futures.ancestors(frame).map(|frame| frame.place);
        let innermost = places.next()?;
        let own = std::iter::once(innermost).chain(places);
        let mut own = own.filter(|place| snapshot[*place].origin == Origin::Program);
        own.next().or(Some(innermost))
    }

    /// The thread that it has for itself.
    pub fn thread(self, snapshot: &Snapshot) -> Option<u32> {
        match self {
            Self::Task(_) => None,
            Self::BlockOn(index) => Some(snapshot.block_ons[index].thread),
            Self::Blocking(index) => match snapshot.blocking_tasks[index].state {
                BlockingState::Running { thread } => thread,
                BlockingState::Queued => None,
            },
        }
    }
}

/// Finds tasks by their addresses.
pub(super) fn by_address(snapshot: &Snapshot) -> HashMap<Address, Actor> {
    let tasks = snapshot.tasks.iter().enumerate();
    let tasks = tasks.map(|(index, it)| (it.address, Actor::Task(index)));
    let blocking = snapshot.blocking_tasks.iter().enumerate();
    let blocking = blocking.map(|(index, it)| (it.address, Actor::Blocking(index)));
    tasks.chain(blocking).collect()
}
