# Each recipe is a script or a command that can be typed without just.

# What can be done
default:
    @just --list --unsorted

# All checks and all tests, nothing changed: what continuous integration runs
ci:
    scripts/test.sh

# The checks alone
check:
    scripts/check.sh

# Mend what a tool can mend; changes files
fix:
    scripts/fix.sh

# Release builds of doozerd and doozer
build:
    cargo build --release --locked --bins

# Run the server; its data stays in a folder here
run *FLAGS:
    cargo run --release --locked --bin doozerd -- {{FLAGS}}

# Run a cluster of N nodes on this machine until Ctrl-C
cluster N="3" *FLAGS:
    scripts/cluster.sh {{N}} {{FLAGS}}

# The tests alone, or those that FILTER names
test *FILTER:
    cargo build --workspace --bins --locked
    cargo test --workspace --locked {{FILTER}}

# One simulated run, and what its nodes log
simulate SEED:
    scripts/simulate.sh {{SEED}}

# Simulated runs until one fails
simulate-forever:
    scripts/simulate.sh --forever

# Speed and size beside etcd and the sockets' own limit, as a table
compare *FLAGS:
    scripts/compare.sh {{FLAGS}}

# Fuzz one target for some seconds
fuzz TARGET SECS="60":
    scripts/fuzz.sh {{TARGET}} {{SECS}}
