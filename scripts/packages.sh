# Sourced by the other scripts: what a machine must have, and how it gets it.

# need COMMAND PACKAGE ...: installs the packages of the commands that are missing.
need() {
    local missing=()
    while [ $# -gt 0 ]; do
        command -v "$1" >/dev/null || missing+=("$2")
        shift 2
    done
    [ ${#missing[@]} -eq 0 ] && return
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        echo "missing: ${missing[*]}" >&2
        echo "install them (on Debian: sudo apt-get install ${missing[*]}) and run this again" >&2
        exit 1
    fi
    echo "installing ${missing[*]}"
    apt-get update -qq
    # tshark's package would ask whether everybody may capture.
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# need_cargo: a Rust toolchain that knows this edition.
need_cargo() {
    [ -f "$HOME/.cargo/env" ] && . "$HOME/.cargo/env"
    need cc gcc
    if ! command -v cargo >/dev/null; then
        need rustup rustup
        rustup default stable
    fi
    if ! cargo metadata --no-deps --format-version 1 --manifest-path "$1/Cargo.toml" >/dev/null; then
        echo "this Rust toolchain is too old: $(cargo --version); run: rustup update stable" >&2
        exit 1
    fi
}
