//! Two daemons with one client id: the broker ends the older connection at each new one.

use super::{MS, quick, start};
use crate::common::{Mosquitto, Subscriber, log_lines, wait_for};
use posed::backoff::Backoff;
use posed::publish::Options;
use std::time::Duration;

#[test]
fn two_daemons_with_one_client_id_are_told_so_and_settle() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::start(&broker);
    let twin = || Options {
        unstable: Backoff::new(200 * MS, Duration::from_secs(120)).unwrap(),
        ..quick(broker.port)
    };
    let (first, second) = (start(twin()), start(twin()));
    let mine = format!(":{}:", broker.port);
    let cause = wait_for("the cause", || {
        log_lines(&mine).into_iter().find(|line| line.contains("another client probably uses the client id"))
    });
    assert!(cause.contains("\"posed-test\"") && cause.contains("client_id"), "{cause}");
    // Pauses grow, so that one of the two is left in peace.
    wait_for("a stable connection", || {
        log_lines(&mine).iter().any(|line| line.contains("stable again")).then_some(())
    });
    subscriber.wait("posed/availability", |m| m.payload == b"online");
    wait_for("availability", || {
        let messages = subscriber.messages();
        let last = messages.iter().rev().find(|m| m.topic == "posed/availability");
        last.is_some_and(|m| m.payload == b"online").then_some(())
    });
    let logins = broker.log().matches("New client connected").count();
    let said = log_lines(&mine).len();
    assert!(logins < 60 && said < 25, "{logins} logins, {said} lines: {:#?}", log_lines(&mine));
    assert!(log_lines(&mine).iter().all(|line| !line.contains("held back")), "{:#?}", log_lines(&mine));
    drop((first, second));
}
