//! Case 20 of what a task group must do: whatever the order, the nesting, the panics and the
//! cancellations, each error and each panic that a task ended with stands in the outcome exactly once.

use std::panic;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use tokio::runtime::{Builder, Runtime};
use tokio::task::{self, JoinSet};
use unstuck::{BoxError, Children, ErrorGroup, Failure, OnFailure, Scope, TaskGroup};

/// A generated program.
#[derive(Clone, Debug)]
struct Plan {
    /// How often it awaits before it ends.
    yields: u8,
    end: End,
    /// Whether its destructor panics, if it is a task of its own.
    bomb: bool,
    /// Whether it ends with the rest, if it is a task of its own.
    is_service: bool,
    inside: Option<Inside>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Well,
    Error,
    Panic,
    /// It cancels the group that it is in.
    Cancel,
    /// It stops the group that it is in.
    Stop,
}

/// A task group that a program runs before it ends.
#[derive(Clone, Debug)]
struct Inside {
    on_failure: OnFailure,
    grace: Option<Duration>,
    children: Vec<Plan>,
    /// Whether the body reads the values of the children before it goes on.
    reads: bool,
    /// What the body runs itself.
    body: Box<Plan>,
}

/// What tasks ended with, as they saw it.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    /// A new error, taken down.
    fn make(&self, kind: &str) -> String {
        let mut made = self.0.lock().unwrap();
        let text = format!("{kind} {}", made.len());
        made.push(text.clone());
        text
    }

    fn made(&self) -> Vec<String> {
        let mut made = self.0.lock().unwrap().clone();
        made.sort();
        made
    }
}

struct Bomb(Log);

impl Drop for Bomb {
    fn drop(&mut self) {
        // Two panics at a time would end the process.
        if !std::thread::panicking() {
            let text = self.0.make("destructor");
            panic!("{text}");
        }
    }
}

type Run = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;
/// Runs the group inside a program.
type Group = fn(Inside, Log) -> Run;

/// A program whose destructor runs after it has returned: one that panicked while it returned would have
/// ended with that panic, and with nothing else.
struct Bombed {
    run: Run,
    _bomb: Bomb,
}

impl Future for Bombed {
    type Output = Result<(), BoxError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.run.as_mut().poll(cx)
    }
}

/// A program that is a task of its own.
fn spawned(plan: Plan, log: Log, group: Group, scope: Option<Scope>) -> Run {
    let bomb = plan.bomb.then(|| Bomb(log.clone()));
    let run = run(plan, log, group, scope);
    match bomb {
        Some(bomb) => Box::pin(Bombed { run, _bomb: bomb }),
        None => run,
    }
}

fn run(plan: Plan, log: Log, group: Group, scope: Option<Scope>) -> Run {
    Box::pin(async move {
        if let Some(inside) = plan.inside {
            group(inside, log.clone()).await?;
        }
        for _ in 0..plan.yields {
            task::yield_now().await;
        }
        match plan.end {
            End::Well => Ok(()),
            End::Error => Err(log.make("error").into()),
            End::Panic => {
                let text = log.make("panic");
                panic!("{text}")
            }
            End::Cancel | End::Stop => {
                match scope {
                    Some(scope) if plan.end == End::Stop => scope.stop(),
                    Some(scope) => scope.cancel(),
                    None => {}
                }
                Ok(())
            }
        }
    })
}

fn task_group(inside: Inside, log: Log) -> Run {
    Box::pin(async move {
        let mut group = TaskGroup::new("g").on_failure(inside.on_failure);
        if let Some(grace) = inside.grace {
            group = group.grace(grace);
        }
        let ended = group.scope(async |scope: Scope| {
            let mut children = Children::new();
            for plan in inside.children {
                let is_service = plan.is_service;
                let child = spawned(plan, log.clone(), task_group, Some(scope.clone()));
                let child = if is_service {
                    scope.spawn_service("service", child)
                } else {
                    scope.spawn("child", child)
                };
                // Refused, it is dropped before it can fail.
                if let Ok(child) = child {
                    children.push(child);
                }
            }
            if inside.reads {
                while children.next().await.is_some() {}
            }
            run(*inside.body, log.clone(), task_group, Some(scope)).await
        });
        Ok(ended.await?)
    })
}

/// A group of the kind that people write by hand: the first error ends it, and the rest is shut down.
fn careless_group(inside: Inside, log: Log) -> Run {
    Box::pin(async move {
        let mut set = JoinSet::new();
        for plan in inside.children {
            set.spawn(spawned(plan, log.clone(), careless_group, None));
        }
        run(*inside.body, log.clone(), careless_group, None).await?;
        while let Some(ended) = set.join_next().await {
            ended??;
        }
        Ok(())
    })
}

fn texts(errors: &ErrorGroup) -> Vec<String> {
    let leaves = errors.leaves().map(|leaf| match leaf.failure() {
        Failure::Panic(panic) => panic.message().to_owned(),
        other => other.to_string(),
    });
    let mut texts: Vec<String> = leaves.collect();
    texts.sort();
    texts
}

/// All that was made, and all that came out.
fn play(runtime: &Runtime, plan: Plan, group: Group) -> (Vec<String>, Vec<String>) {
    let log = Log::default();
    let ended = runtime.block_on(async {
        let root = TaskGroup::new("root").on_failure(OnFailure::WaitForAll);
        root.scope(async |scope| {
            scope.spawn("root", spawned(plan, log.clone(), group, None))?;
            Ok(())
        })
        .await
    });
    let out = ended.map_or_else(|errors| texts(&errors), |()| Vec::new());
    (log.made(), out)
}

fn plans() -> impl Strategy<Value = Plan> {
    let end = prop_oneof![
        4 => Just(End::Well),
        2 => Just(End::Error),
        1 => Just(End::Panic),
        1 => Just(End::Cancel),
        1 => Just(End::Stop),
    ];
    let on_failure = prop_oneof![Just(OnFailure::WaitForAll), Just(OnFailure::Cancel)];
    let grace = prop::option::of(Just(Duration::ZERO));
    let bomb = || prop::bool::weighted(0.2);
    let is_service = || prop::bool::weighted(0.2);
    let leaf = (0..4_u8, end.clone(), bomb(), is_service());
    let leaf = leaf.prop_map(|(yields, end, bomb, is_service)| Plan {
        yields,
        end,
        bomb,
        is_service,
        inside: None,
    });
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let policy = (on_failure.clone(), grace.clone(), any::<bool>());
        let inside = (policy, vec(inner.clone(), 0..4), inner);
        let inside = inside.prop_map(|((on_failure, grace, reads), children, body)| Inside {
            on_failure,
            grace,
            reads,
            children,
            body: Box::new(body),
        });
        let plan = (0..4_u8, end.clone(), bomb(), is_service(), inside);
        plan.prop_map(|(yields, end, bomb, is_service, inside)| Plan {
            yields,
            end,
            bomb,
            is_service,
            inside: Some(inside),
        })
    })
}

const CASES: u32 = 10_000;

fn config() -> Config {
    Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    }
}

fn check(mut runner: TestRunner, runtime: &Runtime, group: Group) -> Result<(), TestError<Plan>> {
    // Thousands of panics on purpose are not to be printed.
    panic::set_hook(Box::new(|_| {}));
    runner.run(&plans(), |plan| {
        let (made, out) = play(runtime, plan, group);
        prop_assert_eq!(made, out);
        Ok(())
    })
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

#[test]
fn nothing_is_lost_and_nothing_doubled_on_one_thread() {
    if let Err(error) = check(TestRunner::new(config()), &current_thread(), task_group) {
        let _ = panic::take_hook();
        panic!("{error}");
    }
}

#[test]
fn nothing_is_lost_and_nothing_doubled_on_several_threads() {
    let runtime = Builder::new_multi_thread()
        .worker_threads(4)
        .enable_time()
        .build()
        .unwrap();
    if let Err(error) = check(TestRunner::new(config()), &runtime, task_group) {
        let _ = panic::take_hook();
        panic!("{error}");
    }
}

fn size(plan: &Plan) -> usize {
    let inside = plan.inside.iter();
    let plans = inside.flat_map(|inside| inside.children.iter().chain([&*inside.body]));
    1 + plans.map(size).sum::<usize>()
}

#[test]
fn a_group_that_loses_errors_is_found_out_by_a_small_program() {
    // How small a plan shrinks depends on the one that fails first, so this is the same one each time.
    let rng = TestRng::deterministic_rng(RngAlgorithm::default());
    let runner = TestRunner::new_with_rng(config(), rng);
    let checked = check(runner, &current_thread(), careless_group);
    let _ = panic::take_hook();
    let Err(TestError::Fail(_, plan)) = checked else {
        panic!("a group that shuts its tasks down loses what they end with");
    };
    assert!(size(&plan) <= 6, "{plan:#?}");
}
