#!/usr/bin/env bash
# usage: cross/toolchain.sh TARGET
# Prints the path of a rustc with the target's standard library, and gets one if needed: rustup's,
# or Debian's compiler and standard library, extracted from their packages, if rustup cannot
# download.
. "$(dirname "$0")/lib.sh"
target "${1:?usage: cross/toolchain.sh TARGET}"

has_std() { "$1" --print target-libdir --target "$triple" 2>/dev/null | xargs -I{} ls {} 2>/dev/null | grep -q '^libstd-'; }

if has_std rustc || { command -v rustup >/dev/null && rustup target add "$triple" >&2 && has_std rustc; }; then
    command -v rustc
    exit
fi

echo "cross: rustup has no $triple here; taking Debian's compiler" >&2
toolchain=$cache/rust-web
if [ ! -x "$toolchain/rustc" ]; then
    fetch "$(dpkg --print-architecture)" "$cache/debs" rustc-web libstd-rust-web-dev \
        "$(apt-cache depends rustc-web libstd-rust-web-dev | grep -o 'libstd-rust-web-[0-9.]*' | sort -V | tail -1)" libllvm22
    for deb in "$cache"/debs/*"_$(dpkg --print-architecture).deb"; do dpkg-deb -x "$deb" "$toolchain"; done
    compiler=$(find "$toolchain/usr" -type f -name 'rustc*' -perm -u+x | head -1)
    [ -n "$compiler" ] || fail "rustc-web contains no rustc"
    libs=$(find "$toolchain/usr/lib" -maxdepth 2 -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
    printf '#!/bin/sh\nexport LD_LIBRARY_PATH=%s\nexec %s "$@"\n' "$libs" "$compiler" >"$toolchain/rustc"
    chmod +x "$toolchain/rustc"
fi
if ! has_std "$toolchain/rustc"; then
    fetch "$arch" "$cache/debs" libstd-rust-web-dev
    dpkg-deb -x "$(ls "$cache"/debs/libstd-rust-web-dev_*_"$arch".deb | sort -V | tail -1)" "$toolchain"
fi
has_std "$toolchain/rustc" || fail "Debian's libstd-rust-web-dev for $arch does not match its rustc-web"
echo "$toolchain/rustc"
