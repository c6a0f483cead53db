#!/usr/bin/env bash
# usage: tests/devices/run.sh [BINARY]
# Boots Debian 12 with the kernel of its backports (6.12, as in Raspberry Pi OS) in a virtual
# machine with cameras and decoders, and runs inside.sh there with the binary (default:
# target/release/posed). The devices: the kernel's test driver vivid, which makes V4L2 devices that
# can be unplugged; webcam.c, a USB webcam for the driver uvcvideo; and the drivers that modules.sh
# builds.
#
# Needs root (mmdebstrap), qemu-system-x86_64, mke2fs, gcc and ffmpeg, and fails without them. The
# processor is emulated, which works everywhere but is slow: limits of waiting are long, and no time
# is judged. POSED_DEVICES_ACCEL=kvm uses KVM, if this machine's works.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$(dirname "$here")")
binary=$(realpath "${1:-$root/target/release/posed}")

fail() {
    echo "test-devices: FAILED: $*" >&2
    exit 1
}

[ "$(id -u)" -eq 0 ] || fail "only root can make the virtual machine's system: sudo -E make test-devices"
for tool in mmdebstrap mke2fs qemu-system-x86_64 gcc ffmpeg; do
    command -v "$tool" >/dev/null || fail "$tool is missing: tests/deps.sh devices installs it"
done
[ "$(dpkg --print-architecture)" = amd64 ] || fail "the virtual machine is a PC: only an amd64 Debian or Ubuntu can make its system"

. "$root/tests/debian.sh"
# The libcamera plugin also hides V4L2 cameras from GStreamer's device monitor.
packages=$(printf '%s/bookworm-backports,' linux-{image-amd64,headers-amd64,source-6.12})
packages+=gcc-12,make,xz-utils,udev,kmod,iproute2,v4l-utils,gstreamer1.0-libcamera,libcamera-ipa
debian "${POSED_DEVICES_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/posed/devices}" "$packages" "$here/modules.sh" ||
    fail "this machine's apt sources give no Debian 12"
if [ ! -e "$base.img" ]; then
    mke2fs -q -t ext4 -d "$base" "$base.partial" 2500M
    mv "$base.partial" "$base.img"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/test/models" "$work/test/pictures" "$work/out"
cp "$here"/{init,inside,webcam,hardware}.sh "$root/tests/steps.sh" "$work/test/"
cp "$binary" "$work/test/posed"
cp -r "$root/models/lpn50-128x96" "$work/test/models/"
# Static: the virtual machine's C library may be older than this machine's.
gcc -O2 -Wall -Wextra -static -o "$work/test/webcam" "$here/webcam.c"
# pictures SIZE OPTIONS...: the demo clip as the webcam sends it in one of its modes.
pictures() { ffmpeg -v error -i "$root/models/demo/walk.mp4" -vf "fps=5,scale=${1/x/:}" "${@:2}" </dev/null; }
# Webcams send JPEGs with 4:2:2 chroma.
for size in 1280x720 640x360; do
    pictures $size -c:v mjpeg -pix_fmt yuvj422p -q:v 4 -f mjpeg "$work/test/pictures/$size.mjpeg"
done
pictures 320x180 -pix_fmt yuyv422 -f rawvideo "$work/test/pictures/320x180.yuyv"
# A key frame every 10 frames: a decoder that joins later waits for one.
pictures 640x360 -c:v libx264 -profile:v main -bf 0 -g 10 -bsf:v h264_metadata=aud=insert -f h264 "$work/test/pictures/640x360.h264"
# H.265 as cameras send it, and with wavefronts.
cp "$root/models/demo/walk.mp4" "$work/test/pictures/"
for coded in walk:0 waves:1; do
    ffmpeg -v error -i "$root/models/demo/walk.mp4" -t 6 -c:v libx265 -preset ultrafast -tag:v hvc1 \
        -x265-params "wpp=${coded#*:}:bframes=0:log-level=none" "$work/test/pictures/${coded%:*}-265.mp4" </dev/null
done

# systemd does not run there: a shell mounts the test's folders and execs init.sh.
init='mkdir /test /out; modprobe 9pnet_virtio; for i in test out; do mount -t 9p -o trans=virtio,version=9p2000.L $i /$i; done;
    exec bash /test/init.sh'
set +e
timeout 2400 qemu-system-x86_64 -machine q35,accel="${POSED_DEVICES_ACCEL:-tcg}" -cpu max -smp 2 -m 2048 -no-reboot \
    -nodefaults -display none -serial stdio -kernel "$base"/boot/vmlinuz-* -initrd "$base"/boot/initrd.img-* \
    -append "console=ttyS0 quiet panic=-1 root=/dev/vda rootfstype=ext4 rw init=/bin/bash -- -c \"${init//$'\n'/}\"" \
    -drive "file=$base.img,format=raw,if=virtio,snapshot=on" \
    -virtfs "local,path=$work/test,mount_tag=test,security_model=none,readonly=on" \
    -virtfs "local,path=$work/out,mount_tag=out,security_model=none" </dev/null >"$work/console" 2>&1
code=$?
set -e
cat "$work/out/report" || true
if [ ! -e "$work/out/passed" ]; then
    tail -n 40 "$work/console" "$work/out/posed.log" >&2 2>/dev/null || true
    fail "exit code $code of qemu"
fi
echo "test-devices: passed"
