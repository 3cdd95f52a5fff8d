# The recipes below are shortcuts; `cargo run` and `cargo test` need none of them.

[private]
default:
    @just --list

# the story: both sides at once
[group('play')]
demo *ARGS:
    cargo run --quiet -- run {{ ARGS }}

# the pool that hangs, held until Ctrl+C
[group('play')]
hang *ARGS:
    cargo run --quiet -- run --only join-all --hold {{ ARGS }}

# the task group alone
[group('play')]
group *ARGS:
    cargo run --quiet -- run --only task-group {{ ARGS }}

# both sides with the one-line fix
[group('play')]
fixed *ARGS:
    cargo run --quiet -- run --fixed {{ ARGS }}

# both sides, with tokio-console to look at them; q ends it
[group('play')]
console:
    #!/usr/bin/env bash
    set -euo pipefail
    command -v tokio-console > /dev/null || {
        echo "tokio-console is missing; install it with: cargo install --locked tokio-console" >&2
        exit 1
    }
    cargo build --quiet
    messages=$(mktemp)
    cargo run --quiet -- run --console > /dev/null 2> "$messages" &
    trap 'kill -INT $! 2> /dev/null; wait; rm -f "$messages"' EXIT
    # It says so once the port is open; before that, tokio-console would show an empty screen.
    until grep --quiet 'tokio-console can connect' "$messages"; do
        kill -0 $! 2> /dev/null || { cat "$messages" >&2; exit 1; }
        sleep 0.1
    done
    tokio-console

# every scenario, as many at a time as there are processors, and a table
[group('lessons')]
all *ARGS:
    cargo run --quiet -- run --all {{ ARGS }}

# errors that reach nobody
[group('lessons')]
errors *ARGS:
    cargo run --quiet -- run --all errors {{ ARGS }}

# waits for what never comes
[group('lessons')]
queues *ARGS:
    cargo run --quiet -- run --all queues {{ ARGS }}

# locks, permits and pools
[group('lessons')]
locks *ARGS:
    cargo run --quiet -- run --all locks {{ ARGS }}

# slow, blocked, or cut off
[group('lessons')]
time *ARGS:
    cargo run --quiet -- run --all time {{ ARGS }}

# the names of all lessons
[group('lessons')]
list:
    cargo run --quiet -- list

# the page of a lesson: just show lock-order
[group('lessons')]
show *ARGS:
    cargo run --quiet -- show {{ ARGS }}

# all tests
[group('work')]
test *ARGS:
    cargo test {{ ARGS }}

# everything over and over, for hours if told to: no verdict may differ, no healthy program be called stuck
[group('work')]
soak RUNS='1000':
    UNSTUCK_SOAK_RUNS={{ RUNS }} cargo test --test it -- --ignored --nocapture --test-threads 1 soak
    RUSTFLAGS= RUSTDOCFLAGS= CARGO_TARGET_DIR=target/plain cargo test -p unstuck-inspect --test it -- --ignored --nocapture soak

# look at snapshots that differ, one by one, and accept or reject them
[group('work')]
review:
    cargo insta review

# formatting, and clippy with warnings denied
[group('work')]
lint:
    cargo fmt --all --check
    cargo clippy --all-targets --locked -- -D warnings

# time and memory: task groups beside other ways, reports on many tasks, being observed, reading memory; takes minutes
[group('work')]
bench *ARGS:
    cargo bench --bench group --bench memory --bench report --bench hooks --bench explain -- {{ ARGS }}

# everything that has to pass
[group('work')]
ci:
    bash .ci/run
