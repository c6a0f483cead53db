#!/usr/bin/env bash
# usage: modules.sh TREE
# Builds the kernel's test drivers that Debian leaves out, in a Debian with gcc, make, and the
# kernel's headers and source; then removes headers and source. visl is a hardware decoder of H.264,
# H.265 and others whose pictures describe what it was asked to decode. vimc is a camera made of
# parts, as on a board, which libcamera connects.
set -euo pipefail
tree=$1 media=drivers/media release=$(basename "$1"/lib/modules/*)
build=$tree/usr/src/build
mkdir "$build"
tar -xJf "$tree"/usr/src/linux-source-*.tar.xz -C "$build" --strip-components=1 --wildcards \
    "*/$media/test-drivers/vimc" "*/$media/test-drivers/visl" "*/$media/v4l2-core/v4l2-mem2mem.c"
echo 'obj-m := test-drivers/vimc/ test-drivers/visl/ v4l2-core/v4l2-mem2mem.o' >"$build/$media/Kbuild"
# visl includes its trace points by a path relative to the kernel's include/trace.
chroot "$tree" make -s -C "/lib/modules/$release/build" M="/usr/src/build/$media" CC=gcc-12 \
    CONFIG_VIDEO_VIMC=m CONFIG_VIDEO_VISL=m KCFLAGS="-I/usr/src/build/$media" INSTALL_MOD_STRIP=1 modules modules_install
chroot "$tree" depmod "$release"
rm -rf "$tree"/usr/src/*
