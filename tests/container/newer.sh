#!/usr/bin/env bash
# usage: newer.sh PACKAGE.deb OUT.deb
# Makes an upgrade: the same package with a higher version and one more line in its configuration.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dpkg-deb -R "$1" "$work/p"
sed -i 's/^Version: .*/&+newer/' "$work/p/DEBIAN/control"
echo '# A newer version of this file.' >>"$work/p/etc/posed/posed.toml"
(cd "$work/p" && find . -type f ! -path './DEBIAN/*' -printf '%P\0' | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
dpkg-deb -Zgzip -z1 --root-owner-group -b "$work/p" "$2" >/dev/null
