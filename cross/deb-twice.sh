#!/usr/bin/env bash
# usage: cross/deb-twice.sh
# Builds the last commit's package for this machine in two folders and compares them. The builds differ
# in what a builder's machine may differ in: path, umask, language, time zone, number of jobs.
# diffoscope, where it is installed, shows what differs.
. "$(dirname "$0")/lib.sh"
[ "$(dpkg --print-architecture)" = amd64 ] || fail "only the x86_64 package is built by the machine itself"
work=$root/target/twice
rm -rf "$work"
mkdir -p "$work"

# package FOLDER: builds in a clone at FOLDER and prints the package's path.
package() {
    git clone -q "$root" "$1"
    (unset CARGO_TARGET_DIR SOURCE_DATE_EPOCH; cd "$1" && cross/deb.sh x86_64 "$1/target/deb")
}
first=$(umask 022; LC_ALL=C TZ=UTC package "$work/a")
second=$(umask 077; LC_ALL=C.UTF-8 TZ=Pacific/Auckland CARGO_BUILD_JOBS=1 package "$work/another/folder")
sha256sum "$first" "$second"
if ! cmp "$first" "$second"; then
    if command -v diffoscope >/dev/null; then diffoscope --max-report-size 100000 "$first" "$second" || true; fi
    fail "the two packages differ"
fi
echo "cross: the two packages are the same, byte by byte"
