#!/usr/bin/env bash
# Makes the TUN device that the stack lives behind.
#
#   sudo ./scripts/setup_tun.sh [--queues N] [NAME [KERNEL-CIDR]]        default: tun0 192.0.2.1/24
#
# With --queues N, 2 to 8, it has room for that many queues: see `tuntcp serve --queues N`.
#
# The device is persistent and belongs to the invoking user, so that `tuntcp` needs no root; the
# kernel has KERNEL-CIDR on it, and the stack answers at another address of that network. Running
# it again changes nothing that is right already.
set -euo pipefail

usage() {
    sed -n '2,10s/^# \{0,1\}//p' "$0"
}

fail() {
    echo "setup_tun.sh: $1" >&2
    [ $# -lt 2 ] || echo "$2" >&2
    exit 1
}

case "${1:-}" in -h | --help) usage; exit 0 ;; esac
queues=1
if [ "${1:-}" = --queues ]; then
    queues=${2:-}
    [[ $queues =~ ^[1-8]$ ]] || fail "'$queues' is no number of queues" "take one from 1 to 8"
    shift 2
fi
[ $# -le 2 ] || { usage >&2; exit 2; }
several=""
[ "$queues" = 1 ] || several=multi_queue

name=${1:-tun0}
cidr=${2:-192.0.2.1/24}
owner=${SUDO_USER:-$(id -un)}

[[ $name =~ ^[A-Za-z0-9_.-]{1,15}$ ]] || fail "'$name' is no name for an interface" \
    "take 1 to 15 letters, digits, '.', '_' or '-'"
[[ $cidr =~ ^([0-9]{1,3}\.){3}[0-9]{1,3}/[0-9]{1,2}$ ]] || fail "'$cidr' is no address with a prefix" \
    "take one like 192.0.2.1/24"
as_root="it takes root, or the capability CAP_NET_ADMIN: sudo $0 $*"
command -v ip >/dev/null || fail "the command 'ip' is missing" "install iproute2"
[ -e /dev/net/tun ] || modprobe tun 2>/dev/null || true
[ -e /dev/net/tun ] || fail "this machine has no /dev/net/tun" "load the kernel's module: modprobe tun"

# `ip tuntap show` reads /sys, which may show another namespace's devices; netlink does not.
details=$(ip -d link show dev "$name" 2>/dev/null) || details=
if [ -z "$details" ]; then
    # shellcheck disable=SC2086 # nothing, or one word
    ip tuntap add dev "$name" mode tun user "$owner" $several || fail "the kernel refused to make $name" "$as_root"
    echo "made $name, which belongs to $owner"
elif grep -q "tun type tun .*multi_queue" <<<"$details"; then
    [ -n "$several" ] || fail "$name is there already, for several queues" \
        "remove it first: sudo $(dirname "$0")/teardown_tun.sh $name"
    echo "$name is there already"
elif grep -q "tun type tun " <<<"$details" && [ -n "$several" ]; then
    fail "$name is there already, for one queue" \
        "remove it first: sudo $(dirname "$0")/teardown_tun.sh $name"
elif grep -q "tun type tun " <<<"$details"; then
    echo "$name is there already"
else
    fail "$name is there already, and it is no TUN device" "take another name: sudo $0 tun7"
fi

if ip -4 -o address show dev "$name" | grep -q " $cidr "; then
    echo "the kernel is at $cidr on it already"
else
    ip address add "$cidr" dev "$name" ||
        fail "the kernel refused the address $cidr" "$as_root"
    echo "the kernel is at $cidr on it"
fi
# The kernel's own chatter (router solicitations) would only clutter a capture.
ip link set dev "$name" addrgenmode none 2>/dev/null || true
# Room for the windows of a few fast connections: with the usual 500 packets the kernel would drop
# what its own senders may send at once.
ip link set dev "$name" txqueuelen 4000
ip link set dev "$name" up
echo "$name is up, MTU $(ip -o link show dev "$name" | sed 's/.* mtu \([0-9]*\) .*/\1/')"

# The stack's address: the one after the kernel's.
prefix=${cidr#*/}
address=${cidr%/*}
stack="${address%.*}.$(((${address##*.} + 1) % 256))"
options=""
[ -z "$several" ] || options+=" --queues $queues"
[ "$name" = tun0 ] || options+=" --tun $name"
[ "$stack/$prefix" = 192.0.2.2/24 ] || options+=" --address $stack/$prefix"
cat <<TEXT

Try next:
  tuntcp serve$options            (or: cargo run --release -- serve$options)
  nc $stack 7                 talk to its echo server from another terminal
  sudo tcpdump -ni $name         and watch
TEXT
