//! What a page is sent.

use crate::Served;
use crate::common::wait_for;
use posed::telemetry::stats::FrameTimes;

fn poses(served: &Served, camera: &str, seq: u64) {
    let message = format!("{{\"camera\":\"{camera}\",\"seq\":{seq}}}");
    served.hub.poses(camera, message.as_bytes(), 1, &FrameTimes::default());
}

#[test]
fn a_page_gets_the_state_first_and_then_the_newest_poses() {
    let served = Served::open();
    poses(&served, "hall", 1);
    let mut page = served.client.feed("/feed?fps=30");
    let status = page.next("status");
    assert_eq!(status["broker"], "connected");
    let [door, hall] = status["cameras"].as_array().unwrap().as_slice() else { panic!("{status}") };
    assert_eq!((&door["status"], &door["reason"]), (&"failed".into(), &"connection \"refused\"".into()));
    assert_eq!((&hall["fps_out"], &hall["dropped"]), (&25.0.into(), &10.into()));
    assert_eq!(hall["shapes"][0]["name"], "stairs");
    poses(&served, "hall", 2);
    assert_eq!(page.next("poses")["seq"], 2, "what came before it looked is old");
    (3..=100).for_each(|seq| poses(&served, "hall", seq));
    wait_for("the newest", || (page.next("poses")["seq"] == 100).then_some(()));
}

#[test]
fn a_page_that_shows_one_camera_gets_the_poses_of_no_other() {
    let served = Served::open();
    let mut page = served.client.feed("/feed?fps=30&camera=door");
    page.next("status");
    for seq in 0..5 {
        poses(&served, "hall", seq);
        poses(&served, "door", seq);
        let message = page.next("poses");
        assert_eq!((&message["camera"], &message["seq"]), (&"door".into(), &seq.into()));
    }
}

#[test]
fn events_reach_pages_that_are_open_and_pages_that_open_later() {
    let served = Served::open();
    served.hub.event(br#"{"camera":"hall","type":"fall"}"#);
    let mut page = served.client.feed("/feed?fps=30");
    assert_eq!(page.next("event")["type"], "fall");
    served.hub.event(br#"{"camera":"hall","type":"line"}"#);
    assert_eq!(page.next("event")["type"], "line");
}

#[test]
fn a_camera_that_is_gone_is_forgotten() {
    let served = Served::open();
    let mut page = served.client.feed("/feed?fps=30");
    page.next("status");
    poses(&served, "hall", 1);
    assert_eq!(page.next("poses")["seq"], 1);
    served.hub.forget("hall");
    poses(&served, "hall", 7);
    assert_eq!(page.next("poses")["seq"], 7, "its successor starts anew");
}
