//! What is sent, in which order, and what is dropped.

use super::*;

fn outbox() -> Outbox {
    let outbox = Outbox::new(2);
    outbox.connected(Mono(0));
    assert_eq!(next(&outbox, true), Next::Announce);
    outbox
}

fn next(outbox: &Outbox, room: bool) -> Next {
    outbox.next(Turn { room, may_announce: true, poses: true })
}

fn put(outbox: &Outbox, camera: &str, payload: &str) {
    outbox.poses(camera, payload.as_bytes(), || camera.to_uppercase());
}

fn sent(outbox: &Outbox) -> String {
    match next(outbox, true) {
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
    outbox.connected(Mono(0));
    assert_eq!(next(&outbox, true), Next::Announce);
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
    assert_eq!(next(&outbox, false), Next::Wait, "no room for another acknowledgement");
    assert_eq!(sent(&outbox), "s=1");
    outbox.retain("s", b"1");
    assert_eq!(sent(&outbox), "Wait");
    outbox.retain("s", b"2");
    outbox.retain("s", b"3");
    assert_eq!(sent(&outbox), "s=3");
    outbox.disconnected();
    outbox.connected(Mono(0));
    assert_eq!(sent(&outbox), "s=3");
    assert_eq!(next(&outbox, true), Next::Announce);
}

#[test]
fn a_stop_comes_after_the_last_retained_values() {
    let outbox = outbox();
    outbox.retain("s", b"stopped");
    put(&outbox, "a", "1");
    outbox.stop(Mono(0));
    assert_eq!(next(&outbox, false), Next::Wait);
    assert_eq!(sent(&outbox), "s=stopped");
    assert_eq!(next(&outbox, true), Next::Stop);
}

#[test]
fn online_waits_until_the_connection_is_stable_and_poses_wait_while_it_is_slow() {
    let outbox = Outbox::new(2);
    outbox.connected(Mono(0));
    put(&outbox, "a", "1");
    let early = Turn { room: true, may_announce: false, poses: false };
    assert_eq!(outbox.next(early), Next::Wait);
    let Next::Send(poses) = outbox.next(Turn { poses: true, ..early }) else { panic!("poses wait") };
    assert_eq!(poses.topic, "A");
    assert_eq!(outbox.next(early), Next::Wait);
    assert_eq!(outbox.next(Turn { may_announce: true, ..early }), Next::Announce);
}

#[test]
fn what_the_broker_rejects_is_held_back_for_a_while_and_the_rest_flows() {
    let outbox = outbox();
    outbox.retain("schema", b"long one");
    outbox.retain("s", b"1");
    put(&outbox, "a", "a crowd");
    put(&outbox, "a", "one");
    outbox.hold("schema", 8, Mono(100));
    outbox.hold("A", 7, Mono(100));
    assert_eq!([sent(&outbox), sent(&outbox), sent(&outbox)], ["s=1", "A=one", "Wait"]);
    put(&outbox, "a", "a larger crowd");
    assert_eq!(outbox.dropped("a"), Unsent { too_long: 2, ..Unsent::default() });
    outbox.retain("schema", b"short");
    assert_eq!(sent(&outbox), "schema=short");
    outbox.retain("schema", b"long one");
    assert_eq!(sent(&outbox), "Wait");
    outbox.stop(Mono(0));
    assert_eq!(next(&outbox, true), Next::Stop, "what is held back does not hold up the end");

    outbox.disconnected();
    outbox.connected(Mono(100));
    assert_eq!(sent(&outbox), "schema=long one", "tried again");
}

#[test]
fn messages_of_the_spool_go_to_the_connection_that_they_were_offered_to() {
    let outbox = outbox();
    assert!(outbox.offer(1, 7, "events", b"x") && !outbox.offer(2, 8, "events", b"y"));
    assert_eq!(next(&outbox, false), Next::Wait, "no room for another acknowledgement");
    let Next::Send(message) = next(&outbox, true) else { panic!("nothing to send") };
    assert_eq!((message.topic.as_str(), message.tag), ("events", Tag::Durable(7)));
    assert!(outbox.offer(1, 8, "events", b"y"));
    outbox.disconnected();
    assert!(!outbox.offer(1, 9, "events", b"z"));
    outbox.connected(Mono(1));
    assert_eq!([sent(&outbox), sent(&outbox)], ["Announce", "Wait"], "the spool offers it again");
}

#[test]
fn a_topic_that_the_broker_has_cleared_is_forgotten_unless_it_has_a_new_value() {
    let outbox = outbox();
    outbox.retain("s", b"");
    assert_eq!(sent(&outbox), "s=");
    assert!(outbox.cleared("s"));
    outbox.retain("s", b"");
    outbox.retain("s", b"1");
    assert!(!outbox.cleared("s"));
    assert_eq!(sent(&outbox), "s=1");
}
