//! Many clients, and slow ones: they are bounded, and the frames go on.

use crate::Served;
use crate::common::wait_for;
use posed::telemetry::stats::FrameTimes;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

#[test]
fn a_thousand_connections_are_bounded_and_pass() {
    let served = Served::open();
    let closed = |mut stream: &TcpStream| match stream.read(&mut [0; 16]) {
        Ok(n) => n == 0,
        Err(e) => e.kind() != std::io::ErrorKind::WouldBlock,
    };
    // Idle connections, each of which holds a place until the server gives it up.
    let mut all: Vec<TcpStream> = Vec::new();
    for n in 1..=1000 {
        let stream = served.client.connect();
        stream.set_nonblocking(true).unwrap();
        all.push(stream);
        if n % 100 == 0 {
            wait_for("the server to close what is too much", || {
                all.retain(|stream| !closed(stream));
                (all.len() <= 64).then_some(())
            });
        }
    }
    served.hub.poses("hall", b"{}", 1, &FrameTimes::default());
    drop(all);
    let refused = wait_for("a place", || {
        let mut stream = TcpStream::connect(served.client.0).ok()?;
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        let line = text.lines().find(|line| line.starts_with("posed_http_connections_refused_total "))?;
        line.rsplit(' ').next()?.parse::<u64>().ok()
    });
    assert!(refused >= 500, "{refused}");
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
