#!/usr/bin/env bash
# Installs what the checks and tests need, runs all of them, and stops at the first that fails.
# The last line is the sum of all tests: `N passed, N failed`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/tools.sh
source scripts/tools.sh

log=$(mktemp)
trap 'rm -f "$log"' EXIT

sum() {
    awk '/^test result: / { for (i = 2; i <= NF; i++) {
            if ($i == "passed;") passed += $(i - 1)
            if ($i == "failed;") failed += $(i - 1)
        } }
        END { printf "%d passed, %d failed\n", passed, failed }' "$log"
}

scripts/check.sh
say "building the programs"
cargo build --workspace --bins --locked
say "running the tests"
if ! cargo test --workspace --locked 2>&1 | tee "$log"; then
    sum
    exit 1
fi
say "simulating clusters"
if ! scripts/simulate.sh 2>&1 | tee -a "$log"; then
    sum
    exit 1
fi
sum
