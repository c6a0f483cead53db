#!/usr/bin/env bash
# usage: tests/container/run.sh PACKAGE.deb FAULTY_BINARY
# Installs the package in a container whose process 1 is systemd, and runs inside.sh there: service,
# watchdog, reload, recovery, upgrade, purge. FAULTY_BINARY is a debug build, which can hang and
# panic on purpose.
#
# Needs root, systemd-nspawn and mmdebstrap. Where a container cannot be made, it says so and exits
# with 0; with POSED_CONTAINER=required, with 1. It takes about four minutes, most of them waiting
# for watchdogs.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$(dirname "$here")")
deb=$(realpath "${1:?usage: $0 PACKAGE.deb FAULTY_BINARY}") faulty=$(realpath "${2:?usage: $0 PACKAGE.deb FAULTY_BINARY}")

skip() {
    echo "test-container: skipped: $*" >&2
    [ "${POSED_CONTAINER:-}" != required ] || exit 1
    exit 0
}

[ "$(id -u)" -eq 0 ] || skip "only root can make a container: sudo -E make test-container"
for tool in systemd-nspawn mmdebstrap dpkg-deb; do
    command -v "$tool" >/dev/null || skip "$tool is missing: tests/deps.sh container installs it"
done

# The base holds the package's dependencies, so the container needs no network. dpkg compares the
# package's Depends with it.
. "$root/tests/debian.sh"
debian "${POSED_CONTAINER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/posed/container}" systemd,systemd-sysv,dbus ||
    skip "this machine's apt sources give no Debian 12"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
mkdir "$work/test" "$work/out"
cp "$here/inside.sh" "$here/lib.sh" "$root/tests/steps.sh" "$root/models/demo/walk.mp4" "$work/test/"
cp "$deb" "$work/test/posed.deb"
cp "$faulty" "$work/test/posed-faulty"
"$here/newer.sh" "$deb" "$work/test/posed-newer.deb"
chmod -R a+rX "$work/test"

# An overlay in memory takes all changes, so the tree stays as it is. A private network keeps the
# ports free. --register=no and --keep-unit: this machine may have no systemd to register with.
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
    tail -n 60 "$work/out/console" "$work/out/journal" >&2 2>/dev/null || true
    echo "test-container: FAILED" >&2
    exit 1
fi
echo "test-container: passed"
