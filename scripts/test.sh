#!/usr/bin/env bash
# Installs what the tests need and runs all of them.
#
#   ./scripts/test.sh
#
# Every test that opens a TUN makes a network namespace of its own, which takes root, or a kernel
# that lets users make namespaces.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh

case "${1:-}" in -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;; esac

need ip iproute2 unshare util-linux script bsdutils tcpdump tcpdump tshark tshark nc netcat-openbsd \
    socat socat python3 python3 sha256sum coreutils valgrind valgrind \
    wrk wrk redis-cli redis-tools iperf3 iperf3 chromium chromium chromedriver chromium-driver \
    dig bind9-dnsutils dnsmasq dnsmasq-base curl curl \
    ping iputils-ping tracepath iputils-tracepath
need_cargo .

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    as_root=(unshare --user --map-root-user)
    "${as_root[@]}" --net true || { echo "run this with sudo" >&2; exit 1; }
fi

echo "== style"
if command -v rustfmt >/dev/null; then cargo fmt --all --check; fi
if command -v cargo-clippy >/dev/null; then
    cargo clippy --workspace --all-targets --all-features -- --deny warnings
fi
echo "== documentation"
RUSTDOCFLAGS="--deny warnings" cargo doc --no-deps --all-features --quiet
echo "== tests"
"${as_root[@]}" cargo test --workspace --all-features
echo "== instructions per segment"
cargo bench --bench instructions
echo "== real programs over a real TUN"
"${as_root[@]}" cargo test --release --test kernel -- --include-ignored --test-threads 2
