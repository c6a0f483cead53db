# Sourced by inside.sh while the daemon runs, with the camera "door": a USB webcam (webcam.c), whose driver is uvcvideo as for
# nearly every webcam there is. Its pictures are JPEGs of the demo's people.
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
# pictures SIZE: messages come, of pictures of this size. Whether anybody is in the first of them is not asked: people are shown
# from the third frame on, which on an emulated machine may be long.
pictures() {
    mosquitto_sub -R -C 2 -W 60 -t posed/usb/poses | tail -1 >/tmp/message
    jq -e ".clock == \"v4l2\" and .frame == $1 and (.people | type) == \"array\"" /tmp/message >/dev/null ||
        fail "not a plausible message: $(cat /tmp/message)"
}

modprobe vhci_hcd
plug
node=$(readlink -f $by_id)
# A fault: the other camera is busy, with the daemon.
posed doctor >/tmp/doctor || true
want='MJPEG 1280x720 at 5 fps, H\.264 640x360 at 5 fps, MJPEG 640x360 at 5 fps, YUY2 320x180 at 5 fps'
grep -Eq "^device +ok +webcam, source = \"v4l2://$node\": $want$" /tmp/doctor ||
    { cat /tmp/doctor; fail "the doctor does not see the webcam's modes"; }
# uvcvideo makes a second node, of what it knows about the pictures.
[ "$(grep -c '^device.*webcam' /tmp/doctor)" = 1 ] || fail "the doctor takes the webcam's metadata for a camera"

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
# Asked for nothing, it gives its largest pictures, which are JPEGs, and not those that need no decoder.
{ door; usb "v4l2://$by_id"; } | reload
eventually 60 "no mode said" state usb '.status == "online" and .decoder == "jpegdec"'
pictures '{width: 1280, height: 720}'
ok "by the name that udev gives it, raw, and in no mode that is said"

fds=$(held fd) threads=$(held task)
for _ in 1 2 3; do
    unplug
    eventually 60 "the webcam is missed" state usb '.status == "failed" and (.reason | test("Cannot identify device"))'
    eventually 60 "no device is held that has gone" none_stale
    plug
    [ "$(readlink -f $by_id)" = "$node" ] || fail "back as another node: somebody held the old one"
    eventually 60 "the webcam online again" state usb '.status == "online"'
    pictures '{width: 1280, height: 720}'
    poses door || fail "a webcam that is unplugged harms another camera"
    eventually 60 "$fds fds and $threads threads again" no_more
done
ok "a webcam that is unplugged three times: back, with $fds fds and $threads threads as before"
unplug
