//! Which types matter: those from which something of interest can be reached.

use foldhash::{HashMap, HashMapExt as _, HashSet, HashSetExt as _};

use crate::debug_info::{DebugInfo, Kind, Type, TypeId};
use crate::tokio::channels;
use crate::tokio::handles;
use crate::tokio::names::{ONCE, WAKER};
use crate::tokio::pipes;
use crate::tokio::sides;
use crate::tokio::waits::{self, WaitKind};

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Purpose {
    /// What a future awaits.
    Await,
    /// What a local holds.
    Hold,
    /// Whether a shared value is worth noting.
    Share,
}

/// Containers of the standard library that own elements of the type of their first argument.
pub(super) const VEC: &str = "alloc::vec::Vec<";
pub(super) const DEQUE: &str = "alloc::collections::vec_deque::VecDeque<";
/// The table of a `HashMap` or `HashSet`, and the tree of a `BTreeMap` or `BTreeSet`.
pub(super) const TABLE: &str = "hashbrown::raw::RawTable<";
pub(super) const TREE: &str = "alloc::collections::btree::map::BTreeMap<";
const CONTAINERS: [&str; 4] = [VEC, DEQUE, TABLE, TREE];
/// May be uninitialized, so nothing in it can be trusted.
const MAYBE_UNINIT: &str = "core::mem::maybe_uninit::MaybeUninit<";

/// Which types were found to matter.
#[derive(Default)]
pub(super) struct Reach(HashMap<(TypeId, Purpose), bool>);

enum Next {
    Decided(bool),
    Types(Vec<TypeId>),
}

impl Reach {
    /// Whether something of interest can be reached from the type.
    ///
    /// Types are recursive, so an answer for one type is only right once all types that it leads to were looked at:
    /// all of them are collected first, and what is of interest is then passed back to what leads to it.
    pub(super) fn matters(&mut self, debug: &DebugInfo<'_>, ty: TypeId, purpose: Purpose) -> bool {
        if let Some(known) = self.0.get(&(ty, purpose)) {
            return *known;
        }
        let mut leads_from: HashMap<TypeId, Vec<TypeId>> = HashMap::new();
        let mut seen = HashSet::from_iter([ty]);
        let mut open = vec![ty];
        let mut of_interest = Vec::new();
        while let Some(id) = open.pop() {
            let known = self.0.get(&(id, purpose)).copied();
            let next =
                known.map_or_else(|| self.next(debug, &debug.ty(id), purpose), Next::Decided);
            match next {
                Next::Decided(true) => of_interest.push(id),
                Next::Decided(false) => {}
                Next::Types(types) => {
                    for to in types {
                        leads_from.entry(to).or_default().push(id);
                        if seen.insert(to) {
                            open.push(to);
                        }
                    }
                }
            }
        }
        let mut matter = HashSet::new();
        while let Some(id) = of_interest.pop() {
            if matter.insert(id) {
                of_interest.extend(leads_from.get(&id).into_iter().flatten());
            }
        }
        for id in seen {
            self.0.insert((id, purpose), matter.contains(&id));
        }
        matter.contains(&ty)
    }

    /// What a type leads to.
    fn next(&mut self, debug: &DebugInfo<'_>, ty: &Type, purpose: Purpose) -> Next {
        if ty.is_coroutine() {
            return Next::Decided(true);
        }
        if let Some(kind) = waits::kind_of(ty) {
            // Nothing can be told of a future that waits for nothing and is not awaited.
            return Next::Decided(purpose == Purpose::Await || kind != WaitKind::Pending);
        }
        if purpose == Purpose::Await && sides::sides_of(ty).is_some() {
            return Next::Decided(true);
        }
        if purpose != Purpose::Await && pipes::ends_of(ty).is_some() {
            return Next::Decided(true);
        }
        if purpose != Purpose::Await && handles::kind_of(ty).is_some() {
            return Next::Decided(true);
        }
        // Who shares a place where a waker is kept can wake somebody.
        if purpose == Purpose::Share && (handles::is_primitive(ty) || &*ty.name == WAKER) {
            return Next::Decided(true);
        }
        if purpose != Purpose::Await && handles::is_opaque(ty) {
            return Next::Decided(false);
        }
        if handles::shared_kind_of(ty).is_some() {
            let shared = ty.arguments.first().copied();
            return match (purpose, shared) {
                (Purpose::Await, _) | (_, None) => Next::Decided(false),
                // What a trait object holds is only known once there is one.
                (Purpose::Hold, Some(shared)) if is_trait(&debug.ty(shared)) => Next::Decided(true),
                (Purpose::Hold, Some(shared)) if self.matters(debug, shared, Purpose::Share) => {
                    Next::Decided(true)
                }
                (_, Some(shared)) => Next::Types(vec![shared]),
            };
        }
        if ty.as_trait_object().is_some() {
            return Next::Decided(follows_trait_object(ty, purpose));
        }
        if let Some((..)) = ty.as_slice() {
            let element = ty
                .field("data_ptr")
                .and_then(|field| debug.ty(field.ty).target);
            let followed = ty.name.starts_with("alloc::boxed::Box<")
                || purpose == Purpose::Await && ty.name.starts_with("&mut ");
            return Next::Types(element.filter(|_| followed).into_iter().collect());
        }
        if ty.name.starts_with(MAYBE_UNINIT) {
            return Next::Decided(false);
        }
        if CONTAINERS.iter().any(|prefix| ty.name.starts_with(prefix)) {
            // The last argument of each is an allocator, which holds nothing.
            return Next::Types(ty.arguments.to_vec());
        }
        if purpose != Purpose::Await && channels::has_queue(ty) {
            return Next::Types(ty.arguments.first().copied().into_iter().collect());
        }
        if ONCE.iter().any(|once| ty.name.starts_with(once.ty)) {
            return Next::Types(ty.arguments.first().copied().into_iter().collect());
        }
        Next::Types(match ty.kind {
            Kind::Pointer => ty
                .target
                .filter(|_| follows_pointer(ty, purpose))
                .into_iter()
                .collect(),
            Kind::Array => ty.target.into_iter().collect(),
            Kind::Struct => {
                let variants = ty
                    .variants
                    .iter()
                    .flat_map(|variants| variants.list.iter().map(|variant| variant.ty));
                ty.fields
                    .iter()
                    .map(|field| field.ty)
                    .chain(variants)
                    .collect()
            }
            Kind::Base | Kind::Enum | Kind::Other => Vec::new(),
        })
    }
}

/// Whether this is what a trait object points to.
pub(super) fn is_trait(ty: &Type) -> bool {
    ty.name.starts_with("dyn ") || ty.name.starts_with("(dyn ")
}

/// What is polled is owned or mutably borrowed. A local that borrows something does not hold it.
pub(super) fn follows_pointer(ty: &Type, purpose: Purpose) -> bool {
    ty.name.starts_with("alloc::boxed::Box<")
        || purpose == Purpose::Await && ty.name.starts_with("&mut ")
}

/// Whatever is behind a trait object may be polled: a future, a stream, or the connection of one.
fn follows_trait_object(ty: &Type, purpose: Purpose) -> bool {
    let owned = ty.name.starts_with("alloc::boxed::Box<");
    match purpose {
        Purpose::Await => owned || ty.name.starts_with("&mut ") || ty.name.starts_with(RAW_FUTURE),
        Purpose::Hold => owned,
        Purpose::Share => false,
    }
}

/// How a future keeps another one whose memory it uses again, as those of Tokio's signals do.
const RAW_FUTURE: &str = "*const (dyn core::future::future::Future<";
