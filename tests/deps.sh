#!/usr/bin/env bash
# Installs the Debian or Ubuntu packages that a task needs, unless they are installed.
# usage: tests/deps.sh build|demo|test|deb|container|devices|valgrind|homeassistant|soak|image
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
    image) want=("${build[@]}" buildah podman runc mmdebstrap mosquitto mosquitto-clients jq) ;;
    homeassistant) want=("${build[@]}" "${run[@]}" mosquitto mmdebstrap) ;;
    soak) want=("${build[@]}" "${run[@]}" mosquitto mosquitto-clients ffmpeg gstreamer1.0-plugins-ugly gstreamer1.0-tools
                gstreamer1.0-rtsp python3-gi gir1.2-gst-rtsp-server-1.0) ;;
    *) echo "usage: $0 build|demo|test|deb|container|devices|valgrind|homeassistant|soak|image" >&2; exit 64 ;;
esac

# promtool checks the metrics and alerts. It is unpacked alone: the package would start a server.
unpack_promtool() {
    local tools; tools=$(cd "$(dirname "$0")/.." && pwd)/target/tools
    if command -v promtool >/dev/null || [ -x "$tools/promtool" ]; then return; fi
    command -v apt-get >/dev/null || return 0
    echo "unpacking promtool into $tools"
    mkdir -p "$tools/prometheus"
    (cd "$tools/prometheus" && apt-get download -q prometheus && dpkg -x prometheus_*.deb . && mv usr/bin/promtool ..) \
        || echo "no promtool: the tests of the metrics and alerts skip without it" >&2
    rm -rf "$tools/prometheus"
}

missing=()
for package in "${want[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
    [ "$1" != test ] || unpack_promtool
    exit 0
fi

if ! command -v apt-get >/dev/null; then
    echo "this is not Debian or Ubuntu: install these with your system's package manager: ${missing[*]}" >&2
    exit 69
fi
sudo=()
[ "$(id -u)" -eq 0 ] || sudo=(sudo)
echo "installing: ${missing[*]}"
"${sudo[@]}" apt-get update -q
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends "${missing[@]}"
[ "$1" != test ] || unpack_promtool
