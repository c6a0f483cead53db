# Sourced by inside.sh while the daemon runs with the camera "door": a USB webcam (webcam.c) with
# the driver of nearly every webcam, uvcvideo. It sends the demo clip.
by_id=/dev/v4l/by-id/usb-posed_webcam-video-index0
plug() {
    /test/webcam /test/pictures >>/out/webcam.log 2>&1 &
    cable=$!
    eventually 60 "a webcam" test -e $by_id
    udevadm settle
}
unplug() {
    kill $cable
    wait $cable || true
}
usb() { camera usb "$1" 'max_fps = 2\nroi = [0.6, 0.15, 0.17, 0.57]'; }
# pictures SIZE: waits for messages of frames of this size. They may be empty: people are published
# from their third frame on, which takes long on an emulated machine.
pictures() {
    mosquitto_sub -R -C 2 -W 60 -t posed/usb/poses | tail -1 >/tmp/message
    jq -e ".clock == \"v4l2\" and .frame == $1 and (.people | type) == \"array\"" /tmp/message >/dev/null ||
        fail "implausible message: $(cat /tmp/message)"
}

modprobe vhci_hcd
plug
node=$(readlink -f $by_id)
# The doctor reports a fault, as the daemon has the other camera open.
posed doctor >/tmp/doctor || true
want='MJPEG 1280x720 at 5 fps, H\.264 640x360 at 5 fps, MJPEG 640x360 at 5 fps, YUY2 320x180 at 5 fps'
grep -Eq "^device +ok +webcam, source = \"v4l2://$node\": $want$" /tmp/doctor ||
    { cat /tmp/doctor; fail "the doctor does not see the webcam's modes"; }
# uvcvideo makes a second device, for the metadata of the pictures.
[ "$(grep -c '^device.*webcam' /tmp/doctor)" = 1 ] || fail "the doctor lists the webcam's metadata device as a camera"

{ door; usb "v4l2://$node?format=mjpeg&width=640"; } | reload
eventually 60 "MJPEG" state usb '.status == "online" and .decoder == "jpegdec"'
pictures '{width: 640, height: 360}'
ok "a webcam's MJPEG"
{ door; usb "v4l2://$node?format=h264"; } | reload
eventually 60 "H.264" state usb '.status == "online" and .decoder == "avdec_h264"'
pictures '{width: 640, height: 360}'
ok "its H.264"
{ door; usb "v4l2://$by_id?format=YUY2"; } | reload
eventually 60 "YUY2" state usb '.status == "online" and .decoder == "raw"'
pictures '{width: 320, height: 180}'
# The default mode is the one nearest to 1280x720, although it needs a decoder.
{ door; usb "v4l2://$by_id"; } | reload
eventually 60 "the default mode" state usb '.status == "online" and .decoder == "jpegdec"'
pictures '{width: 1280, height: 720}'
ok "raw, by the name that udev gives it; and in the default mode"

fds=$(held fd) threads=$(held task)
for _ in 1 2 3; do
    unplug
    eventually 60 "the failure of the webcam" state usb '.status == "failed" and (.reason | test("Cannot identify device"))'
    eventually 60 "the release of devices that are gone" none_stale
    plug
    [ "$(readlink -f $by_id)" = "$node" ] || fail "it came back under another device name: the old one was still held"
    eventually 60 "the webcam online again" state usb '.status == "online"'
    pictures '{width: 1280, height: 720}'
    poses door || fail "unplugging the webcam stops another camera"
    eventually 60 "$fds fds and $threads threads again" no_more
done
ok "a webcam is unplugged three times: back with $fds files and $threads threads as before"
unplug
