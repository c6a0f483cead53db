//! Messages that must not be lost: over outages of the broker and restarts of ours.

use super::{connected, options, quick, start};
use crate::common::{Mosquitto, Subscriber, wait_for};
use posed::publish::Options;
use posed::publish::spool::Limits;
use std::path::Path;

const TOPIC: &str = "posed/hall/events";

fn with_spool(options: Options, dir: &Path) -> Options {
    Options { spool: Some(Limits::default()), state_dir: Some(dir.to_owned()), ..options }
}

/// Numbers of the events that a subscriber got, without those that came twice in a row.
fn events(subscriber: &Subscriber) -> Vec<u32> {
    let messages = subscriber.messages();
    let mut numbers: Vec<u32> =
        messages.iter().filter(|m| m.topic == TOPIC).filter_map(|m| m.text().parse().ok()).collect();
    numbers.dedup();
    numbers
}

#[test]
fn every_event_arrives_in_order_though_the_broker_and_the_daemon_were_away() {
    let mut broker = Mosquitto::start();
    let dir = tempfile::tempdir().unwrap();
    let publisher = start(with_spool(options(broker.port), dir.path()));
    connected(&publisher);
    let early = Subscriber::start(&broker);
    (0..5).for_each(|n: u32| publisher.send(TOPIC, n.to_string().as_bytes(), true));
    early.wait(TOPIC, |m| m.payload == b"4");
    wait_for("the acknowledgements", || (publisher.spool_stats().unwrap().0.waiting == 0).then_some(()));
    broker.down();
    wait_for("the loss", || (!publisher.connected()).then_some(()));
    (5..205).for_each(|n: u32| publisher.send(TOPIC, n.to_string().as_bytes(), n == 204));
    wait_for("the disk", || (publisher.spool_stats().unwrap().0.waiting == 200).then_some(()));
    drop(publisher);

    broker.up();
    let subscriber = Subscriber::start(&broker);
    let publisher = start(with_spool(options(broker.port), dir.path()));
    publisher.send(TOPIC, b"205", true);
    wait_for("all events", || (events(&subscriber).last() == Some(&205)).then_some(()));
    assert_eq!(events(&subscriber), (5..206).collect::<Vec<u32>>());
    wait_for("the acknowledgements", || (publisher.spool_stats().unwrap().0.waiting == 0).then_some(()));
    assert_eq!(publisher.spool_stats().unwrap().1, None);
}

#[test]
fn an_event_that_the_broker_rejects_is_dropped_and_counted_and_the_rest_flows() {
    let broker = Mosquitto::with("allow_anonymous true\nmax_packet_size 4000\n");
    let subscriber = Subscriber::start(&broker);
    let dir = tempfile::tempdir().unwrap();
    let publisher = start(with_spool(quick(broker.port), dir.path()));
    publisher.send(TOPIC, b"1", true);
    publisher.send(TOPIC, &[b'x'; 5000], true);
    publisher.send(TOPIC, b"2", true);
    wait_for("the last event", || (events(&subscriber).last() == Some(&2)).then_some(()));
    assert_eq!(events(&subscriber), [1, 2]);
    assert_eq!(publisher.stats().rejected, 1);
    wait_for("the acknowledgements", || (publisher.spool_stats().unwrap().0.waiting == 0).then_some(()));
}
