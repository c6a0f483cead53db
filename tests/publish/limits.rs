//! Brokers that accept us, but not all that we send.

use super::{MS, connected, options, quick, start, state};
use crate::common::{Mosquitto, Subscriber, log_lines, wait_for};
use posed::clock::SystemClock;
use posed::publish::{CameraStatus, Login, Options, Probe, Publisher, SCHEMA, probe};
use std::path::Path;

/// Lines of level `level` that a test with this port has logged.
fn lines(port: u16, level: &str) -> Vec<String> {
    log_lines(&format!(":{port}:")).into_iter().filter(|line| line.contains(level)).collect()
}

/// A broker with an access list. Everybody may read and write what `rules` say.
fn broker_with_acl(dir: &Path, rules: &str) -> Mosquitto {
    let acl = dir.join("acl");
    std::fs::write(&acl, rules).unwrap();
    Mosquitto::with(&format!("allow_anonymous true\nacl_file {}\n", acl.display()))
}

fn examine(options: &Options) -> Probe {
    probe(options, &["door"], &SystemClock::shared()).unwrap()
}

#[test]
fn a_message_that_the_broker_rejects_is_held_back_and_the_rest_flows() {
    // The schema is longer than this, and so is a crowd; the rest is not.
    let broker = Mosquitto::with("allow_anonymous true\nmax_packet_size 4000\n");
    let subscriber = Subscriber::start(&broker);
    let publisher = start(quick(broker.port));
    publisher.state("door", &state(CameraStatus::Online));
    subscriber.wait("posed/availability", |m| m.payload == b"online");
    subscriber.wait("posed/door/state", |_| true);
    let held = wait_for("a line", || lines(broker.port, "held back").first().cloned());
    let size = format!("posed/schema ({} bytes)", SCHEMA.len());
    assert!(held.contains("ERROR") && held.contains(&size) && held.contains("max_packet_size"), "{held}");
    assert!(!held.contains("client id"), "{held}");

    let crowd = vec![b'x'; 5000];
    wait_for("the crowd to be held back", || {
        publisher.poses("door", &crowd);
        publisher.poses("door", b"one");
        (publisher.dropped("door").too_long > 0).then_some(())
    });
    wait_for("poses", || {
        publisher.poses("door", &crowd);
        publisher.poses("door", b"two");
        subscriber.messages().iter().any(|m| m.payload == b"two").then_some(())
    });
    assert!(
        lines(broker.port, "held back").iter().any(|line| line.contains("posed/door/poses (5000 bytes)"))
    );

    let found = examine(publisher.options());
    let fault = &found.faults[0];
    assert!(fault.text.contains("at most 4000 bytes") && fault.text.contains("posed/schema"), "{found:?}");
    assert_eq!(found.heard, ["posed/door/poses"]);
}

#[test]
fn a_broker_that_keeps_no_retained_messages_is_named_and_can_be_used() {
    let broker = Mosquitto::with("allow_anonymous true\nretain_available false\n");
    let subscriber = Subscriber::start(&broker);
    let publisher = start(options(broker.port));
    let line = wait_for("a line", || lines(broker.port, "ERROR").first().cloned());
    assert!(line.contains("retained") && line.contains("retain = false in [mqtt]"), "{line}");
    let found = examine(publisher.options());
    assert!(found.faults[0].serious && found.faults[0].remedy.contains("retain = false"), "{found:?}");
    publisher.stop();

    let publisher = start(Options { retain: false, ..quick(broker.port) });
    publisher.state("door", &state(CameraStatus::Online));
    subscriber.wait("posed/availability", |m| m.payload == b"online");
    subscriber.wait("posed/door/state", |m| !m.retained);
    publisher.clear_gone(|_, _| false);
    assert_eq!(examine(publisher.options()).faults, []);
    publisher.stop();
    subscriber.wait("posed/availability", |m| m.payload == b"offline");
    assert!(subscriber.messages().iter().all(|m| !m.payload.is_empty()));
}

#[test]
fn a_user_who_may_log_in_but_not_publish_is_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let broker = broker_with_acl(dir.path(), "user posed\ntopic read #\n");
    let login = Some(Login { username: "posed".into(), ..Login::default() });
    let publisher = start(Options { login, ..options(broker.port) });
    connected(&publisher);
    let line = wait_for("a line", || lines(broker.port, "do not arrive").first().cloned());
    assert!(line.contains("ERROR") && line.contains("posed/availability"), "{line}");
    assert!(line.contains("topic readwrite posed/#") && line.contains("`user posed`"), "{line}");
    let found = examine(publisher.options());
    let fault = &found.faults[0];
    assert!(
        fault.serious && fault.text.contains("not publish on posed/schema, posed/door/poses"),
        "{found:?}"
    );
    assert!(found.heard.is_empty() && fault.remedy.contains("topic readwrite posed/#"), "{found:?}");
}

#[test]
fn a_single_forbidden_topic_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let rules =
        "topic readwrite posed/availability\ntopic readwrite posed/schema\ntopic readwrite posed/+/state\n";
    let broker = broker_with_acl(dir.path(), rules);
    let publisher = start(options(broker.port));
    publisher.state("door", &state(CameraStatus::Online));
    connected(&publisher);
    let line = wait_for("a line", || {
        publisher.poses("door", b"{}");
        std::thread::sleep(50 * MS);
        lines(broker.port, "do not arrive").first().cloned()
    });
    assert!(line.contains("messages on posed/door/poses do not arrive"), "{line}");
    let found = examine(publisher.options());
    assert_eq!(found.heard, ["posed/schema"]);
    assert!(found.faults[0].text.ends_with("not publish on posed/door/poses"), "{found:?}");
}

#[test]
fn a_user_who_may_only_publish_is_no_fault() {
    let dir = tempfile::tempdir().unwrap();
    let broker = broker_with_acl(dir.path(), "topic write posed/#\n");
    let publisher = start(options(broker.port));
    let line = wait_for("a line", || lines(broker.port, "may publish, but not read").first().cloned());
    assert!(line.contains("INFO"), "{line}");
    let found = examine(publisher.options());
    assert!(found.faults.iter().all(|fault| !fault.serious) && found.faults.len() == 1, "{found:?}");
}

#[test]
fn where_all_is_well_nothing_is_said() {
    let broker = Mosquitto::start();
    let publisher: Publisher = start(quick(broker.port));
    publisher.state("door", &state(CameraStatus::Online));
    connected(&publisher);
    wait_for("the proof", || broker.log().contains("Received UNSUBSCRIBE").then_some(()));
    let found = examine(publisher.options());
    assert_eq!((found.faults, found.heard.len()), (vec![], 2));
    publisher.stop();
    let said = log_lines(&format!(":{}:", broker.port));
    assert!(said.iter().all(|line| line.contains("INFO")), "{said:#?}");
}

#[test]
fn a_message_that_the_broker_drops_for_its_length_is_named() {
    let broker = Mosquitto::with("allow_anonymous true\nmessage_size_limit 4000\n");
    let publisher = start(options(broker.port));
    let line = wait_for("a line", || lines(broker.port, "do not arrive").first().cloned());
    assert!(line.contains("messages on posed/schema do not arrive"), "{line}");
    assert!(
        line.contains(&format!("{} bytes", SCHEMA.len())) && line.contains("message_size_limit"),
        "{line}"
    );
    let found = examine(publisher.options());
    assert_eq!(found.heard, ["posed/door/poses"]);
    assert!(
        found.faults[0].text.contains("posed/schema")
            && found.faults[0].remedy.contains("message_size_limit")
    );
}
