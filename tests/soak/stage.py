"""What surrounds the daemon in `weeks`: cameras, and a relay before the broker."""

import http.server
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

from bench import ROOT, free_port, started

DEMO = ROOT / "models/demo/walk.mp4"
FPS = 8


def film(folder):
    """People of the demo clip: JPEG pictures in two sizes, and a clip."""
    for size, width, height in (("usual", 480, 270), ("other", 320, 180)):
        (folder / size).mkdir(parents=True)
        _gst(width, height, f"jpegenc quality=70 ! multifilesink location={folder}/{size}/%04d.jpg")
    x264 = "x264enc speed-preset=veryfast key-int-max=16 bitrate=400 ! h264parse"
    _gst(640, 360, f"{x264} ! mp4mux ! filesink location={folder}/clip.mp4")


def _gst(width, height, rest):
    caps = f"video/x-raw,format=I420,width={width},height={height},framerate={FPS}/1"
    text = f"filesrc location={DEMO} ! decodebin ! videoconvert ! videoscale ! videorate ! {caps} ! {rest}"
    subprocess.run(["gst-launch-1.0", "-q", *text.split()], check=True)


def h264(source):
    x264 = f"x264enc tune=zerolatency speed-preset=ultrafast key-int-max={FPS} bitrate=500"
    stream = "video/x-h264,stream-format=byte-stream ! identity name=loss ! breakmydata name=spoil"
    return f"( {source} ! {x264} ! {stream} ! rtph264pay name=pay0 pt=96 config-interval=-1 )"


def pictures(folder):
    return f"multifilesrc location={folder}/%04d.jpg loop=true caps=image/jpeg,framerate={FPS}/1"


def people(folder):
    return h264(f"{pictures(folder)} ! jpegdec ! videoconvert ! video/x-raw,format=I420")


def ball(width, height):
    caps = f"video/x-raw,format=I420,width={width},height={height},framerate={FPS}/1"
    return h264(f"videotestsrc is-live=true pattern=ball ! {caps}")


def jpeg(folder):
    return f"( {pictures(folder)} ! jpegdec ! videoconvert ! jpegenc ! rtpjpegpay name=pay0 pt=26 )"


SOUND = "( audiotestsrc is-live=true ! audioconvert ! alawenc ! rtppcmapay name=pay0 pt=8 )"


class Rtsp:
    def __init__(self, launch):
        self.port, self.launch = free_port(), launch
        self.up(launch)

    def up(self, launch=None):
        command = ["/usr/bin/python3", str(ROOT / "tests/soak/rtsp.py"), str(self.port), launch or self.launch]
        env = {key: value for key, value in os.environ.items() if key != "G_DEBUG"}
        pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.child = started(command, env=env, text=True, **pipes)
        if "listening" not in self.child.stdout.readline():
            raise SystemExit("the RTSP camera does not start: are python3-gi and gir1.2-gst-rtsp-server-1.0 installed?")

    def kill(self):
        self.child.kill()
        self.child.wait()

    def harm(self, letter):
        self.child.stdin.write(letter + "\n")
        self.child.stdin.flush()

    def signal(self, name):
        self.child.send_signal(getattr(signal, "SIG" + name))


class Mjpeg:
    """A camera with motion JPEG over HTTP. `mode`: usual, other (size), frozen, garbage or gone."""

    def __init__(self, folder):
        self.mode = "usual"
        self.frames = {size: [path.read_bytes() for path in sorted((folder / size).iterdir())] for size in ("usual", "other")}
        camera = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                try:
                    camera._serve(self)
                except OSError:
                    pass  # the client has gone

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _serve(self, request):
        if self.mode == "gone":
            return request.send_error(503)
        request.send_response(200)
        request.send_header("Content-Type", "multipart/x-mixed-replace; boundary=part")
        request.end_headers()
        begun, n = self.mode, 0
        while self.mode != "gone" and (self.mode == "other") == (begun == "other"):
            frames = self.frames["other" if self.mode == "other" else "usual"]
            frame = frames[n % len(frames)]
            if self.mode == "garbage":
                frame = frame[:200] + os.urandom(len(frame) - 200)
            if self.mode != "frozen":
                head = f"--part\r\nContent-Type: image/jpeg\r\nContent-Length: {len(frame)}\r\n\r\n"
                request.wfile.write(head.encode() + frame + b"\r\n")
            n += 1
            time.sleep(1 / FPS)


class Relay:
    """Stands between posed and the broker. While it is shut, posed cannot connect: no event may reach a
    new broker before the subscriber does."""

    def __init__(self, target):
        self.target, self.open, self.pairs, self.lock = target, True, set(), threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            near, _ = self.listener.accept()
            try:
                far = self.open and socket.create_connection(("127.0.0.1", self.target), timeout=5)
            except OSError:
                far = None
            if not far:
                near.close()
                continue
            far.settimeout(None)
            pair = (near, far)
            with self.lock:
                self.pairs.add(pair)
            for ends in (pair, pair[::-1]):
                threading.Thread(target=self._pump, args=(*ends, pair), daemon=True).start()

    def _pump(self, here, there, pair):
        try:
            while data := here.recv(65536):
                there.sendall(data)
        except OSError:
            pass
        self._end(pair)

    def _end(self, pair):
        with self.lock:
            self.pairs.discard(pair)
        for end in pair:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        with self.lock:
            pairs = list(self.pairs)
        for pair in pairs:
            self._end(pair)
