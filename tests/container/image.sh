#!/usr/bin/env bash
# usage: tests/container/image.sh PACKAGE.deb
# Builds cross/Containerfile.run with buildah and runs the image with podman, as cross/compose.yaml
# does: not as root, read-only, without capabilities. The demo clip's poses must reach a mosquitto
# beside it. No image registry is needed: the base image is made from this machine's apt sources.
#
# Needs root, buildah, podman, runc, mmdebstrap and mosquitto. Where no container can be made, it
# says so and exits with 0; with POSED_CONTAINER=required, with 1. Two minutes, 2 GB in target/image.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$(dirname "$here")")
deb=$(realpath "${1:?usage: $0 PACKAGE.deb}")
dir=$root/target/image

skip() {
    echo "test-image: skipped: $*" >&2
    [ "${POSED_CONTAINER:-}" != required ] || exit 1
    exit 0
}
fail() {
    echo "not ok - $*" >&2
    tail -n 40 "$work"/*.log >&2 || true
    exit 1
}
ok() { echo "ok - $* ($SECONDS s)"; }

[ "$(id -u)" -eq 0 ] || skip "only root can build the image: sudo -E make test-image"
for tool in buildah podman runc mmdebstrap mosquitto mosquitto_sub jq; do
    command -v "$tool" >/dev/null || skip "$tool is missing: tests/deps.sh image installs it"
done

work=$(mktemp -d)
broker=''
# Without overlays, each container copies the whole image.
driver=vfs
mkdir -p "$dir"/try/{lower,upper,work,merged}
if mount -t overlay -o "lowerdir=$dir/try/lower,upperdir=$dir/try/upper,workdir=$dir/try/work" none "$dir/try/merged" 2>/dev/null; then
    umount "$dir/try/merged"
    driver=overlay
fi
store=(--root "$dir/$driver" --runroot "$dir/run-$driver" --storage-driver "$driver")
engine() { podman --log-level error "${store[@]}" --runtime runc --cgroup-manager cgroupfs --events-backend file "$@"; }
cleanup() {
    engine rm -f -t 1 "posed-test-$$" >/dev/null 2>&1 || true
    [ -z "$broker" ] || kill "$broker"
    rm -rf "$work"
}
trap cleanup EXIT

# --- the image ------------------------------------------------------------------------------------
base=localhost/debian:bookworm-slim
if ! engine image exists "$base"; then
    mmdebstrap --variant=minbase --dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/doc/*' \
        bookworm "$dir/base.tar" >"$work/base.log" 2>&1 ||
        { tail "$work/base.log" >&2; skip "this machine's apt sources give no Debian 12"; }
    engine import -q "$dir/base.tar" "$base" >/dev/null || skip "podman keeps no images here"
    rm "$dir/base.tar"
fi
# The build sees what a checkout has, and one package.
mkdir -p "$work/context/target/deb"
cp "$deb" "$work/context/target/deb/"
buildah "${store[@]}" build --isolation chroot --layers=false --pull=never --from "$base" \
    -f "$root/cross/Containerfile.run" -t localhost/posed "$work/context" >"$work/build.log" 2>&1 ||
    fail "the image does not build"
[ "$(engine image inspect localhost/posed --format '{{.Config.User}}')" = posed ] || fail "the image runs as root"
ok "the image builds from the package; $(engine image inspect localhost/posed --format '{{.Size}}' | awk '{print int($1 / 1e6)}') MB"

# --- a run ----------------------------------------------------------------------------------------
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
printf 'listener %s 127.0.0.1\nallow_anonymous true\n' "$port" >"$work/mosquitto.conf"
mosquitto -c "$work/mosquitto.conf" >"$work/mosquitto.log" 2>&1 &
broker=$!
printf '[mqtt]\nurl = "mqtt://127.0.0.1:%s"\n[[camera]]\nname = "hall"\nsource = "file:///clip/walk.mp4"\nloop = true\n' \
    "$port" >"$work/posed.toml"
chmod 644 "$work/posed.toml"
# This machine may not have the limits that podman gives by default.
plain=(--ulimit nofile=1024:1024 --ulimit nproc=4096:4096)
# What compose.yaml says, but for the network.
run=("${plain[@]}" --name "posed-test-$$" --network host --read-only --tmpfs /tmp --cap-drop all --security-opt no-new-privileges
     -v "$work/posed.toml:/etc/posed/posed.toml:ro" -v "$root/models/demo:/clip:ro")
engine run --rm --network none "${plain[@]}" --entrypoint /bin/true localhost/posed >"$work/try.log" 2>&1 ||
    { cat "$work/try.log" >&2; skip "podman runs no container here"; }
said=$(engine run --rm --network none "${plain[@]}" --entrypoint /bin/sh localhost/posed -c \
    'id -u; ls /tmp /var/lib/apt/lists | wc -w; find / -xdev -writable -type f -not -path "/proc/*" -not -path "/var/lib/posed/*" 2>/dev/null | head; posed --version')
{ read -r uid; read -r left; read -r version; } <<<"$said"
[ "$uid" != 0 ] || fail "runs as root"
[ "$left" -le 3 ] || fail "the build left files in /tmp or apt's lists: $said"
[[ $version == posed\ * ]] || fail "the user of the container can write to: $version"
ok "runs as user $uid, who can write to no file of the image; $version"

engine run -d "${run[@]}" localhost/posed >"$work/run.log" 2>&1 || fail "the container does not start"
message=$(mosquitto_sub -p "$port" -W 90 -C 1 -R -t posed/hall/poses) || { engine logs "posed-test-$$" >"$work/posed.log" 2>&1; fail "no poses"; }
jq -e '.camera == "hall"' <<<"$message" >/dev/null || fail "no message of poses: $message"
# The clip shows two people.
for _ in $(seq 200); do
    message=$(mosquitto_sub -p "$port" -W 30 -C 1 -R -t posed/hall/poses) || fail "poses end"
    jq -e '.people | length > 0' <<<"$message" >/dev/null && break
done
people=$(jq '.people | length' <<<"$message")
[ "$people" -gt 0 ] || fail "nobody is found in the demo clip"
ok "poses of $people people of the demo clip arrive at the broker"
engine stop -t 5 "posed-test-$$" >/dev/null 2>&1
code=$(engine inspect "posed-test-$$" --format '{{.State.ExitCode}}')
[ "$code" = 0 ] || { engine logs "posed-test-$$" >"$work/posed.log" 2>&1; fail "ends with code $code at SIGTERM"; }
[ "$(mosquitto_sub -p "$port" -W 10 -C 1 -t posed/availability)" = offline ] || fail "the broker does not know that it is offline"
ok "stops at SIGTERM with code 0 and says that it is offline"
echo "test-image: passed"
