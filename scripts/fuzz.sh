#!/usr/bin/env bash
# Fuzzes one target, or all of them, and then keeps the smallest corpus that reaches as much.
#
#   scripts/fuzz.sh TARGET|all [SECONDS]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export DOOZER_TOOLS_CHECKS=no
# shellcheck source=scripts/tools.sh
source scripts/tools.sh

cargo_fuzz=0.13.2
inputs_max=50
input_bytes_max=1024
target=${1:?usage: fuzz.sh TARGET|all [SECONDS]}
seconds=${2:-60}

install_cargo_tool cargo-fuzz "$cargo_fuzz"
export PATH="$PATH:$tools_folder/cargo-fuzz-$cargo_fuzz/bin"
# The sanitizers' flags are unstable ones, which the stable compiler takes when told so.
export RUSTC_BOOTSTRAP=1
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/fuzz/target}

targets=("$target")
[ "$target" != all ] || mapfile -t targets < <(cargo fuzz list)

for name in "${targets[@]}"; do
    say "fuzzing $name for $seconds s"
    grown=$(mktemp -d)
    cp "fuzz/corpus/$name"/* "$grown"/
    # What breaks is kept below fuzz/artifacts, and the run ends there.
    cargo fuzz run "$name" "$grown" -- -max_total_time="$seconds" -max_len=4096 -print_final_stats=1
    cargo fuzz cmin "$name" "$grown"
    rm -f "fuzz/corpus/$name"/*
    # Some of each size, all of them small: a corpus that a test reads in a moment.
    find "$grown" -type f -size -"$input_bytes_max"c -printf '%s %p\n' | sort -n | cut -d' ' -f2 |
        awk -v most="$inputs_max" '{ files[NR] = $0 }
            END { step = NR > most ? NR / most : 1
                for (n = 0; n < most && n < NR; n++) print files[1 + int(n * step)] }' |
        xargs -r cp -t "fuzz/corpus/$name"
    rm -rf "$grown"
done
