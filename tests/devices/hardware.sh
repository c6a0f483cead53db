# Sourced by inside.sh after the daemon has stopped: devices that boards have and PCs lack. visl is
# a decoder for the GStreamer elements of the boards' stateless decoders; its pictures describe what
# it was asked to decode. vimc is a camera made of parts (sensor, debayer, scaler), which libcamera
# connects as on a Raspberry Pi.
modprobe -a visl vimc
udevadm settle
# As the systemd unit does.
export RUNTIME_DIRECTORY=/run/posed
mkdir -p $RUNTIME_DIRECTORY
clip() { camera "$1" "file:///test/pictures/$2" 'loop = true\nmax_fps = 2'; }
sensor='libcamera:platform/vimc.0 Sensor B?format=RGB&width=480&height=360'
csi() { camera csi "$sensor" "max_fps = $1"; }
# A camera that libcamera does not have: posed retries it again and again.
absent() { camera absent libcamera:absent; }
start() {
    posed run >>/out/posed.log 2>&1 &
    pid=$!
}
stop() {
    kill "$pid"
    wait "$pid" || fail "exit code $? after SIGTERM"
}

# GStreamer's search for V4L2 cameras warns about visl; under G_DEBUG the warning would be fatal.
env -u G_DEBUG posed doctor >/tmp/doctor || { cat /tmp/doctor; fail "the doctor finds a fault"; }
for codec in H.264:v4l2slh264dec H.265:v4l2slh265dec; do
    grep -q "${codec%:*}: ${codec#*:} (hardware) gives no frame: its frame is not the colour bars" /tmp/doctor ||
        { cat /tmp/doctor; fail "the doctor accepts visl's pictures as the colour bars"; }
done
grep -Eq '^device +ok +platform/vimc.0 Sensor B, source = "libcamera:platform/vimc.0 Sensor B": .*RGB ' /tmp/doctor ||
    { cat /tmp/doctor; fail "the doctor does not see libcamera's camera"; }
ok "the doctor: two hardware decoders with wrong pictures; a libcamera camera"

{ clip h264 walk.mp4; clip h265 walk-265.mp4; csi 1; absent; } | config
start
for codec in h264 h265; do
    eventually 60 "$codec by hardware" state $codec ".status == \"online\" and .decoder == \"v4l2sl${codec}dec\""
    poses $codec || fail "no poses of $codec"
done
ok "H.264 and H.265: the hardware decoders are chosen first"

eventually 60 "libcamera" state csi '.status == "online" and .decoder == "raw" and (.caps | test("RGB.*480.*360"))'
mosquitto_sub -R -C 2 -W 60 -t posed/csi/poses | tail -1 |
    jq -e '.clock == "v4l2" and .age_ms > 0 and .frame == {width: 480, height: 360}' >/dev/null || fail "implausible message"
eventually 60 "the failure of an absent camera" state absent '.status == "failed" and (.reason | test("Could not find a camera"))'
csi 1 | reload
eventually 60 "the end of the other cameras" state h265 '.status == "stopped"'
fds=$(held fd) threads=$(held task)
# How often libcamera's camera was closed.
closed() { grep -c 'csi: stopped' /out/posed.log || true; }
for rate in 0.9 1 0.9 1; do
    before=$(closed)
    { csi $rate; absent; } | reload
    eventually 60 "the restart at another rate" eval '[ "$(closed)" -gt "$before" ]'
    eventually 60 "libcamera online again" state csi '.status == "online"'
    poses csi || fail "no poses of libcamera's camera"
done
csi 1 | reload
eventually 60 "$fds fds and $threads threads again (libcamera)" no_more
state csi '.status == "online"' || fail "libcamera's camera did not stay online"
stop
ok "libcamera's camera: poses; opened and closed five times, beside an absent one"

# --- a decoder without frames, and one that crashes -----------------------------------------------
# A decode takes 15 to 30 seconds, and cannot be interrupted.
echo 15000 >/sys/module/visl/parameters/visl_transtime_ms
clip h264 walk.mp4 | config
start
eventually 120 "the software decoder" state h264 '.status == "online" and .decoder == "avdec_h264"'
grep -q 'hardware decoder failed before its first frame.*v4l2slh264dec' /out/posed.log || fail "the log does not name the decoder that failed"
grep -q 'the pipeline does not stop; .*h264' /out/posed.log || fail "the log does not report the pipeline that does not stop"
poses h264 || fail "no poses by software"
stop
echo 0 >/sys/module/visl/parameters/visl_transtime_ms
ok "a hardware decoder gives no frame: software takes over"

# GStreamer 1.22's v4l2slh265dec crashes on a stream with wavefronts.
clip waves waves-265.mp4 | config
start
for _ in $(seq 300); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.2
    state waves '.status == "online"' 2>/dev/null && break
done
if kill -0 "$pid" 2>/dev/null; then
    ok "this GStreamer decodes wavefronts without a crash"
else
    wait "$pid" && fail "the daemon exited without a crash"
    [ "$(cat $RUNTIME_DIRECTORY/decoder-on-trial-waves)" = v4l2slh265dec ] || fail "no crash marker names the decoder"
    start
    eventually 60 "software at the second start" state waves '.status == "online" and .decoder == "avdec_h265"'
    poses waves || fail "no poses at the second start"
    [ -z "$(ls $RUNTIME_DIRECTORY)" ] || fail "the crash marker was not removed"
    ok "a hardware decoder crashes the daemon: software takes over after the restart"
fi
stop
! grep panicked /out/posed.log || fail "it did not end in order"
