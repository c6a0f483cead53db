#!/usr/bin/env bash
# Installs the Debian or Ubuntu packages that a task needs, unless they are installed.
# usage: tests/deps.sh build|demo|test|deb|container|devices|valgrind|homeassistant|soak
set -euo pipefail

build=(pkg-config gcc libssl-dev libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev)
# glib-networking: TLS, for rtsps://.
run=(gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-libav
     glib-networking)
case "${1:-}" in
    build) want=("${build[@]}") ;;
    demo) want=("${build[@]}" "${run[@]}" mosquitto) ;;
    test) want=("${build[@]}" "${run[@]}" mosquitto mosquitto-clients gstreamer1.0-plugins-ugly gstreamer1.0-tools
                libgstrtspserver-1.0-dev gstreamer1.0-rtsp openssl faketime iproute2 python3-venv python3-torch systemd man-db)
          # Debian's. Ubuntu has it as a snap only, and tests of the page skip without it.
          if grep -qs '^ID=debian' /etc/os-release; then want+=(chromium); fi ;;
    deb) want=("${build[@]}" lintian) ;;
    container) want=("${build[@]}" systemd-container mmdebstrap) ;;
    devices) want=("${build[@]}" mmdebstrap e2fsprogs qemu-system-x86 ffmpeg) ;;
    valgrind) want=("${build[@]}" valgrind) ;;
    homeassistant) want=("${build[@]}" "${run[@]}" mosquitto mmdebstrap) ;;
    soak) want=("${build[@]}" "${run[@]}" mosquitto mosquitto-clients ffmpeg) ;;
    *) echo "usage: $0 build|demo|test|deb|container|devices|valgrind|homeassistant|soak" >&2; exit 64 ;;
esac

missing=()
for package in "${want[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
    echo "this is not Debian or Ubuntu: install these with your system's package manager: ${missing[*]}" >&2
    exit 69
fi
sudo=()
[ "$(id -u)" -eq 0 ] || sudo=(sudo)
echo "installing: ${missing[*]}"
"${sudo[@]}" apt-get update -q
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends "${missing[@]}"
