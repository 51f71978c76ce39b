#!/usr/bin/env bash
# Every check of the source, none of which changes a file: `scripts/fix.sh` is for that.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/tools.sh
source scripts/tools.sh

step() {
    local name=$1 started=$SECONDS
    shift
    say "check: $name"
    if ! "$@"; then
        say "check failed: $name ($*)"
        exit 1
    fi
    say "check: $name took $((SECONDS - started)) s"
}

mapfile -t shell_scripts < <(find scripts .ci compat-tests -type f \
    \( -name '*.sh' -o -path .ci/run \) -not -path '*/node_modules/*' | sort)

step formatting cargo fmt --all --check
step spelling typos
step "formatting of TOML" taplo fmt --check
step "shell scripts" shellcheck --external-sources "${shell_scripts[@]}"
step "unused dependencies" cargo machete
step "lints" cargo clippy --workspace --all-targets --locked -- -D warnings
step "lints of the simulation" cargo clippy --package doozerd --all-targets --features simulation \
    --locked -- -D warnings
step "fetching the dependencies of every platform" cargo fetch --locked --quiet
step "licences, sources and bans" cargo deny --offline --log-level error check bans licenses sources
# For those who read the source: a link to something private is one that they can follow.
step documentation env RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" \
    cargo doc --workspace --no-deps --document-private-items --locked --quiet
step "the tree's own rules" cargo test --package tidy --locked --quiet
