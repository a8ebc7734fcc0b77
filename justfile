# What a person does daily; each a thin line over cargo.

# List the recipes.
default:
    @just --list

# Run the main job: the `greetings` sample.
demo:
    cargo demo

# Everything that needs nothing but Rust.
test:
    cargo test

# What users get of the `host` binary, in target/dist: archive, line tables, image, checksums. `just dist aarch64-unknown-linux-gnu`
# needs Debian's gcc-aarch64-linux-gnu and qemu-user-static.
dist target="":
    cargo xtask dist {{ if target == "" { "" } else { "--target " + target } }}

# The documentation as a site, in target/docs-site/book (`cargo install mdbook`).
docs-site:
    cargo xtask docs-site

# What `host new` makes: it builds elsewhere, its tests pass, and a run on its host ends. Says how long that takes.
new:
    .ci/new

# Formatting, lints, documentation.
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Everything that must hold before a change lands; brings the Temporal server and the Python client.
ci:
    .ci/run

# With the oldest Rust that is supported, where it is installed.
msrv:
    .ci/msrv

# Dependencies that nothing uses (`cargo install cargo-machete`), licences and bans (`cargo-deny`).
dependencies:
    cargo machete
    cargo deny check

# Write expected outputs anew.
bless:
    UPDATE_EXPECT=1 cargo test

# The sample in C anew, as a change of its sources or of the contract needs. Needs clang and wasm-ld.
c-guest:
    UPDATE_EXPECT=1 cargo test --workspace --test c_module

# Every recorded run in pages of every size, evicted and asked after every task; and the tests of the samples with caches of no
# run and of one.
chaos:
    HOST_CHAOS=all cargo test --workspace --test chaos
    WORKFLOW_TEST_CACHED_RUNS=0 cargo test --workspace --test workflow
    WORKFLOW_TEST_CACHED_RUNS=1 cargo test --workspace --test workflow

# Verdicts of sdk-core and ours on every history we have and on mutations of them.
oracle:
    cargo test --manifest-path tests/oracle/Cargo.toml --workspace

# Take the protocol's descriptor from the version of `temporalio-protos` that the oracle uses.
update-descriptor:
    cargo run --manifest-path tests/oracle/Cargo.toml --package descriptor

# Replay, against Temporal's Rust SDK in the same run.
bench-replay:
    cargo bench --manifest-path tests/oracle/Cargo.toml --bench replay

# What workflows that never return cost their neighbours in a host, and what one client or run costs all others in the service.
bench-neighbours:
    cargo bench --workspace --bench neighbours

# How many open runs are checked on a candidate module in a second; HOST_BENCH_RUNS says of how many.
bench-gate:
    cargo bench --workspace --bench gate

# From a changed file to the first task on the new code, what a shadow costs, p99 of tasks during a swap; open runs checked in a second.
bench-swap:
    cargo bench --workspace --bench swap
    cargo bench --workspace --bench gate

# Many swaps among versions of a workflow, with kills in between: each run ends with the result of its version.
soak-swaps swaps="1000":
    HOST_SWAPS={{swaps}} cargo test --release --workspace --test service -- swap_soak

# Versions of a worker deployment that become current under load, on the embedded service and on Temporal's.
rollouts:
    cargo test --workspace --test scenarios -- --ignored rollouts

# A host of release beside hostile modules, for so many minutes: fails if a workflow is lost or the host grows without end.
soak minutes="60":
    HOST_SOAK_SECONDS=$(({{minutes}} * 60)) cargo bench --workspace --bench soak

# Damaged modules, many more than `cargo test` tries.
mutations count="100000":
    HOST_MODULE_MUTATIONS={{count}} cargo test --release --workspace --test mutations -- --nocapture

# Guests with random code by wasm-smith, of as many seeds from `seed` on; `cargo test` tries those of the tree.
smith count="1000" seed="1000":
    rm -rf target/smith
    cargo run --release --manifest-path tests/smith/Cargo.toml -- target/smith {{count}} {{seed}}
    HOST_SMITH_MODULES={{justfile_directory()}}/target/smith cargo test --release --workspace --test smith -- --nocapture

# The random guests of the tree anew, as a change of the contract needs.
smith-corpus:
    rm -f host/sandbox/tests/smith/*.wasm
    cargo run --release --manifest-path tests/smith/Cargo.toml -- host/sandbox/tests/smith 40

# Every fuzz target with many mutations of its corpus, as `cargo test` does with few.
fuzz inputs="1000000" seed="1":
    HOST_FUZZ_INPUTS={{inputs}} HOST_FUZZ_SEED={{seed}} cargo test --release --workspace --lib --test fuzz -- fuzz simulation::requests --nocapture

# One fuzz target by libFuzzer, guided by coverage: `just fuzz-covered host-wire "--test fuzz" history_json`, or
# `just fuzz-covered host-server --lib fuzz::list_filter`. Needs a C++ compiler.
fuzz-covered package place target seconds="60":
    tests/fuzz/covered {{package}} "{{place}}" {{target}} {{seconds}}

# Simulated lives of the embedded service, many more than `cargo test` tries; `seed` is the first.
simulate count="100000" seed="0":
    HOST_SIMULATIONS={{count}} HOST_SIMULATION_SEED={{seed}} cargo test --release --package host-server --lib simulation::seeds::every_seed

# Workflows on the embedded service; where `temporal` is there, also on its development server.
bench-service *arguments:
    cargo bench --manifest-path tests/oracle/Cargo.toml --bench service -- {{arguments}}
