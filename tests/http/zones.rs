//! `/zones`: who may change zones, and what the daemon does with a change.

use crate::client::{Answer, Client};
use crate::common::{Mosquitto, Posed, Subscriber, camera, config, free_port, wait_for};
use crate::{Served, TOKEN, options};
use posed::http::Options;
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::process::Command;

const JSON: &str = "Content-Type: application/json\r\n";
const CHANGE: &str = r#"{"version":"1","zones":[],"lines":[]}"#;

fn editable(token: Option<&str>) -> Served {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { edit: true, ..options(&dir, "127.0.0.1:0", token) };
    Served::serve(options, dir)
}

fn own(served: &Served) -> String {
    format!("Origin: http://{}\r\n", served.client.0)
}

#[test]
fn zones_are_saved_only_if_allowed_and_only_from_our_own_page() {
    let save =
        |served: &Served, headers: &str| served.client.post("/zones?camera=hall", headers, CHANGE).status;
    let closed = Served::open();
    assert_eq!(save(&closed, &(own(&closed) + JSON)), 405, "off by default");
    assert_eq!(closed.client.get("/zones?camera=hall").status, 200, "reading is no change");

    let served = editable(None);
    let own = own(&served);
    assert_eq!(save(&served, &(own.clone() + JSON)), 200);
    for (headers, status) in [
        (JSON.to_owned(), 403),
        (own.clone(), 415),
        (format!("{own}Content-Type: text/plain\r\n"), 415),
        (format!("{own}Content-Type: application/x-www-form-urlencoded\r\n"), 415),
        (format!("Origin: http://evil.example\r\n{JSON}"), 403),
        (format!("Origin: null\r\n{JSON}"), 403),
        (format!("{own}Origin: http://evil.example\r\n{JSON}"), 403),
    ] {
        assert_eq!(save(&served, &headers), status, "{headers}");
    }
    let rebound = "POST /zones?camera=hall HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://evil.example\r\n";
    let rebound = format!("{rebound}{JSON}Content-Length: {}\r\n\r\n{CHANGE}", CHANGE.len());
    assert_eq!(served.client.send(&rebound).status, 403);
    for path in ["/", "/feed", "/zones/", "/still"] {
        assert_eq!(served.client.post(path, &(own.clone() + JSON), CHANGE).status, 405, "{path}");
    }
    let answer = served.client.send("OPTIONS /zones HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(answer.status, 405, "another site may not ask for permission");
}

#[test]
fn saving_needs_the_token() {
    let served = editable(Some(TOKEN));
    let headers = own(&served) + JSON;
    let save = |headers: &str| served.client.post("/zones?camera=hall", headers, CHANGE).status;
    assert_eq!(save(&headers), 401);
    assert_eq!(save(&format!("{headers}Authorization: Bearer {TOKEN}x\r\n")), 401);
    assert_eq!(save(&format!("{headers}Authorization: Bearer {TOKEN}\r\n")), 200);
}

#[test]
fn bodies_are_bounded_in_size_and_time_and_must_be_a_change() {
    let served = editable(None);
    let headers = own(&served) + JSON;
    // Its body never comes.
    let mut slow = served.client.connect();
    write!(slow, "POST /zones?camera=hall HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n")
        .unwrap();
    write!(slow, "{JSON}Content-Length: 100\r\n\r\n{{").unwrap();

    for (body, status) in [
        ("", 400),
        ("[]", 400),
        ("{\"version\":\"1\"}", 400),
        ("{\"version\":\"1\",\"zones\":[],\"lines\":[],\"source\":\"file:///etc/passwd\"}", 400),
        (
            "{\"version\":\"1\",\"zones\":[{\"name\":\"a\",\"polygon\":[[0]],\"by\":\"feet\"}],\"lines\":[]}",
            400,
        ),
    ] {
        let answer = served.client.post("/zones?camera=hall", &headers, body);
        assert_eq!(answer.status, status, "{body}: {}", answer.body);
    }
    let answer = served.client.post("/zones?camera=cellar", &headers, CHANGE);
    assert_eq!(answer.status, 404, "{}", answer.body);
    // A server that answers before it has read everything may take its answer back.
    let large = format!("{{\"version\":\"{}\"", "x".repeat(100_000));
    let head = format!("POST /zones?camera=hall HTTP/1.1\r\nHost: {}\r\n{headers}", served.client.0);
    let length = format!("{head}Content-Length: {}\r\n\r\n{large}", large.len());
    let chunked =
        format!("{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{large}\r\n0\r\n\r\n", large.len());
    for request in [length, chunked] {
        assert!(served.client.try_send(&request).is_none_or(|answer| answer.status == 413));
    }
    let mut rest = Vec::new();
    let _ = slow.read_to_end(&mut rest);
    assert!(rest.is_empty(), "a request without its body is closed");
}

/// A real daemon with one camera. Returns what asks it, too.
fn daemon(broker: &Mosquitto, more: &str) -> (Posed, Client) {
    let port = free_port();
    let http = format!("[http]\nlisten = \"127.0.0.1:{port}\"\nedit = true\n");
    let cameras = camera("hall", "paced = true\nloop = true\n# rotate = 90");
    let posed = Posed::run(&config(broker, &format!("# My house.\n{http}{cameras}{more}")));
    let client = Client(([127, 0, 0, 1], port).into());
    wait_for("the port", || std::net::TcpStream::connect(client.0).ok());
    (posed, client)
}

fn sheet(client: Client, name: &str) -> Value {
    // The daemon takes requests once all its stages run.
    wait_for("the zones", || {
        let answer = client.get(&format!("/zones?camera={name}"));
        (answer.status != 503).then(|| serde_json::from_str(&answer.body).unwrap())
    })
}

fn save(client: Client, change: &Value) -> (u16, Value) {
    let headers = format!("Origin: http://{}\r\n{JSON}", client.0);
    let Answer { status, body, .. } = client.post("/zones?camera=hall", &headers, &change.to_string());
    (status, serde_json::from_str(&body).unwrap())
}

#[test]
fn the_daemon_saves_zones_in_its_file_and_uses_them() {
    let broker = Mosquitto::start();
    let (posed, client) = daemon(&broker, "");
    let before = sheet(client, "hall");
    assert_eq!((&before["edit"], &before["zones"]), (&json!(true), &json!([])));
    let zone =
        json!({ "name": "rug", "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]], "by": "body", "dwell_s": 60 });
    let change = json!({ "version": before["version"], "zones": [zone], "lines": [] });
    let (status, after) = save(client, &change);
    assert_eq!((status, &after["note"]), (200, &Value::Null), "{after}");
    assert_eq!(after["zones"][0]["name"], "rug");
    let text = std::fs::read_to_string(&posed.config).unwrap();
    assert!(text.starts_with("[mqtt]") && text.contains("# My house.\n"), "{text}");
    let rug = "# rotate = 90\n\n[[camera.zone]]\nname = \"rug\"\npolygon = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]\nby = \"body\"\ndwell_s = 60\n";
    assert!(text.ends_with(rug), "{text}");
    // The daemon runs with it: the zone has a topic.
    Subscriber::start(&broker).json("posed/hall/rug/people", |_| true);

    let (status, answer) = save(client, &change);
    assert_eq!(status, 409, "{answer}: the first change is in the file now");
    let mut wrong = json!({ "version": after["version"], "zones": [zone, zone], "lines": [] });
    wrong["zones"][1]["polygon"] = json!([[0, 0], [1, 0]]);
    let (status, answer) = save(client, &wrong);
    let keys: Vec<&str> = answer["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| problem["key"].as_str().unwrap())
        .collect();
    assert_eq!((status, keys), (422, vec!["camera.hall.zone.rug.name", "camera.hall.zone.rug.polygon"]));
    assert_eq!(std::fs::read_to_string(&posed.config).unwrap(), text, "nothing else was written");

    // Many requests at once are bounded: they must leave room for the signal that stops the daemon.
    let ask = move || client.try_send("GET /zones?camera=hall HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let asking: Vec<_> = (0..40).map(|_| std::thread::spawn(ask)).collect();
    for thread in asking {
        assert!(thread.join().unwrap().is_none_or(|answer| [200, 503].contains(&answer.status)));
    }
    let (status, log) = posed.stop();
    assert!(status.success() && log.contains("zones of hall are saved in"), "{log}");
    assert!(log.contains("zones: cameras added: none; removed: none; changed: hall"), "{log}");
}

#[test]
fn a_change_that_needs_a_restart_besides_is_saved_and_says_so() {
    let broker = Mosquitto::start();
    let (posed, client) = daemon(&broker, "[log]\nlevel = \"info\"\n");
    sheet(client, "hall");
    let edited = std::fs::read_to_string(&posed.config).unwrap().replace("\"info\"", "\"warn\"");
    std::fs::write(&posed.config, edited).unwrap();
    let change = json!({ "version": sheet(client, "hall")["version"], "zones": [],
        "lines": [{ "name": "door", "from": [0, 0.5], "to": [1, 0.5], "by": "feet" }] });
    let (status, answer) = save(client, &change);
    assert_eq!(status, 200, "{answer}");
    assert!(answer["note"].as_str().unwrap().contains("[log] changed: restart the daemon"), "{answer}");
    assert!(std::fs::read_to_string(&posed.config).unwrap().contains("[[camera.line]]"));
}

/// Mounts the folder of the configuration read-only for the daemon, as systemd does with /etc.
const READ_ONLY: &str = "for file; do :; done; dir=${file%/*}; \
    mount --bind \"$dir\" \"$dir\" && mount -o bind,remount,ro \"$dir\" && exec \"$@\"";

#[test]
fn a_folder_that_is_read_only_is_named_with_the_remedy() {
    if !Command::new("unshare").args(["--mount", "true"]).status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: only root gives a process mounts of its own");
        return;
    }
    let (broker, port, state) = (Mosquitto::start(), free_port(), tempfile::tempdir().unwrap());
    let http = format!("[http]\nlisten = \"127.0.0.1:{port}\"\nedit = true\n");
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", READ_ONLY, "sh", env!("CARGO_BIN_EXE_posed"), "run"]);
    command.env("XDG_STATE_HOME", state.path());
    let posed = Posed::spawn(command, &config(&broker, &format!("{http}{}", camera("hall", "loop = true"))));
    let client = Client(([127, 0, 0, 1], port).into());
    wait_for("the port", || std::net::TcpStream::connect(client.0).ok());
    let before = std::fs::read_to_string(&posed.config).unwrap();
    let change = json!({ "version": sheet(client, "hall")["version"], "zones": [],
        "lines": [{ "name": "door", "from": [0, 0.5], "to": [1, 0.5], "by": "feet" }] });
    let (status, answer) = save(client, &change);
    let error = answer["error"].as_str().unwrap();
    assert_eq!(status, 403, "{error}");
    for part in [posed.config.to_str().unwrap(), "Read-only file system", "ReadWritePaths=/etc/posed"] {
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(std::fs::read_to_string(&posed.config).unwrap(), before);
}
