# Sourced by tests that need a Debian 12 of their own.

# What posed needs to run and to be spoken with, beside whatever the test itself needs.
debian_packages=procps,adduser,jq,mosquitto,mosquitto-clients
debian_packages+=,libc6,libgcc-s1,libssl3,libglib2.0-0,libgstreamer1.0-0,libgstreamer-plugins-base1.0-0
debian_packages+=,gstreamer1.0-plugins-base,gstreamer1.0-plugins-good,gstreamer1.0-plugins-bad,gstreamer1.0-libav

# debian CACHE PACKAGES [SCRIPT]: sets `base` to a tree of these packages (and those above) in folder CACHE, made at the first
# call from this machine's own apt sources. A package's name may end in "/bookworm-backports". SCRIPT is run on the tree once all
# is installed. Nothing else may write into it. False, and the end of the log told, if it cannot be made.
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
    if ! mmdebstrap --variant=minbase --include="$packages" "${options[@]}" bookworm "$partial/root" >"$partial/log" 2>&1; then
        tail -20 "$partial/log" >&2
        rm -rf "$partial"
        return 1
    fi
    # So that it makes one of its own at its first start.
    : >"$partial/root/etc/machine-id"
    # mktemp's folder is root's alone; everybody must be able to see "/".
    chmod 755 "$partial/root"
    mv "$partial/root" "$base"
    rm -rf "$partial"
}
