"""The faults of `weeks`. Each gets the run, breaks something for some seconds, and mends it."""

import os
import signal
import socket
import threading
import time

from stage import SOUND, ball, jpeg


def pause(weeks, low, high):
    time.sleep(weeks.random.uniform(low, high))


def rtsp(weeks):
    return weeks.random.choice([weeks.hall, weeks.door])


def camera_killed(weeks):
    camera = rtsp(weeks)
    camera.kill()
    pause(weeks, 0, 8)
    camera.up()


def camera_frozen(weeks):
    camera = rtsp(weeks)
    camera.signal("STOP")
    pause(weeks, 2, 8)
    camera.signal("CONT")


def harmed(letter):
    def fault(weeks):
        camera = rtsp(weeks)
        camera.harm(letter)
        pause(weeks, 3, 8)
        camera.harm("n")

    return fault


def returns_with(launch):
    def fault(weeks):
        weeks.door.kill()
        weeks.door.up(launch(weeks))
        pause(weeks, 6, 10)
        weeks.door.kill()
        weeks.door.up()

    return fault


def mjpeg(mode):
    def fault(weeks):
        weeks.yard.mode = mode
        pause(weeks, 3, 8)
        weeks.yard.mode = "usual"

    return fault


def clip_is_garbage(weeks):
    good, new = weeks.clip.read_bytes(), weeks.clip.with_suffix(".new")
    new.write_bytes(os.urandom(1 << 18))
    new.replace(weeks.clip)
    pause(weeks, 10, 16)
    new.write_bytes(good)
    new.replace(weeks.clip)


def broker_ends(end, low, high):
    def fault(weeks):
        weeks.relay.open = False
        end(weeks.broker.child)
        weeks.broker.child.wait()
        pause(weeks, low, high)
        weeks.broker.up()
        weeks.ledger.listens()
        weeks.relay.open = True

    return fault


def broker_paused(weeks):
    weeks.broker.child.send_signal(signal.SIGSTOP)
    pause(weeks, 1, 12)
    weeks.broker.child.send_signal(signal.SIGCONT)


def connections_cut(weeks):
    for _ in range(3):
        weeks.relay.cut()
        pause(weeks, 0, 2)


def camera_removed(weeks):
    weeks.configure(without=[weeks.random.choice(list(weeks.sources))])
    weeks.reload()
    pause(weeks, 1, 5)
    weeks.configure()
    weeks.reload()


def cameras_added(weeks):
    weeks.configure(more=[("guest", "test://ball"), ("visitor", f"rtsp://127.0.0.1:{weeks.hall.port}/live")])
    weeks.reload()
    pause(weeks, 3, 8)
    weeks.configure()
    weeks.reload()


def many_reloads(weeks):
    for n in range(20):
        weeks.configure(without=[list(weeks.sources)[n % 4]] if n % 2 else [])
        weeks.reload()
        time.sleep(0.05)
    weeks.configure()
    weeks.reload()


def configuration_torn(weeks):
    weeks.config.write_text(weeks.config.read_text()[:-40] + "[[camera")
    weeks.reload()
    pause(weeks, 1, 2)
    weeks.configure()
    weeks.reload()


def commands(weeks):
    name = weeks.random.choice(list(weeks.sources))
    say = lambda leaf, payload: weeks.ledger.command(f"posed/{name}/{leaf}/set", payload)  # noqa: E731
    for leaf, off, on in (("enabled", "OFF", "ON"), ("events", "OFF", "ON"), ("max_fps", "2", "0")):
        say(leaf, off)
        say(leaf, "nonsense" * weeks.random.randrange(1, 40))
        pause(weeks, 1, 3)
        say(leaf, on)


def ask(weeks, text):
    connection = socket.create_connection(("127.0.0.1", weeks.http), timeout=5)
    connection.sendall(text.encode())
    return connection


FEED = "GET /feed?fps=30 HTTP/1.1\r\nHost: localhost\r\n\r\n"


def pages_hang(weeks):
    """They ask for the feed and never read."""
    pages = [ask(weeks, FEED) for _ in range(6)] + [ask(weeks, FEED[:20]) for _ in range(6)]
    pause(weeks, 5, 15)
    for page in pages:
        page.close()


def pages_come_and_go(weeks):
    for _ in range(30):
        page = ask(weeks, FEED)
        page.recv(1000)
        page.close()
        pause(weeks, 0, 0.3)


def page_open(weeks):
    """As somebody looks at the skeletons for a while. It goes on beside the next faults."""

    def look(seconds):
        end = time.monotonic() + seconds
        try:
            with ask(weeks, FEED) as page:
                while time.monotonic() < end and page.recv(65536):
                    pass
        except OSError:
            pass

    threading.Thread(target=look, args=(weeks.random.uniform(10, 120),), daemon=True).start()


FAULTS = {
    "camera_killed": camera_killed,
    "camera_frozen": camera_frozen,
    "camera_sends_garbage": harmed("g"),
    "camera_loses_frames": harmed("l"),
    "camera_changes_size": returns_with(lambda _: ball(640, 360)),
    "camera_changes_codec": returns_with(lambda weeks: jpeg(weeks.work / "other")),
    "camera_sends_sound_only": returns_with(lambda _: SOUND),
    "mjpeg_gone": mjpeg("gone"),
    "mjpeg_frozen": mjpeg("frozen"),
    "mjpeg_garbage": mjpeg("garbage"),
    "mjpeg_changes_size": mjpeg("other"),
    "clip_is_garbage": clip_is_garbage,
    "broker_killed": broker_ends(lambda child: child.kill(), 0, 5),
    "broker_restarted": broker_ends(lambda child: child.terminate(), 0, 1),
    "broker_away": broker_ends(lambda child: child.kill(), 15, 30),
    "broker_paused": broker_paused,
    "connections_cut": connections_cut,
    "camera_removed": camera_removed,
    "cameras_added": cameras_added,
    "many_reloads": many_reloads,
    "configuration_torn": configuration_torn,
    "commands": commands,
    "pages_hang": pages_hang,
    "pages_come_and_go": pages_come_and_go,
    "page_open": page_open,
}
