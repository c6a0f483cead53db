#!/usr/bin/env bash
# usage: cross/deb.sh TARGET OUT_DIR
# Builds the package for a board. `make deb` calls this after it made the man pages and completions.
. "$(dirname "$0")/lib.sh"
name=${1:?usage: cross/deb.sh TARGET OUT_DIR} out=${2:?usage: cross/deb.sh TARGET OUT_DIR}
target "$name"
# Its file name equals that of the aarch64 package, so it goes into a folder of its own.
[ "$name" != aarch64-jetpack5 ] || out=$out/jetpack5
options=(--no-build --no-strip --output "$out/")
if ! native; then
    # The assets are named by their place in the tree, the binary by cargo-deb's rule for a target.
    options+=(--target "$triple")
    export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target/cross/$name}
fi
[ "$name" != aarch64-jetpack5 ] || options+=(--variant jetpack5)
"$here/build.sh" "$name" >&2
mkdir -p "$out"
cd "$root"
deb=$(cargo deb "${options[@]}")
# What the binary may need, by build.sh's check, is what the package asks for.
dpkg-deb -f "$deb" Depends | grep -qF "libc6 (>= $glibc)" || fail "$deb does not depend on libc6 (>= $glibc)"
echo "$deb"
