#!/usr/bin/env bash
# usage: tests/homeassistant/setup.sh DIR
# Installs a real Home Assistant core into DIR/tree: Debian trixie for its Python 3.13, and the exact
# packages of requirements.txt in a virtual environment. Needs root and mmdebstrap. A tree that was
# made by the same two files is left alone. Exit code 75: it cannot be installed here.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ $# -eq 1 ] || { sed -n 's/^# \(usage: .*\)/\1/p' "$0" >&2; exit 64; }
mkdir -p "$1"
dir=$(cd "$1" && pwd)

wanted=$(cat "$0" "$here/requirements.txt" | sha256sum | cut -c1-16)
if [ "$(cat "$dir/tree/venv/made-from" 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi

cannot() { echo "homeassistant: $*" >&2; exit 75; }
[ "$(id -u)" -eq 0 ] || cannot "the chroot needs root"
command -v mmdebstrap >/dev/null || cannot "please install mmdebstrap"
codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
# The archive that this machine's apt uses has trixie too.
archive=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Component: main' "Codename: $codename" |
    head -n 1)
[ -n "$archive" ] || cannot "apt knows no archive; run apt-get update"

rm -rf "$dir/tree" "$dir/partial"
log=$dir/setup.log
: >"$log"
step() {
    nice -n 10 "$@" >>"$log" 2>&1 && return
    tail -n 20 "$log" >&2
    cannot "the installation failed; $log has all of its output"
}

echo "homeassistant: installing Debian trixie"
step mmdebstrap --variant=minbase --dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --include=python3,python3-venv,libturbojpeg0 trixie "$dir/partial" "$archive"
chmod 755 "$dir/partial"

# pip inside uses the same index and certificates as pip outside.
for file in /etc/resolv.conf /etc/hosts /etc/pip.conf "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}"; do
    [ ! -e "$file" ] || install -D -m 644 "$(realpath "$file")" "$dir/partial$file"
done
install -m 644 "$here/requirements.txt" "$dir/partial/tmp/requirements.txt"

echo "homeassistant: installing $(grep '^homeassistant==' "$here/requirements.txt")"
step chroot "$dir/partial" python3 -m venv /venv
# The list is complete, so nothing is resolved. Two packages have no wheel, but need no compiler.
step chroot "$dir/partial" /venv/bin/pip install --no-cache-dir --no-deps --only-binary :all: \
    --no-binary fnvhash,PyTurboJPEG -r /tmp/requirements.txt
find "$dir/partial/venv" -path '*/homeassistant/components/*/translations/*.json' ! -name en.json -delete
step chroot "$dir/partial" /venv/bin/python -c '
from importlib import import_module
for name in ("binary_sensor", "event", "number", "sensor", "switch"):
    import_module(f"homeassistant.components.mqtt.{name}")'

rm -rf "$dir/partial/tmp/requirements.txt" "$dir/partial/etc/apt/sources.list" "$log"
echo "$wanted" >"$dir/partial/venv/made-from"
mv "$dir/partial" "$dir/tree"
