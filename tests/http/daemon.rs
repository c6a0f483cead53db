//! The real binary with `[http]`, and without.

use crate::client::Client;
use crate::common::{Mosquitto, Posed, Subscriber, camera, config, free_port, wait_for};

fn threads(posed: &Posed) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", posed.pid())).unwrap();
    let name = |task: std::io::Result<std::fs::DirEntry>| {
        std::fs::read_to_string(task.unwrap().path().join("comm")).unwrap_or_default()
    };
    tasks.map(|task| name(task).trim().to_owned()).collect()
}

#[test]
fn without_http_there_is_no_thread_and_no_port() {
    let broker = Mosquitto::start();
    let posed = Posed::run(&config(&broker, &camera("hall", "loop = true\n")));
    Subscriber::start(&broker).json("posed/hall/poses", |_| true);
    let names = threads(&posed);
    assert!(names.iter().any(|name| name == "mqtt") && !names.iter().any(|name| name == "http"), "{names:?}");
    let table =
        |name| std::fs::read_to_string(format!("/proc/{}/net/{name}", posed.pid())).unwrap_or_default();
    let status = table("tcp") + &table("tcp6");
    let sockets = std::fs::read_dir(format!("/proc/{}/fd", posed.pid())).unwrap();
    let own: Vec<String> = sockets
        .filter_map(|fd| Some(std::fs::read_link(fd.ok()?.path()).ok()?.display().to_string()))
        .filter_map(|link| Some(link.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    // Column 3 is the state, 0A: listening; column 9 is the socket's number.
    let listens = status.lines().filter(|line| line.split_whitespace().nth(3) == Some("0A"));
    for line in listens {
        let inode = line.split_whitespace().nth(9).unwrap().to_owned();
        assert!(!own.contains(&inode), "posed listens: {line}");
    }
}

#[test]
fn the_daemon_serves_its_poses_and_counts() {
    let broker = Mosquitto::start();
    let port = free_port();
    let http = format!("[http]\nlisten = \"127.0.0.1:{port}\"\n");
    let cameras = camera("hall", "paced = true\nloop = true\n");
    let posed = Posed::run(&config(&broker, &format!("{http}{cameras}")));
    let client = Client(([127, 0, 0, 1], port).into());
    wait_for("the port", || std::net::TcpStream::connect(client.0).ok());
    let mut page = client.feed("/feed?fps=30");
    let message = page.next("poses");
    assert_eq!((&message["camera"], &message["schema"]), (&"hall".into(), &1.into()));
    assert!(threads(&posed).iter().any(|name| name == "http"));
    wait_for("readiness", || (client.get("/readyz").status == 200).then_some(()));
    let metrics = client.get("/metrics").body;
    let value = |name: &str| -> f64 {
        let line = metrics.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{metrics}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    assert!(value("posed_frames_published_total{camera=\"hall\"}") >= 1.0);
    assert!(value("posed_frame_age_seconds_count{camera=\"hall\"}") >= 1.0);
    assert!(value("process_resident_memory_bytes") > 1e6);
    let (status, log) = posed.stop();
    assert!(status.success() && log.contains("listening on http://127.0.0.1:"), "{log}");
}
