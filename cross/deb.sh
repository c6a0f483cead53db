#!/usr/bin/env bash
# usage: cross/deb.sh TARGET OUT_DIR
# Builds the package for a board. `make deb` calls this after it made the man pages and completions.
. "$(dirname "$0")/lib.sh"
name=${1:?usage: cross/deb.sh TARGET OUT_DIR} out=${2:?usage: cross/deb.sh TARGET OUT_DIR}
target "$name"
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target/cross/$name}
"$here/build.sh" "$name"
mkdir -p "$out"
# The assets are named by their place in the tree, the binary by cargo-deb's rule for a target.
(cd "$root" && cargo deb --no-build --no-strip --target "$triple" --output "$out/")
