# Sourced by the scripts here: table of targets, cache, packages of other architectures.
set -euo pipefail

# Sysroots, the compiler and its builds are large, so they are kept outside the tree.
cache=${POSED_CROSS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/posed/cross}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")

fail() { echo "cross: $*" >&2; exit 1; }

# target NAME: sets triple (Rust's), gnu (gcc's), arch (Debian's), suite, gcc_version, glibc
# (highest allowed) and qemu.
target() {
    # JetPack 6 has 2.35, Raspberry Pi OS bookworm 2.36.
    gcc_version=12 suite=bookworm glibc=2.35
    case "$1" in
        aarch64) triple=aarch64-unknown-linux-gnu gnu=aarch64-linux-gnu arch=arm64 qemu=qemu-aarch64-static ;;
        aarch64-jetpack5) triple=aarch64-unknown-linux-gnu gnu=aarch64-linux-gnu arch=arm64 qemu=qemu-aarch64-static
            gcc_version=10 suite=bullseye glibc=2.31 ;;
        armhf) triple=armv7-unknown-linux-gnueabihf gnu=arm-linux-gnueabihf arch=armhf qemu=qemu-arm-static ;;
        x86_64) triple=x86_64-unknown-linux-gnu gnu=x86_64-linux-gnu arch=amd64 qemu=qemu-x86_64-static ;;
        *) fail "no target '$1'; there are aarch64, aarch64-jetpack5, armhf and x86_64" ;;
    esac
    sysroot=$cache/sysroot/$suite-$arch
}

# emulator: prints the command that runs a program of the target: qemu-user with the sysroot's
# libraries and GStreamer plugins. Each architecture has its own plugin registry, to keep the
# host's. GStreamer must not fork its plugin scanner, which is a program of the target too.
emulator() {
    local libs=$sysroot/usr/lib/$gnu
    # Packages are extracted, not installed, so Debian's alternatives for blas and lapack are
    # missing.
    echo "$qemu -L $sysroot -E LD_LIBRARY_PATH=$libs:$libs/blas:$libs/lapack -E GST_REGISTRY=$cache/gst-$suite-$arch.bin -E GST_REGISTRY_FORK=no" \
        "-E GST_PLUGIN_SYSTEM_PATH_1_0=$libs/gstreamer-1.0"
}

# native: true if the target is this machine's architecture. (JetPack 5 has another C library.)
native() { [ "$arch" = "$(dpkg --print-architecture)" ] && [ "$suite" = bookworm ]; }

# source_date: prints the time of the last commit, or of the changelog where there is no repository.
# Files in a package carry it.
source_date() {
    git -C "$root" log -1 --format=%ct 2>/dev/null ||
        date -d "$(sed -n 's/^ -- .*>  //p' "$root/systemd/debian/changelog" | head -1)" +%s
}

# need PACKAGE...: installs missing host tools with apt.
need() {
    local missing=()
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return
    local sudo=()
    [ "$(id -u)" -eq 0 ] || sudo=(sudo)
    "${sudo[@]}" apt-get update -q
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends "${missing[@]}"
}


# URLs of Debian's archive and its security archive in apt's configuration.
archive() { apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(LABEL)' | awk '$2 == "Debian" && $3 == "Debian" { print $1; exit }'; }
security_archive() { apt-get indextargets --format '$(REPO_URI) $(LABEL)' | awk '$2 == "Debian-Security" { print $1; exit }'; }

# fetch ARCH DIR PACKAGE...: downloads packages of an architecture without changing the system's apt
# state. apt verifies the archive's signature and every checksum.
fetch() {
    local arch=$1 dir=$2 state=$cache/apt/$1
    shift 2
    mkdir -p "$state/state/lists/partial" "$state/cache/archives/partial" "$dir"
    local apt=(apt-get -q -o "Dir::State=$state/state" -o Dir::State::status=/dev/null -o "Dir::Cache=$state/cache"
               -o "APT::Architecture=$arch" -o "APT::Architectures=$arch" -o APT::Sandbox::User=root)
    [ -n "$(find "$state/state/lists" -name '*Packages*' -mtime -1 -print -quit)" ] || "${apt[@]}" update >&2
    (cd "$dir" && "${apt[@]}" download "$@" >&2)
}
