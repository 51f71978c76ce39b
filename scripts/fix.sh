#!/usr/bin/env bash
# Mends what a tool can mend. Changes files: look at the difference before you commit it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/tools.sh
source scripts/tools.sh

cargo clippy --workspace --all-targets --fix --allow-dirty --allow-staged
cargo fmt --all
taplo fmt
typos --write-changes
