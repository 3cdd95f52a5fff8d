//! Tasks that share values in which handles are.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::future::{Future, pending};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, Weak};

use tokio::sync::{Notify, OnceCell, RwLock, mpsc, oneshot};
use tokio::task::{JoinHandle, LocalSet};

/// How many handles are in each map.
const MANY: u64 = 100;

struct Registry {
    waiting: Mutex<HashMap<u64, oneshot::Sender<u8>>>,
    ordered: RwLock<BTreeMap<u64, oneshot::Sender<u8>>>,
    emptied: parking_lot::Mutex<HashMap<u64, oneshot::Sender<u8>>>,
    task: parking_lot::RwLock<Option<JoinHandle<()>>>,
    once: OnceCell<mpsc::Sender<u8>>,
    never: OnceCell<mpsc::Sender<u8>>,
    hook: Box<dyn Fn() + Send + Sync>,
    future: Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>,
}

#[tokio::main]
pub async fn main() {
    let registry = registry().await;
    tokio::spawn(shares(registry.clone()));
    tokio::spawn(shares(registry));
    tokio::spawn(behind_a_trait(Arc::new(Door {
        opener: oneshot::channel().0,
    })));
    tokio::spawn(circle(node()));
    tokio::spawn(by_hand());
    LocalSet::new().run_until(not_shared_with_threads()).await;
}

async fn registry() -> Arc<Registry> {
    let filled = || (0..MANY).map(|number| (number, oneshot::channel().0));
    let mut emptied: HashMap<_, _> = filled().collect();
    emptied.retain(|number, _| *number == 7);
    let sender = mpsc::channel(1).0;
    let hooked = sender.clone();
    let once = OnceCell::new();
    once.set(sender).unwrap();
    let bell = Arc::new(Notify::new());
    Arc::new(Registry {
        waiting: Mutex::new(filled().collect()),
        ordered: RwLock::new(filled().collect()),
        emptied: parking_lot::Mutex::new(emptied),
        task: parking_lot::RwLock::new(Some(tokio::spawn(pending()))),
        once,
        never: OnceCell::new(),
        hook: Box::new(move || assert!(!hooked.is_closed())),
        future: Mutex::new(Some(Box::pin(stored(bell)))),
    })
}

async fn stored(bell: Arc<Notify>) {
    bell.notified().await;
}

async fn shares(registry: Arc<Registry>) {
    pending::<()>().await;
    (registry.hook)();
    let _ = (&registry.waiting, &registry.ordered, &registry.emptied);
    let _ = (
        &registry.task,
        &registry.once,
        &registry.never,
        &registry.future,
    );
}

trait Opens: Send + Sync {
    fn open(&self) -> bool;
}

/// Its alignment moves it away from where other values are in an `Arc`.
#[repr(align(64))]
struct Door {
    opener: oneshot::Sender<u8>,
}

impl Opens for Door {
    fn open(&self) -> bool {
        self.opener.is_closed()
    }
}

async fn behind_a_trait(door: Arc<dyn Opens>) {
    pending::<()>().await;
    door.open();
}

struct Node {
    next: Mutex<Option<Arc<Node>>>,
    back: Weak<Node>,
    opener: oneshot::Sender<u8>,
}

/// Two nodes that own each other.
fn node() -> Arc<Node> {
    let first = Arc::new(Node {
        next: Mutex::new(None),
        back: Weak::new(),
        opener: oneshot::channel().0,
    });
    let second = Arc::new(Node {
        next: Mutex::new(Some(first.clone())),
        back: Arc::downgrade(&first),
        opener: oneshot::channel().0,
    });
    *first.next.lock().unwrap() = Some(second);
    first
}

async fn circle(node: Arc<Node>) {
    pending::<()>().await;
    let _ = (&node.next, &node.back, &node.opener);
}

/// A future that is no async function, and holds a sender.
struct Keeps {
    _sender: oneshot::Sender<u8>,
    names: HashSet<u64>,
}

impl Future for Keeps {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<()> {
        assert!(self.names.is_empty());
        std::task::Poll::Pending
    }
}

fn by_hand() -> Keeps {
    Keeps {
        _sender: oneshot::channel().0,
        names: HashSet::new(),
    }
}

async fn not_shared_with_threads() {
    let senders: Vec<oneshot::Sender<u8>> = (0..3).map(|_| oneshot::channel().0).collect();
    let shared = Rc::new(RefCell::new(senders));
    crate::ready();
    pending::<()>().await;
    shared.borrow_mut().clear();
}
