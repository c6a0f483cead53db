# Sourced by tests that make a Debian 12 for themselves.

# Packages that posed needs, and tools to talk to it. Each test adds its own.
debian_packages=procps,adduser,jq,mosquitto,mosquitto-clients
debian_packages+=,libc6,libgcc-s1,libssl3,libglib2.0-0,libgstreamer1.0-0,libgstreamer-plugins-base1.0-0
debian_packages+=,gstreamer1.0-plugins-base,gstreamer1.0-plugins-good,gstreamer1.0-plugins-bad,gstreamer1.0-libav

# debian CACHE PACKAGES [SCRIPT]: sets `base` to a tree with these packages and those above. The
# first call makes it in folder CACHE from this machine's apt sources; then nothing may write to it.
# A package's name may end in "/bookworm-backports". SCRIPT runs on the tree after the installation.
# If the tree cannot be made, prints the end of the log and returns false.
debian() {
    local cache=$1 packages=$2,$debian_packages script=${3:-} partial options=(--dpkgopt=force-unsafe-io)
    base=$cache/bookworm-$(dpkg --print-architecture)-$({ echo "$packages"; cat ${script:+"$script"} </dev/null; } | sha256sum | cut -c1-12)
    [ ! -d "$base" ] || return 0
    echo "making $base" >&2
    mkdir -p "$cache"
    partial=$(mktemp -d "$cache/partial.XXXXXX")
    [[ $packages != */bookworm-backports* ]] ||
        options+=(--setup-hook='sed -i "p;s/ bookworm / bookworm-backports /" "$1/etc/apt/sources.list"')
    [ -z "$script" ] || options+=(--customize-hook="$script")
    if ! mmdebstrap --variant=minbase --include="$packages" "${options[@]}" bookworm "$partial/tree" >"$partial/log" 2>&1; then
        tail -20 "$partial/log" >&2
        rm -rf "$partial"
        return 1
    fi
    # An empty file: the system makes its own id at its first start.
    : >"$partial/tree/etc/machine-id"
    # mktemp's folder belongs to root alone, but every user needs access to "/".
    chmod 755 "$partial/tree"
    mv "$partial/tree" "$base"
    rm -rf "$partial"
}
