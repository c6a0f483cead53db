#!/usr/bin/env bash
# usage: cross/env.sh TARGET COMMAND...
# Runs a command, usually cargo, with the environment to build for TARGET and to run the binaries
# under emulation (for x86_64 only if QEMU_CPU is set).
. "$(dirname "$0")/lib.sh"
name=${1:?usage: cross/env.sh TARGET COMMAND...}
target "$name"
shift
if [ "$arch" = amd64 ]; then
    if [ -n "${QEMU_CPU:-}" ]; then
        need qemu-user-static >&2
        export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER=$qemu
    fi
    exec "$@"
fi

need "gcc-${gnu//_/-}" "g++-${gnu//_/-}" "libc6-dev-$arch-cross" qemu-user-static pkg-config >&2
sysroot=$("$here/sysroot.sh" "$name")
RUSTC=$("$here/toolchain.sh" "$name")
upper=$(tr 'a-z-' 'A-Z_' <<<"$triple")
lower=${triple//-/_}

# The cross gcc has its own C library, but headers and symbols must come from the sysroot's.
wrapper=$cache/bin/$suite-$gnu-gcc
mkdir -p "$cache/bin"
printf '#!/bin/sh\nexec %s-gcc --sysroot=%s -B%s/usr/lib/%s/ -L%s/usr/lib/%s -Wl,-rpath-link=%s/usr/lib/%s -Wl,--allow-shlib-undefined "$@"\n' \
    "$gnu" "$sysroot" "$sysroot" "$gnu" "$sysroot" "$gnu" "$sysroot" "$gnu" >"$wrapper"
chmod +x "$wrapper"

export RUSTC
export CARGO_BUILD_TARGET=$triple
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target/cross/$name}
export "CARGO_TARGET_${upper}_LINKER=$wrapper" "CC_$lower=$wrapper"
export PKG_CONFIG_ALLOW_CROSS=1
export "PKG_CONFIG_SYSROOT_DIR_$lower=$sysroot"
export "PKG_CONFIG_LIBDIR_$lower=$sysroot/usr/lib/$gnu/pkgconfig:$sysroot/usr/share/pkgconfig"
export "CARGO_TARGET_${upper}_RUNNER=$(emulator)"
exec "$@"
