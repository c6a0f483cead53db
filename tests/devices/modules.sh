#!/usr/bin/env bash
# usage: modules.sh TREE
# Builds into a Debian with gcc, make, its kernel's headers and its source those of the kernel's own test drivers that Debian
# leaves out: visl, a hardware decoder (of H.264 among others) whose pictures say what it was asked to decode; and vimc, a
# camera of parts as a board has them, which libcamera puts together. Takes the source and the headers away.
set -euo pipefail
tree=$1 media=drivers/media release=$(basename "$1"/lib/modules/*)
build=$tree/usr/src/build
mkdir "$build"
tar -xJf "$tree"/usr/src/linux-source-*.tar.xz -C "$build" --strip-components=1 --wildcards \
    "*/$media/test-drivers/vimc" "*/$media/test-drivers/visl" "*/$media/v4l2-core/v4l2-mem2mem.c"
echo 'obj-m := test-drivers/vimc/ test-drivers/visl/ v4l2-core/v4l2-mem2mem.o' >"$build/$media/Kbuild"
# visl's trace points are included by a path that starts at the kernel's include/trace.
chroot "$tree" make -s -C "/lib/modules/$release/build" M="/usr/src/build/$media" CC=gcc-12 \
    CONFIG_VIDEO_VIMC=m CONFIG_VIDEO_VISL=m KCFLAGS="-I/usr/src/build/$media" INSTALL_MOD_STRIP=1 modules modules_install
chroot "$tree" depmod "$release"
rm -rf "$tree"/usr/src/*
