#!/usr/bin/python3
"""An RTSP camera in a process of its own: rtsp.py PORT LAUNCH. Needs Debian's python3-gi.

Lines on stdin spoil the stream: g flips bits, l loses frames, n ends both. It exits when stdin closes.
"""

import os
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402


def main():
    port, launch = sys.argv[1:]
    Gst.init(None)
    server, factory = GstRtspServer.RTSPServer.new(), GstRtspServer.RTSPMediaFactory.new()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory.set_launch(launch)
    factory.set_shared(True)
    harm, media = ["n"], []

    def apply():
        for element in (found for bin_ in media for found in [bin_.get_by_name("spoil"), bin_.get_by_name("loss")] if found):
            if element.get_name() == "spoil":
                element.set_property("probability", 0.01 if harm[0] == "g" else 0.0)
            else:
                element.set_property("drop-probability", 0.2 if harm[0] == "l" else 0.0)

    def configured(_, new):
        media[:] = [new.get_element()]
        apply()

    factory.connect("media-configure", configured)
    server.get_mount_points().add_factory("/live", factory)
    server.attach(None)

    def commands():
        for line in sys.stdin:
            harm[0] = line[:1]
            apply()
        os._exit(0)

    threading.Thread(target=commands, daemon=True).start()
    print("listening", flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
