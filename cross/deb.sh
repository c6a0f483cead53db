#!/usr/bin/env bash
# usage: cross/deb.sh TARGET OUT_DIR
# Builds the package for a board. `make deb` first makes the man pages and completions.
. "$(dirname "$0")/lib.sh"
name=${1:?usage: cross/deb.sh TARGET OUT_DIR} out=${2:?usage: cross/deb.sh TARGET OUT_DIR}
target "$name"
# It has the file name of the aarch64 package, so it gets its own folder.
[ "$name" != aarch64-jetpack5 ] || out=$out/jetpack5
options=(--no-build --no-strip --output "$out/")
if ! native; then
    # cargo-deb finds assets by their path in the tree, and the binary in the target's folder.
    options+=(--target "$triple")
    export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target/cross/$name}
fi
[ "$name" != aarch64-jetpack5 ] || options+=(--variant jetpack5)
"$here/build.sh" "$name" >&2
mkdir -p "$out"
cd "$root"
deb=$(cargo deb "${options[@]}")
# The package must require the C library that build.sh allows the binary to need.
dpkg-deb -f "$deb" Depends | grep -qF "libc6 (>= $glibc)" || fail "$deb does not depend on libc6 (>= $glibc)"
echo "$deb"
