#!/usr/bin/env bash
# Measures doozerd beside etcd and beside the sockets' own limit, all on this machine and this disk
# in one run, and prints a table in Markdown. Takes about ten minutes; --long adds a while.
#
#   scripts/compare.sh [FLAG ...]
#
#   --kvload FILE      the load generator, built (default: $KVLOAD)
#   --kvload-src DIR   its source, to be built first
#   --doozerd FILE     the server (default: built here, for release)
#   --data DIR         a folder on the disk to measure (default: target/ of this checkout)
#   --secs N           seconds of each measurement (default 4)
#   --runs N           of each measurement, the median counts (default 3)
#   --only LIST        some of: get,set,syncs,walk,fanout,waiters,idle,files,size,cluster,long
#   --long             also 10,000,000 SETs of 1,000 files
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

kvload=${KVLOAD:-} kvload_src='' doozerd='' data=${CARGO_TARGET_DIR:-$top/target}
secs=4 runs=3 only=get,set,syncs,walk,fanout,waiters,idle,files,size,cluster
while [ $# -gt 0 ]; do
    case $1 in
        --kvload) kvload=$2; shift 2 ;;
        --kvload-src) kvload_src=$2; shift 2 ;;
        --doozerd) doozerd=$2; shift 2 ;;
        --data) data=$2; shift 2 ;;
        --secs) secs=$2; shift 2 ;;
        --runs) runs=$2; shift 2 ;;
        --only) only=$2; shift 2 ;;
        --long) only+=,long; shift ;;
        -h | --help) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit 0 ;;
        *) echo "unknown flag $1; --help lists them" >&2; exit 2 ;;
    esac
done

say() { printf '== %s\n' "$*" >&2; }
fail() { printf 'compare: %s\n' "$*" >&2; exit 1; }
wants() { [[ ,$only, == *,$1,* ]]; }
probe() { python3 "$top/scripts/probe.py" "$@"; }

# ---- What is measured, and where ----

if [ -n "$kvload_src" ]; then
    kvload_target=${CARGO_TARGET_DIR:-$top/target}/kvload
    cargo build --release --locked --manifest-path "$kvload_src/Cargo.toml" \
        --target-dir "$kvload_target"
    kvload=$kvload_target/release/kvload
fi
[ -x "$kvload" ] || fail "no load generator: set KVLOAD, or give --kvload or --kvload-src"
if [ -z "$doozerd" ]; then
    (cd "$top" && cargo build --release --locked --bins)
    doozerd=${CARGO_TARGET_DIR:-$top/target}/release/doozerd
fi
[ -x "$doozerd" ] || fail "no server at $doozerd"
for program in python3 strace etcd; do
    command -v "$program" >/dev/null || fail "$program is missing (Debian: python3 strace etcd-server)"
done

mkdir -p "$data"
file_system=$(df --output=fstype "$data" | tail -n 1)
case $file_system in
    tmpfs | ramfs) fail "$data is on $file_system, which keeps nothing: give --data a folder on a disk" ;;
esac
ulimit -n "$(ulimit -Hn)"

work=$(mktemp -d "$data/compare.XXXXXX")
rows=$work/rows
: >"$rows"
declare -A pids=()

# Ends one server by its id, as an operator would, and waits for it.
stop() {
    local pid=${pids[$1]:-}
    [ -n "$pid" ] || return 0
    unset "pids[$1]"
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
}

finish() {
    local name
    for name in "${!pids[@]}"; do stop "$name"; done
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

mapfile -t ports < <(probe free-ports 4)
canned=127.0.0.1:${ports[0]}
doozer=127.0.0.1:${ports[1]}
etcd=127.0.0.1:${ports[2]}
etcd_peers=127.0.0.1:${ports[3]}

start_canned() {
    "$kvload" --op canned --addr "$canned" &
    pids[canned]=$!
    probe ready "$canned" 10 >/dev/null
}

# Starts doozerd in the folder named $1 below the work folder.
start_doozerd() {
    env -u DOOZER_RWSECRET -u DOOZER_ROSECRET -u DOOZER_BOOT_URI \
        "$doozerd" -l "$doozer" -w false --data-dir "$work/$1" 2>>"$work/doozerd.log" &
    pids[doozerd]=$!
    probe ready "$doozer" 120 >/dev/null || { cat "$work/doozerd.log" >&2; fail "doozerd does not answer"; }
}

start_etcd() {
    etcd --data-dir "$work/etcd" --listen-client-urls "http://$etcd" \
        --advertise-client-urls "http://$etcd" --listen-peer-urls "http://$etcd_peers" \
        --initial-advertise-peer-urls "http://$etcd_peers" \
        --initial-cluster "default=http://$etcd_peers" --log-level error 2>>"$work/etcd.log" &
    pids[etcd]=$!
    local tries=0
    until (exec 3<>"/dev/tcp/${etcd/:/\/}") 2>/dev/null; do
        tries=$((tries + 1))
        [ $tries -lt 100 ] || fail "etcd does not answer: $(cat "$work/etcd.log")"
        sleep 0.1
    done
    sleep 2 # It elects itself.
}

# ---- Figures ----

# The value of KEY=value in the load generator's line.
figure() { grep -oE "(^| )$1=[0-9.]+" | tail -n 1 | cut -d= -f2; }
median() { printf '%s\n' "$@" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
calc() { awk "BEGIN { printf \"${2:-%.2f}\", $1 }"; }
thousands() { sed ':again; s/\B[0-9]\{3\}\>/,&/; t again' <<<"$1"; }

# One load: KIND ADDRESS FLAG... ; prints operations a second.
load() {
    local kind=$1 address=$2 line
    shift 2
    line=$("$kvload" --kind "$kind" --addr "$address" --secs "$secs" "$@")
    say "$line"
    grep -q ' errs=[1-9]' <<<"$line" && fail "requests failed"
    figure per_s <<<"$line"
}

# One row: what, goal, the other's figure, ours, their ratio.
row() {
    printf '| %s | %s | %s | %s | %s |\n' "$@" >>"$rows"
    say "$1: $4 ($5), goal $2"
}

resident_mb() { awk '/^VmRSS/ { printf "%.0f", $2 / 1024 }' "/proc/${pids[doozerd]}/status"; }

# Starts doozerd on a folder and sets `started` to the seconds until its first answer.
start_timed() {
    local begun
    begun=$(date +%s.%N)
    start_doozerd "$1"
    started=$(calc "$(date +%s.%N) - $begun")
}

# ---- Measurements ----

measure_get() {
    local shape conns depth goal run mine theirs
    start_canned
    start_doozerd get
    for shape in "64 1 85" "16 16 45"; do
        read -r conns depth goal <<<"$shape"
        mine=() theirs=()
        for ((run = 0; run < runs; run++)); do
            theirs+=("$(load doozer "$canned" --op get --conns "$conns" --depth "$depth")")
            mine+=("$(load doozer "$doozer" --op get --conns "$conns" --depth "$depth")")
        done
        row "GET/s, $conns connections, $depth in flight" "$goal % of canned" \
            "$(thousands "$(median "${theirs[@]}")")" "$(thousands "$(median "${mine[@]}")")" \
            "$(calc "100 * $(median "${mine[@]}") / $(median "${theirs[@]}")" %.0f) %"
    done
    stop canned
    stop doozerd
}

measure_set() {
    local shape conns goal run mine theirs
    start_etcd
    start_doozerd set
    for shape in "1 1.2" "16 2.5" "64 5"; do
        read -r conns goal <<<"$shape"
        mine=() theirs=()
        for ((run = 0; run < runs; run++)); do
            theirs+=("$(load etcd "http://$etcd" --op set --conns "$conns")")
            mine+=("$(load doozer "$doozer" --op set --conns "$conns")")
        done
        row "durable SET/s, $conns connections" "$goal times etcd" \
            "$(thousands "$(median "${theirs[@]}")")" "$(thousands "$(median "${mine[@]}")")" \
            "$(calc "$(median "${mine[@]}") / $(median "${theirs[@]}")") times"
    done
    stop etcd
    stop doozerd
}

# Syncs for each SET of the server named $1: a short run of its own, since tracing slows it.
syncs_per_set() {
    local name=$1 kind=$2 address=$3 conns=$4 trace=$work/trace.$1.$4 line tracer
    strace -f -qq -e trace=fsync,fdatasync,sync_file_range -o "$trace" -p "${pids[$name]}" &
    tracer=$!
    pids[strace]=$tracer
    sleep 1
    line=$("$kvload" --kind "$kind" --addr "$address" --op set --conns "$conns" --secs 2)
    stop strace
    calc "$(grep -cE '(fsync|fdatasync|sync_file_range)\(' "$trace") / $(figure ops <<<"$line")" %.3f
}

measure_syncs() {
    local conns mine theirs
    start_etcd
    start_doozerd syncs
    for conns in 1 16 64; do
        theirs=$(syncs_per_set etcd etcd "http://$etcd" "$conns")
        mine=$(syncs_per_set doozerd doozer "$doozer" "$conns")
        row "syncs per SET, $conns connections" "" "$theirs" "$mine" ""
    done
    stop etcd
    stop doozerd
}

measure_walk() {
    local run theirs=() mine=() rates files=100000
    start_canned
    start_doozerd walk
    for ((run = 0; run < runs; run++)); do
        theirs+=("$("$kvload" --op walk --addr "$canned" --secs "$secs" | figure files_per_s)")
        mine+=("$("$kvload" --op walk --addr "$doozer" --keys $files --secs 600 | figure files_per_s)")
        say "walk: canned ${theirs[-1]}, doozerd ${mine[-1]} files/s"
    done
    row "WALK of 100,000 files by offset, files/s" "60 % of canned" \
        "$(thousands "$(median "${theirs[@]}")")" "$(thousands "$(median "${mine[@]}")")" \
        "$(calc "100 * $(median "${mine[@]}") / $(median "${theirs[@]}")" %.0f) %"
    read -ra rates < <(probe walk "$doozer" '/bench/**' $files)
    row "the same from Python: its last tenth against its first" "the same rate" \
        "$(thousands "${rates[0]}")" "$(thousands "${rates[9]}")" \
        "$(calc "100 * ${rates[9]} / ${rates[0]}" %.0f) %"
    stop canned
    stop doozerd
}

measure_fanout() {
    local run mine=()
    start_doozerd fanout
    for ((run = 0; run < runs; run++)); do
        mine+=("$(load doozer "$doozer" --op fanout --conns 500)")
    done
    row "notifications/s of one key, 500 watchers" "50,000" "" \
        "$(thousands "$(median "${mine[@]}")")" "$(calc "$(median "${mine[@]}") / 50000") times"
    stop doozerd
}

measure_waiters() {
    local conns run without with
    start_doozerd waiters
    for conns in 1 64; do
        without=() with=()
        for ((run = 0; run < runs; run++)); do
            without+=("$(load doozer "$doozer" --op set --conns "$conns")")
            coproc HOLD { probe waiters "$doozer" 100000; }
            # shellcheck disable=SC2154 # Set by coproc.
            pids[hold]=$HOLD_PID
            read -r -u "${HOLD[0]}" _ || fail "the waiters were not taken"
            with+=("$(load doozer "$doozer" --op set --conns "$conns")")
            stop hold
        done
        row "SET/s, $conns connections: without and with 100,000 waiters on other paths" \
            "slower by less than 10 %" "$(thousands "$(median "${without[@]}")")" \
            "$(thousands "$(median "${with[@]}")")" \
            "$(calc "100 * ($(median "${with[@]}") / $(median "${without[@]}") - 1)" %+.1f) %"
    done
    stop doozerd
}

measure_idle() {
    local before after
    start_doozerd idle
    before=$(resident_mb)
    "$kvload" --op idle --addr "$doozer" --conns 10000 --secs 20 >"$work/idle.out" &
    pids[idle]=$!
    until [ -s "$work/idle.out" ]; do
        kill -0 "${pids[idle]}" 2>/dev/null || fail "10,000 connections were not taken"
        sleep 0.2
    done
    sleep 2 # The last WAITs are read.
    after=$(resident_mb)
    row "10,000 idle connections, a WAIT each: MB resident (without: $before)" "under 80" "" \
        "$after" "$(calc "$after / 80") of it"
    stop idle
    stop doozerd
}

measure_files() {
    local filled started
    start_doozerd files
    "$kvload" --op fill --addr "$doozer" --keys 1000000 --size 64 >&2
    filled=$(resident_mb)
    stop doozerd
    start_timed files
    row "1,000,000 files of 64 bytes: MB resident when written" "under 450" "" "$filled" \
        "$(calc "$filled / 450") of it"
    row "the same, MB resident after a restart" "under 450" "" "$(resident_mb)" \
        "$(calc "$(resident_mb) / 450") of it"
    row "the same, seconds to start" "under 5" "" "$started" "$(calc "$started / 5") of it"
    stop doozerd
}

measure_size() {
    local copy=$work/stripped size
    strip -o "$copy" "$doozerd"
    size=$(calc "$(stat -c %s "$copy") / 1000000" %.1f)
    row "doozerd, stripped, MB" "under 20" "" "$size" "$(calc "$size / 20") of it"
}

# ---- Three nodes ----

# Ports of three doozerds, of three etcds for clients, and of these for one another.
mapfile -t cluster_ports < <(probe free-ports 9)
doozers=() etcds=()

start_three_doozerds() {
    local node at attach=()
    for node in 0 1 2; do
        at=127.0.0.1:${cluster_ports[$node]}
        doozers+=(--addr "$at")
        env -u DOOZER_RWSECRET -u DOOZER_ROSECRET -u DOOZER_BOOT_URI \
            "$doozerd" -l "$at" -w false --data-dir "$work/node$node" "${attach[@]}" \
            2>>"$work/doozerd.log" &
        pids[doozerd$node]=$!
        probe ready "$at" 30 >/dev/null || { cat "$work/doozerd.log" >&2; fail "$at does not answer"; }
        attach=(-a "127.0.0.1:${cluster_ports[0]}")
    done
    probe members "127.0.0.1:${cluster_ports[0]}" 3 || fail "three nodes are no cluster"
}

start_three_etcds() {
    local node client peer all=''
    for node in 0 1 2; do
        all+=,etcd$node=http://127.0.0.1:${cluster_ports[node + 6]}
    done
    for node in 0 1 2; do
        client=http://127.0.0.1:${cluster_ports[node + 3]}
        peer=http://127.0.0.1:${cluster_ports[node + 6]}
        etcds+=(--addr "$client")
        etcd --name "etcd$node" --data-dir "$work/etcd$node" --listen-client-urls "$client" \
            --advertise-client-urls "$client" --listen-peer-urls "$peer" \
            --initial-advertise-peer-urls "$peer" --initial-cluster "${all#,}" \
            --log-level error 2>>"$work/etcd.log" &
        pids[etcd$node]=$!
    done
    sleep 4 # They elect one of them.
}

# One load spread over three nodes: KIND FLAG... ; prints operations a second and the p99 in us.
load_three() {
    local kind=$1 line addresses=("${doozers[@]}")
    shift
    [ "$kind" = doozer ] || addresses=("${etcds[@]}")
    line=$("$kvload" --kind "$kind" "${addresses[@]}" --secs "$secs" "$@")
    say "three nodes: $line"
    grep -q ' errs=[1-9]' <<<"$line" && fail "requests failed"
    printf '%s %s\n' "$(figure per_s <<<"$line")" "$(figure p99_us <<<"$line")"
}

# Clock ticks that a server has used so far.
ticks() { awk '{ print $14 + $15 }' "/proc/${pids[$1]}/stat"; }

measure_three_sets() {
    local shape conns goal run got mine theirs late early
    for shape in "1 1.0" "16 3" "64 5"; do
        read -r conns goal <<<"$shape"
        mine=() theirs=() late=() early=()
        for ((run = 0; run < runs; run++)); do
            read -ra got < <(load_three etcd --op set --conns "$conns")
            theirs+=("${got[0]}") late+=("${got[1]}")
            read -ra got < <(load_three doozer --op set --conns "$conns")
            mine+=("${got[0]}") early+=("${got[1]}")
        done
        row "three nodes: durable SET/s, $conns connections" "$goal times etcd" \
            "$(thousands "$(median "${theirs[@]}")")" "$(thousands "$(median "${mine[@]}")")" \
            "$(calc "$(median "${mine[@]}") / $(median "${theirs[@]}")") times"
        [ "$conns" != 16 ] || row "the same, p99 in us" "below etcd's" "$(median "${late[@]}")" \
            "$(median "${early[@]}")" "$(calc "$(median "${early[@]}") / $(median "${late[@]}")") of it"
    done
}

measure_cluster() {
    local node run got mine=() theirs=() before=() used=()
    start_three_doozerds
    sleep 3 # The last control files are written.
    for node in 0 1 2; do before+=("$(ticks "doozerd$node")"); done
    sleep 20
    for node in 0 1 2; do
        used+=("$(calc "100 * ($(ticks "doozerd$node") - ${before[$node]}) / 20 / $(getconf CLK_TCK)")")
    done
    row "three nodes, idle: % of one core, the busiest" "under 1" "" \
        "$(printf '%s\n' "${used[@]}" | sort -n | tail -n 1)" ""
    start_three_etcds
    measure_three_sets
    for ((run = 0; run < runs; run++)); do
        read -ra got < <(load_three etcd --op get --conns 64)
        theirs+=("${got[0]}")
        read -ra got < <(load_three doozer --op get --conns 64)
        mine+=("${got[0]}")
    done
    row "three nodes: GET/s, 64 connections, beside serializable reads" "9 times etcd" \
        "$(thousands "$(median "${theirs[@]}")")" "$(thousands "$(median "${mine[@]}")")" \
        "$(calc "$(median "${mine[@]}") / $(median "${theirs[@]}")") times"
    for node in 0 1 2; do
        stop "doozerd$node"
        stop "etcd$node"
    done
}

measure_long() {
    local sets=10000000 most=0 now size started
    start_doozerd long
    while now=$(probe ready "$doozer" 10) && [ "$now" -lt $sets ]; do
        say "$now of $sets SETs"
        "$kvload" --op set --addr "$doozer" --conns 64 --depth 16 --secs 20 >&2
        size=$(du -sm "$work/long" | cut -f1)
        [ "$size" -le "$most" ] || most=$size
    done
    stop doozerd
    size=$(du -sm "$work/long" | cut -f1)
    start_timed long
    row "10,000,000 SETs of 1,000 files: MB of the folder (at most: $most)" "under 400" "" "$size" \
        "$(calc "$size / 400") of it"
    row "the same, seconds to start" "under 3" "" "$started" "$(calc "$started / 3") of it"
    stop doozerd
}

for name in get set syncs walk fanout waiters idle files size cluster long; do
    if wants "$name"; then
        say "$name"
        "measure_$name"
    fi
done

cat <<TABLE
$(uname -sr), $(nproc) CPUs, $(awk '/^model name/ { sub(/^[^:]*: */, ""); print; exit }' /proc/cpuinfo); \
data on $file_system; $("$doozerd" -v), $(etcd --version | head -n 1); \
median of $runs runs of $secs s, the load on the same machine.

| what | goal | canned, etcd, or before | doozerd | reached |
| --- | --- | --- | --- | --- |
$(cat "$rows")
TABLE
