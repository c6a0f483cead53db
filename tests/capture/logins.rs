//! Cameras that ask for a login. They lock an account after a few wrong ones.

use crate::recorder::{Recorder, options, start};
use crate::web::{Server, refusing};
use posed::capture::Event;
use std::time::Duration;

/// The first failure of a capture of `server`, and its pause.
fn refusal(server: &Server, login: &str) -> (String, Duration) {
    let recorder = Recorder::counts();
    let capture = start(options(&format!("rtsp://{login}127.0.0.1:{}/x", server.port)), &recorder);
    drop(recorder.wait("refusal", |seen| !seen.reasons().is_empty()));
    capture.stop();
    let seen = recorder.seen();
    let failed = |event: &Event| match event {
        Event::Failed { reason, retry_in } => Some((reason.clone(), *retry_in)),
        _ => None,
    };
    seen.events.iter().find_map(failed).unwrap()
}

#[test]
fn an_attempt_logs_in_once_and_the_next_one_is_minutes_away() {
    let cameras: [&'static [&'static str]; 3] = [
        &["Basic realm=\"cam\""],
        &["Digest realm=\"cam\", nonce=\"77\""],
        &["Digest realm=\"cam\", nonce=\"77\"", "Basic realm=\"cam\""],
    ];
    for challenges in cameras {
        let server = refusing(challenges);
        let (reason, retry_in) = refusal(&server, "admin:hunter2@");
        assert_eq!(server.logins(), 1, "{challenges:?}: {:#?}", server.requests());
        assert!(reason.contains("username and password_file"), "{reason}");
        assert!(retry_in >= Duration::from_secs(30), "{retry_in:?}");
    }
}

#[test]
fn a_camera_that_asks_for_a_login_nobody_gave_says_so() {
    let server = refusing(&["Basic realm=\"cam\""]);
    let (reason, _) = refusal(&server, "");
    assert_eq!(server.logins(), 0);
    assert!(reason.contains("add username and password_file"), "{reason}");
}

#[test]
fn a_login_that_gstreamer_cannot_do_is_named() {
    let server = refusing(&["Digest realm=\"cam\", nonce=\"77\", algorithm=SHA-256"]);
    let (reason, _) = refusal(&server, "admin:hunter2@");
    assert!(reason.contains("Digest SHA-256") && reason.contains("Digest MD5"), "{reason}");
    assert!(!reason.contains("correct"), "{reason}");
    assert!(server.logins() <= 1);
}
