//! What is sent, in which order, and what is dropped.

use super::*;

fn outbox() -> Outbox {
    let outbox = Outbox::new(2);
    outbox.connected();
    assert_eq!(outbox.next(true), Next::Announce);
    outbox
}

fn put(outbox: &Outbox, camera: &str, payload: &str) {
    outbox.poses(camera, payload.as_bytes(), || camera.to_uppercase());
}

fn sent(outbox: &Outbox) -> String {
    match outbox.next(true) {
        Next::Send(m) => format!("{}={}", m.topic, String::from_utf8(m.payload).unwrap()),
        other => format!("{other:?}"),
    }
}

#[test]
fn the_oldest_give_way_and_cameras_take_turns() {
    let outbox = outbox();
    for n in 0..5 {
        put(&outbox, "a", &n.to_string());
    }
    put(&outbox, "b", "x");
    assert_eq!(outbox.stats().waiting, 3);
    assert_eq!([sent(&outbox), sent(&outbox), sent(&outbox)], ["A=3", "B=x", "A=4"]);
    assert_eq!(sent(&outbox), "Wait");
    assert_eq!((outbox.dropped("a").overflow, outbox.dropped("b").total()), (3, 0));
    assert_eq!(outbox.stats().published, 3);
}

#[test]
fn without_a_connection_poses_are_dropped_and_counted() {
    let outbox = outbox();
    put(&outbox, "a", "1");
    outbox.disconnected();
    put(&outbox, "a", "2");
    assert_eq!(outbox.dropped("a"), Unsent { offline: 2, ..Unsent::default() });
    outbox.connected();
    assert_eq!(outbox.next(true), Next::Announce);
    assert_eq!(sent(&outbox), "Wait");
    outbox.poses("a", &vec![0; crate::publish::LONGEST_PAYLOAD_BYTES + 1], || "A".into());
    assert_eq!(outbox.dropped("a").too_long, 1);
}

#[test]
fn of_a_camera_that_stopped_nothing_is_sent_any_more() {
    let outbox = outbox();
    put(&outbox, "a", "1");
    put(&outbox, "b", "2");
    outbox.discard("a");
    assert_eq!([sent(&outbox), sent(&outbox)], ["B=2", "Wait"]);
    assert_eq!(outbox.dropped("a"), Unsent { stopped: 1, ..Unsent::default() });
}

#[test]
fn what_is_retained_is_sent_when_it_changes_and_at_each_connection_before_the_announcement() {
    let outbox = outbox();
    outbox.retain("s", b"1");
    assert_eq!(outbox.next(false), Next::Wait, "no room for another acknowledgement");
    assert_eq!(sent(&outbox), "s=1");
    outbox.retain("s", b"1");
    assert_eq!(sent(&outbox), "Wait");
    outbox.retain("s", b"2");
    outbox.retain("s", b"3");
    assert_eq!(sent(&outbox), "s=3");
    outbox.disconnected();
    outbox.connected();
    assert_eq!(sent(&outbox), "s=3");
    assert_eq!(outbox.next(true), Next::Announce);
}

#[test]
fn a_stop_comes_after_the_last_retained_values() {
    let outbox = outbox();
    outbox.retain("s", b"stopped");
    put(&outbox, "a", "1");
    outbox.stop(Mono(0));
    assert_eq!(outbox.next(false), Next::Wait);
    assert_eq!(sent(&outbox), "s=stopped");
    assert_eq!(outbox.next(true), Next::Stop);
}
