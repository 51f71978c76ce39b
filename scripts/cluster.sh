#!/usr/bin/env bash
# Starts a cluster of N nodes on this machine, shows what they log, and stops them all at Ctrl-C.
#
#   scripts/cluster.sh N [FLAG ...]
#
# Each FLAG goes to every node. Node 1 listens at 127.0.0.1:8046 and has its status page at port
# 8000, node 2 has the next ports, and so on. Data stays in target/cluster and is there again at
# the next start. These variables change that:
#
#   CLUSTER_PORT, CLUSTER_WEB_PORT   the first node's ports
#   CLUSTER_DATA                     the folder for all data
#   DOOZERD, DOOZER                  programs to use; built here, for release, where not set
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

target=${CARGO_TARGET_DIR:-$top/target}
port=${CLUSTER_PORT:-8046} web_port=${CLUSTER_WEB_PORT:-8000} data=${CLUSTER_DATA:-$target/cluster}
host=127.0.0.1
colours=(36 33 32 35 34 31)

case ${1:-} in
    -h | --help)
        sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
        exit 0
        ;;
    '' | *[!0-9]* | 0*)
        echo "how many nodes? scripts/cluster.sh N [FLAG ...]; --help says more" >&2
        exit 2
        ;;
esac
count=$1
shift
flags=("$@")

say() { printf '%s\n' "$*" >&2; }
address() { echo "$host:$((port + $1 - 1))"; }

if [ -z "${DOOZERD:-}" ] || [ -z "${DOOZER:-}" ]; then
    (cd "$top" && cargo build --release --locked --bin doozerd --bin doozer)
fi
doozerd=${DOOZERD:-$target/release/doozerd} doozer=${DOOZER:-$target/release/doozer}

# Each line with the node's name before it, in its colour on a terminal. It ends with its input, so
# that Ctrl-C does not take the last lines away.
prefix() {
    trap '' INT TERM
    if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
        sed -u "s/^/$(printf '\033[%sm%s\033[0m' "${colours[($1 - 1) % ${#colours[@]}]}" "n$1 | ")/"
    else
        sed -u "s/^/n$1 | /"
    fi
}

# A process group each: Ctrl-C reaches this script alone, which then stops them.
set -m
declare -A nodes=()
prefixes=()

start() {
    local number=$1 output list=()
    for ((i = 1; i <= count; i++)); do list+=(-a "$(address "$i")"); done
    exec {output}> >(prefix "$number")
    prefixes+=($!)
    "$doozerd" -l "$(address "$number")" -w "$host:$((web_port + number - 1))" "${list[@]}" \
        --data-dir "$data/n$number" "${flags[@]}" >&"$output" 2>&1 &
    nodes[$!]=n$number
    exec {output}>&-
}

stop() {
    trap '' INT TERM
    if [ ${#nodes[@]} -gt 0 ]; then
        say "stopping"
        kill "${!nodes[@]}" 2>/dev/null || true
        wait "${!nodes[@]}" 2>/dev/null || true
    fi
    wait "${prefixes[@]}" 2>/dev/null || true
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The URI of all nodes, with the write secret, where there is one.
uri() {
    local uri='' secret=${DOOZER_RWSECRET:-} encoded=''
    for ((i = 1; i <= count; i++)); do uri+="&ca=$(address "$i")"; done
    for ((i = 0; i < ${#secret}; i++)); do
        encoded+=$(printf '%%%02x' "'${secret:i:1}")
    done
    echo "doozer:?${uri#&}${encoded:+&sk=$encoded}"
}

# Waits until every node serves, and makes the slots that are missing.
form() {
    local number
    for ((number = 1; number <= count; number++)); do
        "$doozer" -t 60s -a "$(address "$number")" rev >/dev/null 2>&1 || return 1
    done
    for ((number = 0; number < count; number++)); do
        "$doozer" -t 10s -a "$(uri)" add "/ctl/cal/$number" </dev/null >/dev/null 2>&1 || true
    done
    "$doozer" -t 10s -a "$(uri)" nop 2>/dev/null
}

mkdir -p "$data"
for ((number = 1; number <= count; number++)); do start "$number"; done
if [[ " ${flags[*]-} " == *" -tlscert"* || " ${flags[*]-} " == *" --tlscert"* ]]; then
    say "over TLS: make the slots /ctl/cal/1 and so on with a client that speaks it"
elif form; then
    say "$count nodes serve; data is in $data. Talk to them with:"
    say "    export DOOZER_URI='$(DOOZER_RWSECRET='' uri)'"
    say "    $doozer walk '/ctl/cal/*'"
    say "Ctrl-C stops them all."
else
    say "the cluster does not serve: the lines above say why"
fi

# One that ends by itself is told, and the others go on.
while [ ${#nodes[@]} -gt 0 ]; do
    status=0
    # Silent: bash would tell of a node that was killed with the whole command.
    wait -n -p ended "${!nodes[@]}" 2>/dev/null || status=$?
    if [ -n "${ended:-}" ]; then
        say "${nodes[$ended]} ended with status $status"
        unset "nodes[$ended]"
    fi
done
