# Sourced by tests that run inside a container or a virtual machine: steps, waiting, cameras. They
# set `shown` to a command that prints what helps to understand a failed step.

fail() {
    echo "not ok - $*"
    "$shown" || true
    exit 1
}
ok() { echo "ok - $* ($SECONDS s)"; }

# eventually SECONDS WHAT COMMAND...: repeats the command until it succeeds; fails after SECONDS.
eventually() {
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || fail "timed out waiting for: $what"
        sleep 0.2
    done
}

# poses CAMERA: waits for new messages of the camera. Retained messages do not count.
poses() { mosquitto_sub -R -W 60 -C 2 -t "posed/$1/poses" | tail -1 | jq -e '.camera == "'"$1"'" and (.people | type) == "array"' >/dev/null; }

# camera NAME SOURCE [MORE LINES]
camera() { printf '[[camera]]\nname = "%s"\nsource = "%s"\nfinder = "none"\n%b\n' "$1" "$2" "${3:-}"; }
config() { { printf '[mqtt]\nurl = "mqtt://localhost:1883"\n[model]\npose = "/usr/share/posed/models/lpn50-128x96"\n'; cat; } >/etc/posed/posed.toml; }
