#!/usr/bin/env bash
# usage: cross/sysroot.sh TARGET
# Makes the target's sysroot from Debian packages and prints its path: C library, GStreamer,
# OpenSSL, and the plugins that tests need under emulation. It runs no code of the target.
. "$(dirname "$0")/lib.sh"
target "${1:?usage: cross/sysroot.sh TARGET}"
[ "$arch" != amd64 ] || { echo /; exit; }
[ ! -f "$sysroot/.complete" ] || { echo "$sysroot"; exit; }

need mmdebstrap >&2
rm -rf "$sysroot"
mkdir -p "$(dirname "$sysroot")"
packages=libc6-dev,libgcc-$gcc_version-dev,libstdc++6,libssl-dev,libgstreamer1.0-dev,libgstreamer-plugins-base1.0-dev
packages+=,gstreamer1.0-plugins-base,gstreamer1.0-plugins-good,gstreamer1.0-plugins-bad,gstreamer1.0-libav,gstreamer1.0-tools
mmdebstrap --variant=extract --architectures="$arch" --include="$packages" "$suite" "$sysroot" "$(archive)" >&2
# Absolute links would point into this machine.
find "$sysroot/usr/lib" "$sysroot/etc/alternatives" -type l -lname '/*' -print0 | while IFS= read -r -d '' link; do
    ln -sfn "$(realpath -m --relative-to "$(dirname "$link")" "$sysroot$(readlink "$link")")" "$link"
done
touch "$sysroot/.complete"
echo "$sysroot"
