//! Many clients, and slow ones: they are bounded, and the frames go on.

use crate::client::Client;
use crate::common::{Mosquitto, Posed, Subscriber, camera, config, free_port, wait_for};
use crate::{Served, pose_messages};
use posed::telemetry::stats::FrameTimes;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Opens a thousand connections that send nothing, each of which holds a place until the server
/// gives it up. Returns how many the server has refused.
fn flood(client: Client) -> u64 {
    let closed = |mut stream: &TcpStream| match stream.read(&mut [0; 16]) {
        Ok(n) => n == 0,
        Err(e) => e.kind() != std::io::ErrorKind::WouldBlock,
    };
    let mut all: Vec<TcpStream> = Vec::new();
    for n in 1..=1000 {
        let stream = client.connect();
        stream.set_nonblocking(true).unwrap();
        all.push(stream);
        if n % 100 == 0 {
            wait_for("the server to close what is too much", || {
                all.retain(|stream| !closed(stream));
                (all.len() <= 64).then_some(())
            });
        }
    }
    drop(all);
    wait_for("a place", || {
        let mut stream = TcpStream::connect(client.0).ok()?;
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        let line = text.lines().find(|line| line.starts_with("posed_http_connections_refused_total "))?;
        line.rsplit(' ').next()?.parse::<u64>().ok()
    })
}

#[test]
fn a_thousand_connections_are_bounded_and_pass() {
    let served = Served::open();
    let refused = flood(served.client);
    assert!(refused >= 500, "{refused}");
}

#[test]
fn a_thousand_connections_do_not_stop_the_frames_of_a_daemon() {
    let broker = Mosquitto::start();
    let port = free_port();
    let camera = camera("hall", "paced = true\nloop = true");
    let _posed = Posed::run(&config(&broker, &format!("[http]\nlisten = \"127.0.0.1:{port}\"\n{camera}")));
    let messages = Subscriber::start(&broker);
    messages.json("posed/hall/poses", |_| true);
    let rate_during = |work: &mut dyn FnMut()| {
        let (frames, began) = (pose_messages(&messages), Instant::now());
        work();
        (pose_messages(&messages) - frames) as f64 / began.elapsed().as_secs_f64()
    };
    let quiet = rate_during(&mut || std::thread::sleep(Duration::from_secs(2)));
    let mut refused = 0;
    let flooded =
        rate_during(&mut || (0..3).for_each(|_| refused = flood(Client(([127, 0, 0, 1], port).into()))));
    eprintln!(
        "{quiet:.1} frames a second; {flooded:.1} while 3000 connections come, {refused} of them refused"
    );
    assert!(refused >= 1500 && flooded > 0.0, "{refused} refused, {flooded} frames a second");
    // The camera is where it was: no frame was missed for so long that it counts as stalled.
    let page = Client(([127, 0, 0, 1], port).into()).get("/readyz");
    assert_eq!((page.status, page.body.contains("camera hall: online")), (200, true), "{}", page.body);
}

#[test]
fn pages_are_bounded_and_leave_room_for_the_metrics() {
    let served = Served::open();
    let mut pages: Vec<_> = (0..32).map(|_| served.client.feed("/feed")).collect();
    for page in &mut pages {
        assert_eq!(page.status, 200);
        page.next("status");
    }
    let one_more = served.client.get("/feed");
    assert_eq!((one_more.status, one_more.header("retry-after")), (503, Some("5")));
    assert!(served.client.get("/metrics").body.contains("\nposed_http_pages 32.0\n"));
    drop(pages);
    wait_for("the places of pages that left", || (served.hub.watchers() == 0).then_some(()));
}

#[test]
fn a_page_that_reads_nothing_delays_neither_frames_nor_other_pages() {
    let served = Served::open();
    let mut slow = served.client.connect();
    write!(slow, "GET /feed?fps=30 HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    wait_for("the slow page", || (served.hub.watchers() == 1).then_some(()));
    let mut quick = served.client.feed("/feed?fps=30");
    quick.next("status");
    // More than all buffers on the way to the slow page hold.
    let filler = "x".repeat(60_000);
    for seq in 0..60 {
        let message = format!("{{\"camera\":\"hall\",\"seq\":{seq},\"filler\":\"{filler}\"}}");
        served.hub.poses("hall", message.as_bytes(), 1, &FrameTimes::default());
        loop {
            if quick.next("poses")["seq"] == seq {
                break;
            }
        }
    }
}

#[test]
fn a_page_that_takes_nothing_is_closed() {
    let served = Served::open();
    let mut slow = served.client.connect();
    write!(slow, "GET /feed?fps=30 HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    wait_for("the slow page", || (served.hub.watchers() == 1).then_some(()));
    let message = format!("{{\"filler\":\"{}\"}}", "x".repeat(200_000));
    wait_for("its end", || {
        served.hub.poses("hall", message.as_bytes(), 1, &FrameTimes::default());
        (served.hub.watchers() == 0).then_some(())
    });
}
