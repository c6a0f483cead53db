# Sourced by inside.sh when the daemon has stopped: what boards have and a PC has not. visl is a decoder for the same GStreamer
# elements as the stateless ones of the boards; its pictures are of what it was told to decode. vimc is a camera of parts (a
# sensor, a debayer, a scaler) that libcamera puts together, as it does a Raspberry Pi's.
modprobe -a visl vimc
udevadm settle
# As systemd would.
export RUNTIME_DIRECTORY=/run/posed
mkdir -p $RUNTIME_DIRECTORY
clip() { camera "$1" "file:///test/pictures/$2" 'loop = true\nmax_fps = 2'; }
sensor='libcamera:platform/vimc.0 Sensor B?format=RGB&width=480&height=360'
csi() { camera csi "$sensor" "max_fps = $1"; }
# Libcamera is asked again and again for a camera that it has not.
nobody() { camera nobody libcamera:nobody; }
start() {
    posed run >>/out/posed.log 2>&1 &
    pid=$!
}
stop() {
    kill "$pid"
    wait "$pid" || fail "exit code $? after SIGTERM"
}

# GStreamer's own search for v4l2 cameras stumbles over visl, with words that are fatal otherwise.
env -u G_DEBUG posed doctor >/tmp/doctor || { cat /tmp/doctor; fail "the doctor finds a fault"; }
for codec in H.264:v4l2slh264dec H.265:v4l2slh265dec; do
    grep -q "${codec%:*}: ${codec#*:} (hardware) gives no frame: its frame is not the colour bars" /tmp/doctor ||
        { cat /tmp/doctor; fail "the doctor takes visl's pictures for the bars"; }
done
grep -Eq '^device +ok +platform/vimc.0 Sensor B, source = "libcamera:platform/vimc.0 Sensor B": .*RGB ' /tmp/doctor ||
    { cat /tmp/doctor; fail "the doctor does not see libcamera's camera"; }
ok "the doctor: two hardware decoders, whose pictures are not those of the stream; a camera of libcamera"

{ clip h264 walk.mp4; clip h265 walk-265.mp4; csi 1; nobody; } | config
start
for codec in h264 h265; do
    eventually 60 "$codec by hardware" state $codec ".status == \"online\" and .decoder == \"v4l2sl${codec}dec\""
    poses $codec || fail "no poses of $codec"
done
ok "H.264 and H.265 by the hardware, which comes first"

eventually 60 "libcamera" state csi '.status == "online" and .decoder == "raw" and (.caps | test("RGB.*480.*360"))'
mosquitto_sub -R -C 2 -W 60 -t posed/csi/poses | tail -1 |
    jq -e '.clock == "v4l2" and .age_ms > 0 and .frame == {width: 480, height: 360}' >/dev/null || fail "no plausible message"
eventually 60 "a camera that it has not" state nobody '.status == "failed" and (.reason | test("Could not find a camera"))'
csi 1 | reload
eventually 60 "the others have gone" state h265 '.status == "stopped"'
fds=$(held fd) threads=$(held task)
# How often it was closed.
closed() { grep -c 'csi: stopped' /out/posed.log || true; }
for rate in 0.9 1 0.9 1; do
    before=$(closed)
    { csi $rate; nobody; } | reload
    eventually 60 "another rate" eval '[ "$(closed)" -gt "$before" ]'
    eventually 60 "libcamera online again" state csi '.status == "online"'
    poses csi || fail "no poses of libcamera's camera"
done
csi 1 | reload
eventually 60 "$fds fds and $threads threads again (libcamera)" no_more
state csi '.status == "online"' || fail "libcamera's camera did not stay online"
stop
ok "libcamera's camera: poses; closed and opened five times, beside one that is not there"

# --- a decoder that gives nothing, and one that crashes -----------------------------------------------------------------
# A decode takes 15 to 30 seconds, and cannot be interrupted.
echo 15000 >/sys/module/visl/parameters/visl_transtime_ms
clip h264 walk.mp4 | config
start
eventually 120 "software after all" state h264 '.status == "online" and .decoder == "avdec_h264"'
grep -q 'hardware decoder failed before its first frame.*v4l2slh264dec' /out/posed.log || fail "it is not said which decoder failed"
grep -q 'the pipeline does not stop; .*h264' /out/posed.log || fail "a decoder that holds the pipeline is not told"
poses h264 || fail "no poses by software"
stop
echo 0 >/sys/module/visl/parameters/visl_transtime_ms
ok "a hardware decoder that gives no frame: the software one instead"

# GStreamer 1.22's v4l2slh265dec crashes on a stream that is coded in wavefronts.
clip waves waves-265.mp4 | config
start
for _ in $(seq 300); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.2
    state waves '.status == "online"' 2>/dev/null && break
done
if kill -0 "$pid" 2>/dev/null; then
    ok "this GStreamer decodes wavefronts: nothing crashed"
else
    wait "$pid" && fail "the daemon ended by itself"
    [ "$(cat $RUNTIME_DIRECTORY/decoder-on-trial-waves)" = v4l2slh265dec ] || fail "nobody knows what it died of"
    start
    eventually 60 "software at the second start" state waves '.status == "online" and .decoder == "avdec_h265"'
    poses waves || fail "no poses at the second start"
    [ -z "$(ls $RUNTIME_DIRECTORY)" ] || fail "the trial is over, and still written down"
    ok "a hardware decoder that takes the daemon with it: the software one after the restart"
fi
stop
! grep panicked /out/posed.log || fail "it did not end in order"
