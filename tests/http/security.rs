//! Each rule about who may ask.

use crate::client::{Answer, Client};
use crate::{Served, TOKEN, options, start};
use posed::frame::Frame;
use posed::geometry::Rotate;
use posed::http::{ASSETS, Error, Hub, Options, Server};
use posed::telemetry::progress::Progress;
use std::sync::Arc;

fn open(listen: &str, token: Option<&str>) -> Result<Server, Error> {
    let dir = tempfile::tempdir().unwrap();
    let progress = Arc::new(Progress::default());
    let options = options(&dir, listen, token);
    start(&options, Arc::new(Hub::default()), &progress)
}

#[test]
fn an_address_that_others_reach_needs_a_token() {
    for address in ["0.0.0.0:0", "[::]:0"] {
        assert!(matches!(open(address, None), Err(Error::NoToken(_))), "{address}");
    }
    assert!(matches!(open("127.0.0.1:0", Some("short")), Err(Error::ShortToken(_))));
    open("0.0.0.0:0", Some(TOKEN)).unwrap().stop(crate::common::PATIENCE);
}

#[test]
fn pictures_are_given_only_if_allowed_and_never_without_a_token() {
    let dir = tempfile::tempdir().unwrap();
    let served = Served::open();
    let answer = served.client.get("/still?camera=hall");
    assert_eq!(answer.status, 404, "off by default");
    let (progress, hub) = (Arc::new(Progress::default()), Arc::new(Hub::default()));
    let with = |token: Option<&str>| {
        let options = Options { snapshots: true, ..options(&dir, "127.0.0.1:0", token) };
        start(&options, hub.clone(), &progress)
    };
    assert!(matches!(with(None), Err(Error::OpenPictures)));
    let server = with(Some(TOKEN)).unwrap();
    let client = Client(server.address());
    assert_eq!(client.get("/still?camera=hall").status, 401);
    let frame = Frame::still(4, 2, vec![100; 24]).unwrap();
    let picture = std::thread::spawn(move || {
        client.get_bytes("/still?camera=hall", &format!("Authorization: Bearer {TOKEN}\r\n"))
    });
    crate::common::wait_for("the picture", || {
        hub.frame("hall", &frame, &frame.view(Rotate::None));
        picture.is_finished().then_some(())
    });
    let picture = image::load_from_memory(&picture.join().unwrap()).unwrap();
    assert_eq!((picture.width(), picture.height()), (4, 2));
    server.stop(crate::common::PATIENCE);
}

fn bearer(served: &Served, path: &str, token: &str) -> Answer {
    served.client.get_with(path, &format!("Authorization: Bearer {token}\r\n"))
}

#[test]
fn without_the_token_only_health_is_answered() {
    let served = Served::with(Some(TOKEN));
    let paths = ASSETS.iter().map(|asset| asset.path).chain([
        "/feed",
        "/metrics",
        "/readyz",
        "/zones?camera=hall",
        "/still?camera=hall",
        "/nothing",
    ]);
    for path in paths {
        let answer = served.client.get(path);
        assert_eq!(answer.status, 401, "{path}");
        assert!(answer.header("www-authenticate").unwrap().starts_with("Basic"), "{path}");
        assert!(!answer.body.contains("hall"), "{path}: {}", answer.body);
    }
    assert_eq!(served.client.get("/healthz").status, 200);
    for path in ["/", "/metrics"] {
        assert_eq!(bearer(&served, path, TOKEN).status, 200, "{path}");
    }
    // "me:a token of 24 characters", as a browser sends it.
    let login = "Authorization: Basic bWU6YSB0b2tlbiBvZiAyNCBjaGFyYWN0ZXJz\r\n";
    assert_eq!(served.client.get_with("/", login).status, 200);
}

#[test]
fn wrong_tokens_are_refused_and_soon_not_even_looked_at() {
    let served = Served::with(Some(TOKEN));
    for n in 0..10 {
        assert_eq!(bearer(&served, "/", &format!("{TOKEN}{n}")).status, 401);
    }
    let answer = bearer(&served, "/", TOKEN);
    assert_eq!(answer.status, 429, "the right token has to wait too");
    assert!(answer.header("retry-after").is_some());
    assert_eq!(served.client.get("/healthz").status, 200);
}

#[test]
fn a_name_that_is_not_ours_is_not_served() {
    let served = Served::open();
    for (host, status) in [
        ("localhost:1", 200),
        ("posed.lan", 200),
        ("192.0.2.7:8750", 200),
        ("evil.example", 403),
        ("posed.lan.evil.example", 403),
        ("", 403),
    ] {
        let answer = served.client.send(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(answer.status, status, "{host}");
    }
    assert_eq!(served.client.send("GET / HTTP/1.1\r\n\r\n").status, 403, "no host");
    let two = "GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n";
    assert_ne!(served.client.send(two).status, 200);
}

#[test]
fn a_page_of_another_site_gets_nothing() {
    let served = Served::open();
    let own = format!("Origin: http://{}\r\n", served.client.0);
    assert_eq!(served.client.get_with("/metrics", &own).status, 200);
    for other in ["http://evil.example", "null", "http://127.0.0.1:1"] {
        assert_eq!(
            served.client.get_with("/metrics", &format!("Origin: {other}\r\n")).status,
            403,
            "{other}"
        );
    }
}

#[test]
fn nothing_can_be_changed() {
    let served = Served::open();
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"] {
        let request = format!("{method} / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
        let answer = served.client.send(&request);
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")), "{method}");
    }
    let head = served.client.send("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[test]
fn every_answer_forbids_what_the_page_does_not_need() {
    let served = Served::open();
    for path in ASSETS.iter().map(|asset| asset.path).chain([
        "/metrics",
        "/nothing",
        "/zones?camera=hall",
        "/healthz",
        "/readyz",
    ]) {
        let answer = served.client.get(path);
        let policy = answer.header("content-security-policy").unwrap();
        for part in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
    }
}

#[test]
fn malformed_and_endless_requests_are_refused() {
    let served = Served::open();
    let long = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: {}\r\n\r\n", "x".repeat(100_000));
    assert!(served.client.try_send(&long).is_none_or(|answer| (400..500).contains(&answer.status)));
    let many = "X-Many: x\r\n".repeat(200);
    assert!((400..500).contains(&served.client.get_with("/", &many).status));
    assert_eq!(served.client.send("what is this\r\n\r\n").status, 400);
    for path in ["/../etc/passwd", "/page.css/", "/%2e%2e/posed.toml", "//"] {
        assert_eq!(served.client.get(path).status, 404, "{path}");
    }
    assert_eq!(served.client.get("/").status, 200, "it still answers");
}
