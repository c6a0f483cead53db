#!/usr/bin/env bash
# usage: cross/deb.sh TARGET OUT_DIR
# Builds the package for a board, with man pages, completions and a list of what is in it. One commit
# gives one package, byte by byte (`make deb-twice`).
. "$(dirname "$0")/lib.sh"
name=${1:?usage: cross/deb.sh TARGET OUT_DIR} out=${2:?usage: cross/deb.sh TARGET OUT_DIR}
target "$name"
# It has the file name of the aarch64 package, so it gets its own folder.
[ "$name" != aarch64-jetpack5 ] || out=$out/jetpack5
version=$(cargo deb --version)
version=${version##* }
# Older ones write the dependencies in an order by chance.
[ "${version%%.*}" -ge 3 ] || fail "cargo-deb $version is too old: cargo install --locked cargo-deb"
# cargo-deb finds assets by their path in the tree, and the binary in the target's folder.
options=(--no-build --no-strip --target "$triple" --output "$out/")
[ "$name" != aarch64-jetpack5 ] || options+=(--variant jetpack5)
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target/cross/$name}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(source_date)}
export SOURCE_DATE_EPOCH
binary=$("$here/build.sh" "$name")
mkdir -p "$out"
cd "$root"
rm -rf target/assets
"$here/run.sh" "$name" "$binary" assets target/assets >&2
gzip -9n target/assets/*.1
python3 "$here/sbom.py" "$triple" target/assets/sbom.cdx.json
deb=$(cargo deb "${options[@]}")
# The package must require the C library that build.sh allows the binary to need.
dpkg-deb -f "$deb" Depends | grep -qF "libc6 (>= $glibc)" || fail "$deb does not depend on libc6 (>= $glibc)"
echo "$deb"
