//! The broker, and everybody who may publish at it.

use posed::clock::SystemClock;
use posed::publish::commands::{self, CameraCommand, Command};
use posed::publish::spool::Limits;
use posed::publish::{Options, Publisher};
use posed::telemetry::progress::Progress;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener};
use std::sync::Arc;
use std::time::Duration;

/// Longest wait for posed to hang up, once the broker did.
const PATIENCE: Duration = Duration::from_secs(20);
/// The broker accepts the connection.
const ACCEPTED: [u8; 4] = [0x20, 2, 0, 0];

/// A message on whatever topic: its topic, a line's end, its payload.
pub fn command(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let topic = String::from_utf8_lossy(&data[..end]);
    let payload = data.get(end + 1..).unwrap_or_default();
    let Some(CameraCommand { camera, command }) = commands::parse("posed", &topic, payload) else { return };
    let name = match command {
        Ok(Command::Enabled(_)) => "enabled",
        Ok(Command::Events(_)) => "events",
        Ok(Command::MaxFps(fps)) => {
            assert!(fps.is_none_or(|fps| (0.1..=1000.0).contains(&fps)), "{fps:?}");
            "max_fps"
        }
        Err(reason) => {
            assert!(reason.len() < 1000, "an answer as long as the question: {reason}");
            assert!(!reason.contains(char::is_control), "{reason:?}");
            return;
        }
    };
    assert_eq!(topic, format!("posed/{camera}/{name}/set"));
    assert!(!camera.contains('/'));
}

/// Packets of a broker. The first byte says whether it accepts the connection before. What it sends
/// may cost this connection, but not the thread that makes the next one.
pub fn broker(data: &[u8]) {
    let Some((mode, packets)) = data.split_first() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut options = Options::new("127.0.0.1", listener.local_addr().unwrap().port(), "fuzz");
    options.spool = Some(Limits::default());
    let progress = Arc::new(Progress::default());
    let publisher = Publisher::start(options, SystemClock::shared(), &progress).unwrap();
    let received = publisher.subscribe(&["posed/+/enabled/set".into(), "#".into()]);
    publisher.send("posed/a/events", b"{}", false);
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // posed may hang up at any moment.
    if mode % 4 != 0 {
        let _ = stream.write_all(&ACCEPTED);
    }
    let _ = stream.write_all(packets);
    let _ = stream.shutdown(Shutdown::Write);
    let mut bytes = [0; 4096];
    while let Ok(1..) = stream.read(&mut bytes) {}
    for message in received.try_iter() {
        drop(commands::parse("posed", &message.topic, &message.payload));
    }
    assert_eq!((publisher.ended(), progress.panicked()), (None, None));
    publisher.stop();
}
