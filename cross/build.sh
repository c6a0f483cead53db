#!/usr/bin/env bash
# usage: cross/build.sh aarch64|aarch64-jetpack5|armhf|x86_64
# Builds the release binary for a board and prints its path. README.md says which board needs which.
. "$(dirname "$0")/lib.sh"
name=${1:?usage: cross/build.sh aarch64|aarch64-jetpack5|armhf|x86_64}
target "$name"
if native; then
    # The same binary as `make build`.
    (cd "$root" && cargo build --release --locked >&2)
    binary=${CARGO_TARGET_DIR:-$root/target}/release/posed
else
    export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target/cross/$name}
    (cd "$root" && "$here/env.sh" "$name" cargo build --release --locked --target "$triple" >&2)
    binary=$CARGO_TARGET_DIR/$triple/release/posed
fi
megabytes=$(($(stat -c %s "$binary") / 1048576))
[ "$megabytes" -le 25 ] || fail "the binary has $megabytes MB; 25 is the limit"
highest=$(readelf -V "$binary" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -1)
newest=$(printf '%s\n' "GLIBC_$glibc" "$highest" | sort -V | tail -1)
[ "$newest" = "GLIBC_$glibc" ] || fail "the binary needs $highest; $name has $glibc"
echo "cross: $name, $megabytes MB, needs $highest" >&2
echo "$binary"
