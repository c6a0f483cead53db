#!/usr/bin/env bash
# usage: cross/build.sh aarch64|aarch64-jetpack5|armhf|x86_64
# Builds the release binary for a board and prints its path. README.md says which board needs which.
# One commit gives one binary: no path of this machine gets into it.
. "$(dirname "$0")/lib.sh"
name=${1:?usage: cross/build.sh aarch64|aarch64-jetpack5|armhf|x86_64}
target "$name"
# Packages have a folder of their own: other flags than those of `make build` would rebuild that.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target/cross/$name}

# Panic messages name source files. Of several prefixes that match, rustc takes the last.
flags=()
remap() { flags+=("'--remap-path-prefix=$1=$2'"); }
remap "${CARGO_HOME:-$HOME/.cargo}" cargo
remap "$CARGO_TARGET_DIR" target
remap "$root" posed
[[ $CARGO_TARGET_DIR != "$root"/* ]] || remap "$CARGO_TARGET_DIR" target
# Where the standard library's sources are installed, rustc names them by their path.
remap "$(rustc --print sysroot)/lib/rustlib/src/rust" "/rustc/$(rustc -vV | sed -n 's/^commit-hash: //p')"
# Given as configuration, they add to those of .cargo/config.toml.
options=(--release --locked --target "$triple" --config "target.$triple.rustflags=[$(IFS=,; echo "${flags[*]}")]")
if native; then
    (cd "$root" && cargo build "${options[@]}" >&2)
else
    (cd "$root" && "$here/env.sh" "$name" cargo build "${options[@]}" >&2)
fi
binary=$CARGO_TARGET_DIR/$triple/release/posed
megabytes=$(($(stat -c %s "$binary") / 1048576))
[ "$megabytes" -le 25 ] || fail "the binary has $megabytes MB; 25 is the limit"
highest=$(readelf -V "$binary" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -1)
newest=$(printf '%s\n' "GLIBC_$glibc" "$highest" | sort -V | tail -1)
[ "$newest" = "GLIBC_$glibc" ] || fail "the binary needs $highest; $name has $glibc"
echo "cross: $name, $megabytes MB, needs $highest" >&2
echo "$binary"
