#!/usr/bin/env bash
# Makes the TUN device that the stack lives behind.
#
#   sudo ./scripts/setup_tun.sh [--queues N] [NAME [KERNEL-CIDR...]]
#
# By default that is tun0, with 192.0.2.1/24 and, where the kernel speaks IPv6, 2001:db8::1/64.
# With --queues N, 2 to 8, it has room for that many queues: see `tuntcp serve --queues N`.
#
# The device is persistent and belongs to the invoking user, so that `tuntcp` needs no root; the
# kernel has each KERNEL-CIDR on it, and the stack answers at another address of that network.
# Running it again changes nothing that is right already.
set -euo pipefail

usage() {
    sed -n '2,11s/^# \{0,1\}//p' "$0"
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
several=""
[ "$queues" = 1 ] || several=multi_queue

name=${1:-tun0}
cidrs=("${@:2}")
optional=""
if [ ${#cidrs[@]} -eq 0 ]; then
    cidrs=(192.0.2.1/24 2001:db8::1/64)
    optional=2001:db8::1/64
fi
owner=${SUDO_USER:-$(id -un)}

[[ $name =~ ^[A-Za-z0-9_.-]{1,15}$ ]] || fail "'$name' is no name for an interface" \
    "take 1 to 15 letters, digits, '.', '_' or '-'"
for cidr in "${cidrs[@]}"; do
    [[ $cidr =~ ^([0-9]{1,3}\.){3}[0-9]{1,3}/[0-9]{1,2}$ || $cidr =~ ^[0-9a-f:]*:[0-9a-f:]*/[0-9]{1,3}$ ]] ||
        fail "'$cidr' is no address with a prefix" "take one like 192.0.2.1/24 or 2001:db8::1/64"
done
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

# Says why the device can have no address of IPv6; fails where it can.
ipv6_off() {
    if [ ! -e /proc/sys/net/ipv6 ]; then
        echo "the kernel has none"
    else
        grep -qx 1 "/proc/sys/net/ipv6/conf/$name/disable_ipv6" && echo "net.ipv6.conf.$name.disable_ipv6 = 1"
    fi
}

# The kernel's own chatter (router solicitations) would only clutter a capture.
ip link set dev "$name" addrgenmode none 2>/dev/null || true
for cidr in "${cidrs[@]}"; do
    # Nobody else can have an address of IPv6 here: no need to ask around first.
    case $cidr in *:*) family=-6 quiet=nodad ;; *) family=-4 quiet="" ;; esac
    if ip $family -o address show dev "$name" | grep -q " $cidr "; then
        echo "the kernel is at $cidr on it already"
    # shellcheck disable=SC2086 # nothing, or one word
    elif answer=$(ip $family address add "$cidr" dev "$name" $quiet 2>&1); then
        echo "the kernel is at $cidr on it"
    elif off=$(ipv6_off) && [ -n "$quiet" ]; then
        [ "$cidr" = "$optional" ] || fail "the kernel refused the address $cidr: IPv6 is switched off here ($off)" \
            "switch it on (sudo sysctl net.ipv6.conf.$name.disable_ipv6=0), or leave that address out"
        echo "IPv6 is switched off here ($off): $name has IPv4 alone"
    else
        echo "$answer" >&2
        fail "the kernel refused the address $cidr" "$as_root"
    fi
done
# Room for the windows of a few fast connections: with the usual 500 packets the kernel would drop
# what its own senders may send at once.
ip link set dev "$name" txqueuelen 4000
ip link set dev "$name" up
echo "$name is up, MTU $(ip -o link show dev "$name" | sed 's/.* mtu \([0-9]*\) .*/\1/')"

# The stack's address: the one after the kernel's.
next_to() {
    local prefix=${1#*/} address=${1%/*}
    case $address in
        *:*) local last=${address##*:}
            printf '%s%x/%s' "${address%"$last"}" $(((0x${last:-0} + 1) % 65536)) "$prefix" ;;
        *) printf '%s/%s' "${address%.*}.$(((${address##*.} + 1) % 256))" "$prefix" ;;
    esac
}
stack=$(next_to "${cidrs[0]}")
options=""
[ -z "$several" ] || options+=" --queues $queues"
[ "$name" = tun0 ] || options+=" --tun $name"
if [ -z "$optional" ] && [ "${cidrs[*]}" != 192.0.2.1/24 ]; then
    for cidr in "${cidrs[@]}"; do options+=" --address $(next_to "$cidr")"; done
fi
cat <<TEXT

Try next:
  tuntcp serve$options            (or: cargo run --release -- serve$options)
  nc ${stack%/*} 7                 talk to its echo server from another terminal
  sudo tcpdump -ni $name         and watch
TEXT
