#!/bin/bash
# Runs inside the virtual machine, as root. Stops at the first failure.
set -euo pipefail
. /test/steps.sh
shown=log_shown
log_shown() { tail -25 /out/posed.log; mosquitto_sub -v -W 3 -t 'posed/+/state'; }

# state CAMERA JQ: whether JQ is true of the camera's last state.
state() { mosquitto_sub -C 1 -W 5 -t "posed/$1/state" | jq -e "$2" >/dev/null; }
# held fd|task: number of files or threads of the daemon.
held() { ls "/proc/$pid/$1" | wc -l; }
# Whether the daemon holds no video device that is gone, and no frame of one.
none_stale() { [ -z "$(find "/proc/$pid/fd" -lname '/dev/video*(deleted)')" ]; }
# diagnosis CAMERA: prints the camera's two lines of the doctor's report.
diagnosis() { posed doctor >/tmp/doctor || true; grep -A1 -E "^camera +[a-z]+ +$1:" /tmp/doctor || fail "the doctor does not mention $1"; }
reload() { config && kill -HUP "$pid"; }
small='?width=320&height=180&fps=5'
# The first camera. Faults of other cameras must not affect it.
door() { camera door "v4l2:///dev/video0$small"; }

install -m 755 /test/posed /usr/bin/posed
mkdir -p /usr/share/posed /etc/posed
ln -s /test/models /usr/share/posed/models
# Two cameras, the second with a separate buffer for each plane, and an output device.
modprobe vivid n_devs=2 node_types=0x1,0x101 num_inputs=1,1 input_types=0,0 multiplanar=1,2
udevadm settle
[ -c /dev/video2 ] || fail "vivid made no devices"
mosquitto -d -p 1883 >/dev/null 2>&1
eventually 30 "a broker" mosquitto_pub -t x -m y
# As the systemd unit sets it.
export G_DEBUG=fatal-warnings GST_V4L2_FORCE_DRAIN=1

# --- doctor and check -----------------------------------------------------------------------------
posed doctor >/tmp/doctor || { cat /tmp/doctor; fail "the doctor finds a fault in a healthy machine"; }
for node in 0 1; do
    grep -Eq "^device +ok +vivid, source = \"v4l2:///dev/video$node\": .* 3840x2160 at [0-9]+ fps, " /tmp/doctor ||
        { cat /tmp/doctor; fail "the doctor does not see /dev/video$node and its modes"; }
done
! grep -q '^device.*video2' /tmp/doctor || fail "the doctor lists an output device as a camera"
grep -Eq '^permissions +ok .*/dev/video0' /tmp/doctor || fail "the service may not open the cameras"
{ door; camera large v4l2:///dev/video1; } | config
posed check | grep -q 'pipeline v4l2src .*device="/dev/video1"' || fail "check shows no pipeline"
diagnosis door | grep -Eq 'ok +door: first frame after .* no decoder needed, video/x-raw, .*width=\(int\)320' ||
    { cat /tmp/doctor; fail "the doctor gets no frame"; }
ok "doctor and check: two cameras, their modes, a first frame of each"

# --- frames ---------------------------------------------------------------------------------------
posed run >/out/posed.log 2>&1 &
pid=$!
eventually 60 "door online" state door '.status == "online" and .decoder == "raw" and (.caps | test("YUY2"))'
# The default mode, not the largest one, which has two frames a second.
eventually 60 "large online" state large '.status == "online" and (.caps | test("width=.int.1280.*height=.int.720"))'
poses large || fail "no poses of a camera without a mode in its source"
mosquitto_sub -R -C 2 -W 60 -t posed/door/poses | tail -1 >/tmp/message
# An unknown clock would get another label. The age depends on this machine's speed.
jq -e '.clock == "v4l2" and .age_ms > 0 and .age_ms < 30000 and .frame == {width: 320, height: 180}' /tmp/message >/dev/null ||
    fail "implausible message: $(cat /tmp/message)"
ok "poses, labelled with the driver's clock; $(jq -r '"\(.age_ms) ms old"' /tmp/message)"

for mode in 'YUY2 640 360' 'NV12 640 480' 'I420 320 180' 'RGB 1280 720' 'BGRx 640 360' 'GRAY8 640 360'; do
    read -r format width height <<<"$mode"
    { door; camera "as-$format" "v4l2:///dev/video1?width=$width&height=$height&fps=5&format=$format"; } | reload
    eventually 60 "$mode" state "as-$format" '.status == "online"'
    mosquitto_sub -R -C 2 -W 60 -t "posed/as-$format/poses" | tail -1 |
        jq -e ".clock == \"v4l2\" and .frame == {width: $width, height: $height}" >/dev/null || fail "no poses of $mode"
done
ok "six formats, in four sizes"

# --- busy cameras, and devices that are no cameras ------------------------------------------------
door | reload
eventually 60 "the end of the last format's camera" state as-GRAY8 '.status == "stopped"'
v4l2-ctl -d1 --set-fmt-video=width=320,height=180,pixelformat=NV12 --stream-mmap --stream-to=/tmp/held >/tmp/holder 2>&1 &
holder=$!
eventually 30 "another program that streams" test -s /tmp/held
{ door; camera busy v4l2:///dev/video1; camera output v4l2:///dev/video2; camera gone v4l2:///dev/video9; } | reload
eventually 60 busy state busy '.status == "failed" and (.reason | test("/dev/video1. is busy"))'
eventually 60 output state output '.status == "failed" and (.reason | test("/dev/video2. is not a capture device"))'
eventually 60 gone state gone '.status == "failed" and (.reason | test("/dev/video9.*No such file"))'
poses door || fail "cameras that fail stop one that works"
diagnosis busy | grep -q 'remedy: something else has it open' || fail "no remedy for a busy camera"
diagnosis door | grep -q 'remedy: something else has it open, perhaps the service itself' || fail "no remedy for a camera that the service has open"
diagnosis gone | grep -q 'remedy: see the devices' || fail "no remedy for a missing camera"
kill "$holder"
wait "$holder" || true
eventually 60 "the busy camera, now free" state busy '.status == "online"'
{ door; camera mode 'v4l2:///dev/video1?width=333'; } | reload
eventually 60 "the failure of an unknown mode" state mode '.status == "failed" and (.reason | test("no mode that the source asks for"))'
ok "busy, not a capture device, missing, unknown mode: each is reported; the other camera keeps working"

# --- unplugged and plugged in ---------------------------------------------------------------------
{ door; camera yard "v4l2:///dev/video1$small"; } | reload
eventually 60 "yard online" state yard '.status == "online"'
poses yard && poses door
fds=$(held fd) threads=$(held task)
no_more() { [ "$(held fd)" -le "$fds" ] && [ "$(held task)" -le "$threads" ]; }
# restored WHAT: both cameras give poses again, and no file or thread is left over.
restored() {
    for name in door yard; do
        eventually 120 "$name online again ($1)" state $name '.status == "online"'
        poses $name || fail "no poses of $name after: $1"
    done
    eventually 60 "$fds fds and $threads threads again ($1)" no_more
}
for control in disconnect inject_fatal_streaming_error; do
    for _ in 1 2 3; do
        before=$(grep -c 'door: v4l2src: Could not read from resource' /out/posed.log || true)
        v4l2-ctl -d0 -c $control=0
        eventually 60 "a log line after $control" bash -c "[ \$(grep -c 'door: v4l2src: Could not read' /out/posed.log) -gt $before ]"
        restored $control
    done
done
ok "a camera vanishes three times, a stream breaks three times: back with $fds files and $threads threads as before"

for _ in 1 2 3; do
    echo vivid.0 >/sys/bus/platform/drivers/vivid/unbind
    for name in door yard; do
        eventually 60 "the failure of $name" state $name '.status == "failed" and (.reason | test("Cannot identify device"))'
    done
    eventually 60 "the release of devices that are gone" none_stale
    echo vivid.0 >/sys/bus/platform/drivers/vivid/bind
    udevadm settle
    [ -c /dev/video0 ] || fail "it came back under another device name: the old one was still held"
    restored "driver unbound"
done
ok "a driver is unbound three times: the cameras come back under their names"

# --- a USB webcam ---------------------------------------------------------------------------------
. /test/webcam.sh

# --- the end --------------------------------------------------------------------------------------
# A stop may take two seconds, as long as one pose here: few poses, so that it does not meet one.
camera door "v4l2:///dev/video0$small" 'max_fps = 0.3' | reload
eventually 60 "the webcam stopped" state usb '.status == "stopped"'
poses door
kill "$pid"
wait "$pid" || fail "exit code $? after SIGTERM"
for name in door yard usb; do
    state $name '.status == "stopped" and .decoded > 0 and .decoded == .published + ([.dropped[]] | add)' || fail "frames of $name are not accounted for"
done
! grep -E 'panicked|does not stop' /out/posed.log || fail "the daemon did not stop cleanly"
ok "every frame accounted for: $(mosquitto_sub -C 3 -W 5 -t posed/door/state -t posed/yard/state -t posed/usb/state | jq -r '"\(.decoded) decoded, \(.published) published"' | paste -sd ';')"

# --- devices of boards ----------------------------------------------------------------------------
. /test/hardware.sh
touch /out/passed
