# The commands of CONTRIBUTING.md, for `just` (https://just.systems). Without an argument: the list.

[private]
default:
    @{{ just_executable() }} --list --unsorted

# The tests; the first run may fetch a MongoDB server. `just test --test waiting order`: some of them
test *arguments='--workspace':
    cargo test {{ arguments }}

# Formatting and clippy, as CI has them
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings

# The documentation, without warnings
docs *arguments:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked {{ arguments }}

# A benchmark: round_trips, throughput, contention, holding, future_size, build_time, standing_cost
bench name='round_trips':
    cargo bench --bench {{ name }}

# Clients on a bad network, from seeds. `just simulate --seed 4711`: one of them
simulate *arguments='--seeds 100000':
    cargo run --release --example simulate -- {{ arguments }}

# Processes, nodes and connections that are killed, paused and cut
torture *arguments='--seconds 120':
    cargo run --release --example torture -- {{ arguments }}

# The services of `examples/services`, on a real server
services:
    bash .ci/services

# The files that tests compare with: commands, expansions, errors of the attribute
snapshots:
    UPDATE_SNAPSHOTS=1 cargo test -p mongo-lock-runtime snapshots
    UPDATE_SNAPSHOTS=1 cargo test -p mongo-lock-macros
    UPDATE_SNAPSHOTS=1 cargo test --test ui

# Every check that a change must pass
ci:
    bash .ci/run
