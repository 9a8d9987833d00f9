#!/usr/bin/env bash
# Removes the TUN device that setup_tun.sh made.
#
#   sudo ./scripts/teardown_tun.sh [NAME]        default: tun0
set -euo pipefail

case "${1:-}" in -h | --help) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
[ $# -le 1 ] || { sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 2; }
name=${1:-tun0}

if ! ip link show dev "$name" >/dev/null 2>&1; then
    echo "$name is not there: nothing to do"
    exit 0
fi
if ! ip -d link show dev "$name" | grep -q "tun type tun "; then
    echo "teardown_tun.sh: $name is no TUN device; it stays" >&2
    exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "teardown_tun.sh: removing a device takes root; try: sudo $0 $name" >&2
    exit 1
fi
ip link delete dev "$name"
echo "removed $name; a program that had it open is told that the device is gone"
