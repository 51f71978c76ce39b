#!/usr/bin/env bash
# Simulates whole clusters with their clients, network, disks and clocks, each run in one thread.
# What goes wrong is drawn from a seed; a seed that fails is printed, and repeats its run.
#
#   scripts/simulate.sh                    what continuous integration runs
#   scripts/simulate.sh SEED               one run, with what its nodes log
#   scripts/simulate.sh --seeds N [FIRST]  so many, from FIRST on
#   scripts/simulate.sh --forever          one after another, until one fails
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

seeds_at_once=1000

# The engine's choices are drawn from the seed too: tokio takes it behind this flag alone. It would
# make everything else be built anew, were it in the same folder.
export RUSTFLAGS="${RUSTFLAGS:-} --cfg tokio_unstable"
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/simulation

simulate() {
    cargo test --locked --package doozerd --features simulation --test simulation \
        --profile simulation -- "$@"
}

# $1 seeds from $2 on.
run_seeds() {
    SIMULATION_SEEDS=$1 SIMULATION_FIRST=$2 simulate every_seed --nocapture
}

case "${1:-}" in
"") simulate ;;
--seeds) run_seeds "${2:?usage: simulate.sh --seeds N [FIRST]}" "${3:-1}" ;;
--forever)
    first=$((RANDOM * RANDOM * 1000 + 1))
    while run_seeds "$seeds_at_once" "$first"; do
        first=$((first + seeds_at_once))
    done
    exit 1
    ;;
*) SIMULATION_SEED=$1 simulate every_seed --nocapture ;;
esac
