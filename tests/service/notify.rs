//! What the daemon reports to systemd, through a real notify socket.

use crate::common::{Mosquitto, PATIENCE, Posed, Subscriber, camera, config, posed};
use std::os::unix::net::UnixDatagram;
use std::path::Path;

struct Notices(UnixDatagram);

impl Notices {
    fn at(path: &Path) -> Notices {
        let socket = UnixDatagram::bind(path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Notices(socket)
    }

    /// The next notice with a line that begins with `line`. Skips those before it.
    fn until(&self, line: &str) -> String {
        let mut buffer = [0; 4096];
        loop {
            let len = self.0.recv(&mut buffer).unwrap_or_else(|e| panic!("no {line}: {e}"));
            let text = String::from_utf8_lossy(&buffer[..len]).into_owned();
            if text.lines().any(|l| l.starts_with(line)) {
                return text;
            }
        }
    }
}

#[test]
fn notifies_start_watchdog_reload_and_stop() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::start(&broker);
    let dir = tempfile::tempdir().unwrap();
    let notices = Notices::at(&dir.path().join("notify"));
    let keep = camera("hall", "paced = true\nloop = true\nmax_fps = 5.0\n");
    let mut daemon = posed(&["run"]);
    daemon.env("NOTIFY_SOCKET", dir.path().join("notify")).env("WATCHDOG_USEC", "1000000");
    let daemon = Posed::spawn(daemon, &config(&broker, &keep));

    // The first notice says that the daemon is ready.
    let first = notices.until("");
    assert!(first.contains("READY=1") && first.contains("STATUS="), "{first}");
    subscriber.json("posed/hall/poses", |_| true);
    notices.until("WATCHDOG=1");
    let status = notices.until("STATUS=1 of 1 cameras online (hall ");
    assert!(status.contains(" fps), broker connected"), "{status}");

    daemon.signal("HUP");
    let reloading = notices.until("RELOADING=1");
    assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
    notices.until("READY=1");
    daemon.signal("TERM");
    notices.until("STOPPING=1");
    let (status, log) = daemon.stop();
    assert!(status.success(), "{log}");
}

#[test]
fn a_daemon_that_cannot_start_is_never_ready() {
    let dir = tempfile::tempdir().unwrap();
    let notices = Notices::at(&dir.path().join("notify"));
    let path = dir.path().join("posed.toml");
    std::fs::write(
        &path,
        "[model]\npose = \"/nonexistent\"\n[[camera]]\nname = \"a\"\nsource = \"test://\"\n",
    )
    .unwrap();
    let mut daemon = posed(&["run", "--config", path.to_str().unwrap()]);
    let out = daemon.env("NOTIFY_SOCKET", dir.path().join("notify")).output().unwrap();
    assert_eq!(out.status.code(), Some(78), "{}", String::from_utf8_lossy(&out.stderr));
    notices.0.set_nonblocking(true).unwrap();
    assert!(notices.0.recv(&mut [0; 16]).is_err(), "it sent a notice");
}
