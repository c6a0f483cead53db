#!/usr/bin/env bash
# usage: tests/container/run.sh PACKAGE.deb FAULTY_BINARY
# Installs the package in a container with a systemd of its own as process 1, and runs inside.sh there: service, watchdog,
# reload, recovery, upgrade, purge. FAULTY_BINARY is built with --features fault-injection.
#
# Needs root, systemd-nspawn and mmdebstrap. Where a container cannot be made it says so and ends with 0, or, with
# POSED_CONTAINER=required, with 1. About four minutes, most of them waiting for watchdogs.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$(dirname "$here")")
deb=$(realpath "${1:?usage: $0 PACKAGE.deb FAULTY_BINARY}") faulty=$(realpath "${2:?usage: $0 PACKAGE.deb FAULTY_BINARY}")

skip() {
    echo "test-container: skipped: $*" >&2
    [ "${POSED_CONTAINER:-}" != required ] || exit 1
    exit 0
}

[ "$(id -u)" -eq 0 ] || skip "a container can only be made by root (sudo -E make test-container)"
for tool in systemd-nspawn mmdebstrap dpkg-deb; do
    command -v "$tool" >/dev/null || skip "$tool is missing: tests/deps.sh container installs it"
done

# What the package depends on is in the base already, so that the container needs no network; dpkg itself holds the
# package's Depends against it.
packages=systemd,systemd-sysv,dbus,procps,adduser,jq,mosquitto,mosquitto-clients
packages+=,libc6,libgcc-s1,libssl3,libglib2.0-0,libgstreamer1.0-0,libgstreamer-plugins-base1.0-0
packages+=,gstreamer1.0-plugins-base,gstreamer1.0-plugins-good,gstreamer1.0-plugins-bad,gstreamer1.0-libav
cache=${POSED_CONTAINER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/posed/container}
base=$cache/bookworm-$(dpkg --print-architecture)-$(sha256sum <<<"$packages" | cut -c1-12)
mkdir -p "$cache"
if [ ! -d "$base" ]; then
    echo "test-container: making $base" >&2
    partial=$(mktemp -d "$cache/partial.XXXXXX")
    trap 'rm -rf "$partial"' EXIT
    mmdebstrap --variant=minbase --include="$packages" bookworm "$partial/root" >"$partial/log" 2>&1 ||
        { tail -20 "$partial/log" >&2; skip "no Debian to be had from this machine's apt sources"; }
    # So that the container makes one of its own at its first start.
    : >"$partial/root/etc/machine-id"
    # mktemp's folder is root's alone; everybody must be able to see "/".
    chmod 755 "$partial/root"
    mv "$partial/root" "$base"
fi

work=$(mktemp -d)
trap 'rm -rf "$work" "${partial:-$work}"' EXIT
chmod 755 "$work"
mkdir "$work/test" "$work/out"
cp "$here/inside.sh" "$here/lib.sh" "$root/models/demo/walk.mp4" "$work/test/"
cp "$deb" "$work/test/posed.deb"
cp "$faulty" "$work/test/posed-faulty"
"$here/newer.sh" "$deb" "$work/test/posed-newer.deb"
chmod -R a+rX "$work/test"

# The tree itself stays as it is (an overlay in memory takes all changes), and the network is the container's own, so no
# port is taken. Without a systemd outside there is nothing to register with, and no scope.
set +e
timeout 900 systemd-nspawn --quiet --register=no --keep-unit --machine="posed-test-$$" --directory="$base" --volatile=overlay \
    --private-network --bind-ro="$work/test:/test" --bind="$work/out:/out" \
    --bind-ro="$here/proof.service:/etc/systemd/system/proof.service" --boot --console=read-only \
    systemd.log_level=notice systemd.wants=proof.service </dev/null >"$work/out/console" 2>&1
code=$?
set -e
if [ ! -e "$work/out/started" ]; then
    cat "$work/out/console" >&2
    skip "systemd-nspawn does not boot a systemd here (exit code $code)"
fi
cat "$work/out/report"
if [ ! -e "$work/out/passed" ]; then
    tail -60 "$work/out/console" "$work/out/journal" >&2 2>/dev/null || true
    echo "test-container: FAILED" >&2
    exit 1
fi
echo "test-container: passed"
