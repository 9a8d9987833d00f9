#!/usr/bin/env bash
# Everything from nothing: installs what is missing, builds, and shows one conversation.
#
#   ./scripts/quickstart.sh
#
# The conversation takes place in a network namespace of its own: the machine's network is not
# touched. Works as root, and without where the kernel allows user namespaces.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh

main() {
    need ip iproute2 tcpdump tcpdump nc netcat-openbsd unshare util-linux
    need_cargo .
    echo "== building"
    cargo build --release --bin tuntcp
    echo "== a network of its own"
    if [ "$(id -u)" -eq 0 ]; then
        exec unshare --net "$0" --inside
    fi
    # Not as root of the namespace: tcpdump would try to become another user there.
    local as_user=(unshare --user --map-current-user --keep-caps --net)
    "${as_user[@]}" true 2>/dev/null || {
        echo "this kernel lets no user make a namespace; run: sudo $0" >&2
        exit 1
    }
    exec "${as_user[@]}" "$0" --inside
}

inside() {
    server=
    work=$(mktemp -d)
    ip link set dev lo up
    show ./scripts/setup_tun.sh | sed '/^$/,$d'

    echo "\$ tcpdump -nlttti tun0 tcp &"
    # As nobody else: in a user namespace there is nobody else.
    tcpdump -Z root -nlttti tun0 tcp >"$work/wire" 2>"$work/tcpdump" &
    watcher=$!
    trap 'kill $watcher $server 2>/dev/null || true; rm -rf "$work"' EXIT
    wait_for "listening on" "$work/tcpdump"

    echo "\$ tuntcp serve &"
    ./target/release/tuntcp serve >"$work/serve" 2>"$work/log" &
    server=$!
    wait_for "^ready" "$work/serve"
    cat "$work/serve"

    echo; echo "\$ echo 'Hello, TCP!' | nc -N 192.0.2.2 7"
    local answer
    answer=$(echo 'Hello, TCP!' | nc -N -w 5 192.0.2.2 7) || true
    echo "$answer"
    [ "$answer" = 'Hello, TCP!' ] || { echo "quickstart.sh: no echo came back" >&2; exit 1; }

    kill -TERM "$server"
    wait "$server" || { cat "$work/log" >&2; exit 1; }
    sleep 0.3
    kill -INT "$watcher"
    wait "$watcher" || true
    echo; echo "== what tcpdump saw"
    cat "$work/wire"
    echo; echo "It works. Next: sudo ./scripts/setup_tun.sh, and the README."
}

show() {
    echo "\$ $*"
    "$@"
}

# wait_for PATTERN FILE: until a line of the file matches, ten seconds at most.
wait_for() {
    for _ in $(seq 100); do
        grep -q "$1" "$2" 2>/dev/null && return
        sleep 0.1
    done
    echo "quickstart.sh: waited in vain for '$1':" >&2
    cat "$(dirname "$2")"/* >&2
    exit 1
}

case "${1:-}" in
    --inside) inside ;;
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0" ;;
    "") main ;;
    *) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
