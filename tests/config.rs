//! Configurations good and bad: what `posed check` says of each kind of fault is kept in
//! `tests/config/*.txt`. After a change of wording, write them anew with
//! `POSED_BLESS=1 cargo test --test config` and read the difference.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use posed::capture::{Source, Transport};
use posed::config::{self, Config, Faults, Loaded, Machine, Smoothing};
use posed::geometry::Rotate;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

const MINIMAL: &str = "[[camera]]\nname = \"door\"\nsource = \"test://\"\n";

fn machine() -> Machine {
    Machine { hostname: "kitchen".into(), id: "0123".into(), credentials: None }
}

fn parse(text: &str) -> Result<Loaded, Faults> {
    config::parse(text, Path::new("posed.toml"), &machine())
}

fn good(text: &str) -> Config {
    match parse(text) {
        Ok(loaded) => loaded.config,
        Err(faults) => panic!("{faults}\nin:\n{text}"),
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn an_empty_file_with_one_camera_has_the_documented_defaults() {
    let config = good(MINIMAL);
    assert_eq!(config.mqtt.url.to_string(), "mqtt://localhost:1883");
    assert!(config.mqtt.client_id.starts_with("posed-kitchen-"), "{}", config.mqtt.client_id);
    assert_eq!(config.mqtt.prefix, "posed");
    assert_eq!((config.mqtt.login, config.mqtt.keep_alive), (None, Duration::from_secs(10)));
    assert_eq!(config.model.pose, Path::new("/usr/share/posed/models/lpn50-256x192"));
    assert_eq!((config.inference.workers, config.inference.threads), (1, None));
    let camera = &config.cameras[0];
    assert_eq!((camera.name.as_str(), camera.rotate, camera.roi), ("door", Rotate::None, None));
    assert_eq!((camera.transport, camera.latency), (Transport::Tcp, Duration::from_millis(100)));
    assert!(camera.finder && camera.max_fps.is_none());
}

#[test]
fn broker_urls_have_their_usual_ports() {
    for (url, want) in [
        ("mqtt://broker", "mqtt://broker:1883"),
        ("mqtts://broker/", "mqtts://broker:8883"),
        ("mqtt://[::1]", "mqtt://[::1]:1883"),
        ("mqtt://[2001:db8::1]:99", "mqtt://[2001:db8::1]:99"),
    ] {
        assert_eq!(good(&format!("[mqtt]\nurl = \"{url}\"\n{MINIMAL}")).mqtt.url.to_string(), want);
    }
}

#[test]
fn every_key_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    for file in ["password", "ca.pem", "cert.pem", "key.pem"] {
        std::fs::write(dir.path().join(file), "hunter2\n").unwrap();
    }
    let text = r#"
        [mqtt]
        url = "mqtts://broker.example:8884/"
        client_id = "me"
        username = "posed"
        password_file = "password"
        prefix = "site/hall"
        tls_ca = "ca.pem"
        tls_cert = "cert.pem"
        tls_key = "key.pem"
        keep_alive_s = 30
        [model]
        pose = "models/p"
        finder = "/f"
        [inference]
        workers = 2
        threads = 3
        kernels = "generic"
        [pose]
        min_score = 0.3
        keypoint_score = 0
        min_keypoints = 3
        smoothing = "both"
        [log]
        level = "info,posed::capture=debug"
        format = "journal"
        [[camera]]
        name = "clip"
        source = "file://clip.mp4"
        loop = true
        paced = false
        rotate = 270
        roi = [0.1, 0, 0.9, 1]
        max_fps = 7.5
        connect_timeout_ms = 4000
        stall_timeout_ms = 3000
        finder = "none"
        finder_interval_ms = 250
        max_people = 3
        cpu_budget = 0.25
        [[camera]]
        name = "yard"
        source = "rtsp://cam.example/main"
        username = "viewer"
        password_file = "password"
        transport = "udp"
        latency_ms = 250
    "#;
    let config = config::parse(text, &dir.path().join("posed.toml"), &machine())
        .unwrap_or_else(|faults| panic!("{faults}"))
        .config;
    assert_eq!(config.mqtt.url.to_string(), "mqtts://broker.example:8884");
    assert_eq!(config.mqtt.login.as_ref().unwrap().username, "posed");
    assert_eq!(config.mqtt.tls.ca, Some(dir.path().join("ca.pem")));
    assert!(config.mqtt.tls.identity.is_some());
    assert_eq!(config.model.pose, dir.path().join("models/p"));
    assert_eq!(config.inference.kernels.as_deref(), Some("generic"));
    assert_eq!((config.pose.min_score, config.pose.smoothing), (0.3, Smoothing::Both));
    let [clip, yard] = config.cameras.as_slice() else { panic!("two cameras") };
    let path = dir.path().join("clip.mp4");
    assert_eq!(clip.source, Source::File { path, looped: true, paced: false });
    assert_eq!((clip.rotate, clip.roi), (Rotate::Cw270, Some([0.1, 0.0, 0.9, 1.0])));
    assert_eq!(
        (clip.max_fps, clip.finder, clip.max_people, clip.cpu_budget),
        (Some(7.5), false, 3, Some(0.25))
    );
    let Source::Rtsp { url, credentials: Some(login) } = &yard.source else { panic!("{:?}", yard.source) };
    assert_eq!((url.as_str(), login.password.as_str()), ("rtsp://cam.example/main", "hunter2"));
    assert_eq!((yard.transport, yard.latency), (Transport::Udp, Duration::from_millis(250)));
    assert!(!format!("{config:?}").contains("hunter2"), "a password in Debug output");
}

/// One file for each kind of fault; blocks in it are `--- name`, the configuration, `>>>`, what is said.
const FAULTS: &[(&str, &str)] = &[
    (
        "misspelt key",
        "[mqtt]\nurI = \"mqtt://a\"\n[[camera]]\nname = \"a\"\nsorce = \"test://\"\nmax-fps = 3\n",
    ),
    ("misspelt section", "[mqqt]\nurl = \"mqtt://a\"\n[[camera]]\nname = \"a\"\nsource = \"test://\"\n"),
    ("section of the wrong kind", "mqtt = 3\ncamera = \"door\"\n"),
    ("camera without brackets doubled", "[camera]\nname = \"a\"\nsource = \"test://\"\n"),
    ("nothing at all", ""),
    ("missing keys", "[[camera]]\nrotate = 90\n[[camera]]\nname = \"b\"\n"),
    (
        "wrong types",
        "[mqtt]\nurl = 1883\nkeep_alive_s = \"10\"\n[pose]\nsmoothing = \"yes\"\nmin_score = \"high\"\n[[camera]]\nname = true\nsource = [\"test://\"]\nrotate = \"90\"\n",
    ),
    (
        "out of range",
        "[mqtt]\nkeep_alive_s = 1\n[inference]\nworkers = 0\nthreads = 1000\n[pose]\nmin_score = 1.5\nkeypoint_score = nan\nmin_keypoints = 18\n[[camera]]\nname = \"a\"\nsource = \"test://\"\nmax_fps = 0\nstall_timeout_ms = -5\nlatency_ms = 99999999999999999999\nmax_people = 65\n",
    ),
    ("broker urls", "[mqtt]\nurl = \"broker.example\"\n"),
    ("broker scheme", "[mqtt]\nurl = \"http://broker.example\"\n"),
    ("broker port", "[mqtt]\nurl = \"mqtt://broker.example:70000\"\n"),
    ("broker path", "[mqtt]\nurl = \"mqtt://broker.example/mqtt\"\n"),
    ("broker password in the url", "[mqtt]\nurl = \"mqtt://me:hunter2@broker.example\"\n"),
    ("broker by IPv6 address with TLS", "[mqtt]\nurl = \"mqtts://[2001:db8::1]\"\n"),
    ("broker without a host", "[mqtt]\nurl = \"mqtt://:1883\"\n"),
    ("prefixes", "[mqtt]\nprefix = \"/posed\"\n"),
    ("prefix with a wildcard", "[mqtt]\nprefix = \"posed/#\"\n"),
    ("prefix of the broker", "[mqtt]\nprefix = \"$SYS/posed\"\n"),
    ("client id", "[mqtt]\nclient_id = \" a\"\n"),
    ("password in the file", "[mqtt]\nusername = \"u\"\npassword = \"hunter2\"\n"),
    ("password without user", "[mqtt]\npassword_credential = \"p\"\n"),
    ("password file missing", "[mqtt]\nusername = \"u\"\npassword_file = \"/nonexistent/password\"\n"),
    (
        "two passwords",
        "[mqtt]\nusername = \"u\"\npassword_file = \"/nonexistent/password\"\npassword_credential = \"p\"\n",
    ),
    ("credential is a path", "[mqtt]\nusername = \"u\"\npassword_credential = \"../p\"\n"),
    ("tls keys without tls", "[mqtt]\nurl = \"mqtt://a\"\ntls_ca = \"Cargo.toml\"\n"),
    ("tls files missing", "[mqtt]\nurl = \"mqtts://a\"\ntls_ca = \"/nonexistent/ca.pem\"\n"),
    ("cert without key", "[mqtt]\nurl = \"mqtts://a\"\ntls_cert = \"Cargo.toml\"\n"),
    ("key without cert", "[mqtt]\nurl = \"mqtts://a\"\ntls_key = \"Cargo.toml\"\n"),
    (
        "duplicate names",
        "[[camera]]\nname = \"a\"\nsource = \"test://\"\n[[camera]]\nname = \"a\"\nsource = \"test://ball\"\n",
    ),
    (
        "names unfit for a topic",
        "[[camera]]\nname = \"front/door\"\nsource = \"test://\"\n[[camera]]\nname = \"schema\"\nsource = \"test://\"\n[[camera]]\nname = \"\"\nsource = \"test://\"\n",
    ),
    (
        "sources",
        "[[camera]]\nname = \"a\"\nsource = \"clip.mp4\"\n[[camera]]\nname = \"b\"\nsource = \"rtp://x\"\n[[camera]]\nname = \"c\"\nsource = \"rtsp://\"\n[[camera]]\nname = \"d\"\nsource = \"v4l2:///dev/video0?width=wide\"\n",
    ),
    (
        "credentials in a bad source are masked",
        "[[camera]]\nname = \"a\"\nsource = \"http://admin:hunter2@cam/x\" # mine\n",
    ),
    (
        "regions",
        "[[camera]]\nname = \"a\"\nsource = \"test://\"\nroi = [0.5, 0, 0.6, 1]\n[[camera]]\nname = \"b\"\nsource = \"test://\"\nroi = [0, 0, 640, 480]\n[[camera]]\nname = \"c\"\nsource = \"test://\"\nroi = [0, 0, 1]\n[[camera]]\nname = \"d\"\nsource = \"test://\"\nroi = [0, 0, 0, 1]\n[[camera]]\nname = \"e\"\nsource = \"test://\"\nroi = \"all\"\n",
    ),
    (
        "choices",
        "[log]\nformat = \"jurnal\"\n[[camera]]\nname = \"a\"\nsource = \"rtsp://h/\"\ntransport = \"quic\"\nfinder = \"never\"\nrotate = 45\n",
    ),
    (
        "keys of other sources",
        "[[camera]]\nname = \"a\"\nsource = \"test://\"\nloop = true\nusername = \"u\"\ntransport = \"udp\"\n",
    ),
    (
        "camera authority without tls",
        "[[camera]]\nname = \"a\"\nsource = \"rtsp://h/\"\ntls_ca = \"Cargo.toml\"\n",
    ),
    ("two user names", "[[camera]]\nname = \"a\"\nsource = \"rtsp://u:hunter2@h/\"\nusername = \"u\"\n"),
    ("log level", "[log]\nlevel = \"wran\"\n"),
    ("syntax", "[mqtt]\nurl = \"mqtt://a\nprefix = posed\n[pose]\nmin_score = 7\n"),
    ("key twice", "[mqtt]\nprefix = \"a\"\nprefix = \"b\"\n"),
];

#[test]
fn every_kind_of_fault_says_where_why_and_what_to_do() {
    let mut said = String::new();
    for (name, text) in FAULTS {
        // Only the case itself should be wrong.
        let text = if text.contains("camera") || text.is_empty() {
            (*text).to_owned()
        } else {
            format!("{text}{MINIMAL}")
        };
        let faults = match parse(&text) {
            Err(faults) => faults,
            Ok(_) => panic!("{name}: taken\n{text}"),
        };
        assert!(!faults.to_string().contains("hunter2"), "{name}: a password is printed\n{faults}");
        for fault in &faults.0 {
            assert!(!fault.reason.is_empty() && !fault.remedy.is_empty(), "{name}: {fault:?}");
        }
        writeln!(said, "--- {name}\n{faults}\n").unwrap();
    }
    let golden = root().join("tests/config/faults.txt");
    if std::env::var_os("POSED_BLESS").is_some() {
        std::fs::write(&golden, &said).unwrap();
    }
    let want = std::fs::read_to_string(&golden).unwrap();
    for (said, want) in said.split("\n--- ").zip(want.split("\n--- ")) {
        assert_eq!(said, want);
    }
    assert_eq!(said.len(), want.len());
}

#[test]
fn what_can_be_used_but_should_be_mended_is_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    let password = dir.path().join("password");
    std::fs::write(&password, "hunter2\n").unwrap();
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o644)).unwrap();
    let text = format!(
        "[mqtt]\nurl = \"mqtt://broker.example\"\nusername = \"u\"\npassword_file = \"password\"\n{MINIMAL}transport = \"udp\"\n"
    );
    let loaded = config::parse(&text, &dir.path().join("posed.toml"), &machine()).unwrap();
    let reasons: Vec<_> = loaded.warnings.iter().map(|w| w.reason.as_str()).collect();
    assert_eq!(
        reasons,
        [
            "every user of this machine can read the file",
            "the password goes to broker.example unencrypted",
            "has no effect: the source is not rtsp://",
        ]
    );
}

#[test]
fn a_credential_is_looked_for_where_systemd_puts_it() {
    let dir = tempfile::tempdir().unwrap();
    let text = format!("[mqtt]\nusername = \"u\"\npassword_credential = \"mqtt\"\n{MINIMAL}");
    let here = Machine { credentials: Some(dir.path().to_owned()), ..machine() };
    let faults = config::parse(&text, Path::new("posed.toml"), &here).unwrap_err();
    assert!(faults.to_string().contains("LoadCredential=mqtt"), "{faults}");
    std::fs::write(dir.path().join("mqtt"), "hunter2").unwrap();
    let loaded = config::parse(&text, Path::new("posed.toml"), &here).unwrap();
    assert_eq!(loaded.config.mqtt.login.unwrap().password_file, Some(dir.path().join("mqtt")));
    let loaded = parse(&text).unwrap();
    assert_eq!(
        loaded.config.mqtt.login.unwrap().password_file.as_deref(),
        Some(Path::new("/run/credentials/posed.service/mqtt"))
    );
    assert_eq!(loaded.warnings.len(), 1);
}

#[test]
fn files_that_cannot_be_read_are_faults_too() {
    let faults = config::load(Path::new("/nonexistent/posed.toml")).unwrap_err().to_string();
    assert!(faults.starts_with("/nonexistent/posed.toml: error: cannot be read"), "{faults}");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("posed.toml");
    std::fs::write(&path, b"# ok\n\xff\n").unwrap();
    assert!(config::load(&path).unwrap_err().to_string().contains("line 2 is not UTF-8"));
    std::fs::write(&path, MINIMAL).unwrap();
    assert_eq!(config::load(&path).unwrap().config.cameras.len(), 1);
}

#[test]
fn each_commented_out_key_of_posed_toml_is_taken_and_shows_its_default() {
    let dir = tempfile::tempdir().unwrap();
    for file in ["mqtt-password", "camera1-password", "camera1.pem", "ca.pem", "posed.pem", "posed.key"] {
        std::fs::write(dir.path().join(file), "x\n").unwrap();
    }
    let text = std::fs::read_to_string(root().join("config/posed.toml")).unwrap();
    let path = dir.path().join("posed.toml");
    let lines: Vec<&str> = text.lines().collect();
    let mut keys = 0;
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| is_commented_key(line)) {
        keys += 1;
        // Keys that concern one kind of source or of broker are tried with that kind.
        let text = match line {
            line if line.contains(" rtsps") => text.replace("\"v4l2:///dev/video0\"", "\"rtsps://h/\""),
            line if line.contains(" rtsp") => text.replace("\"v4l2:///dev/video0\"", "\"rtsp://h/\""),
            line if line.contains("# file") => text.replace("\"v4l2:///dev/video0\"", "\"file:///clip.mp4\""),
            line if line.starts_with("#tls_") => text.replace("#url = \"mqtt:", "url = \"mqtts:"),
            _ => text.clone(),
        };
        let with = |shown: bool| {
            let is_shown = |index: usize, other: &str| {
                let needed = company(line).iter().any(|key| other.starts_with(key));
                index == at || (needed && section(&lines, index) == section(&lines, at))
            };
            let mut out = String::new();
            for (index, other) in text.lines().enumerate() {
                let other = if shown && is_shown(index, other) { &other[1..] } else { other };
                writeln!(out, "{other}").unwrap();
            }
            config::parse(&out, &path, &machine()).unwrap_or_else(|faults| panic!("{line}\n{faults}")).config
        };
        let (default, shown) = (with(false), with(true));
        if line.contains("# example") {
            assert_ne!(shown, default, "{line}: an example that changes nothing");
        } else {
            assert_eq!(shown, default, "{line}: not the default");
        }
    }
    assert!(keys > 30, "the keys of posed.toml are not found any more");
}

/// What a section knows is what it says of a key that it does not know.
#[test]
fn posed_toml_documents_every_key() {
    let text = std::fs::read_to_string(root().join("config/posed.toml")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for section_name in ["[mqtt]", "[model]", "[inference]", "[pose]", "[log]", "[[camera]]"] {
        let faults = parse(&format!("{section_name}\nzzzzzz = 1\n")).unwrap_err();
        let known = faults.0.iter().find_map(|fault| fault.remedy.strip_prefix("known here: ")).unwrap();
        for key in known.split(", ") {
            let documents = |(at, line): (usize, &&str)| {
                line.trim_start_matches('#').starts_with(&format!("{key} = "))
                    && section(&lines, at) == Some(section_name)
            };
            assert!(lines.iter().enumerate().any(documents), "{section_name} {key} is not in posed.toml");
        }
    }
}

/// Keys without which `line` is refused.
fn company(line: &str) -> &'static [&'static str] {
    match line.split_whitespace().next() {
        Some("#password_file" | "#password_credential") => &["#username"],
        Some("#tls_cert") => &["#tls_key"],
        Some("#tls_key") => &["#tls_cert"],
        _ => &[],
    }
}

fn section<'l>(lines: &[&'l str], at: usize) -> Option<&'l str> {
    lines[..at].iter().rev().find(|line| line.starts_with('[')).copied()
}

#[test]
fn the_shipped_files_are_valid() {
    let mut files = 0;
    for entry in std::fs::read_dir(root().join("config")).unwrap() {
        let path = entry.unwrap().path();
        let loaded = config::load(&path).unwrap_or_else(|faults| panic!("{faults}"));
        assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
        files += 1;
    }
    assert_eq!(files, 7, "posed.toml and one a board");
}

#[test]
fn a_reload_knows_which_cameras_changed() {
    let camera = |name: &str, fps: u32| {
        format!("[[camera]]\nname = \"{name}\"\nsource = \"test://\"\nmax_fps = {fps}\n")
    };
    let old = good(&[camera("a", 1), camera("b", 1), camera("c", 1)].concat());
    let new = good(&[camera("d", 1), camera("c", 2), camera("a", 1)].concat());
    let changes = config::camera_changes(&old, &new);
    assert_eq!((changes.added, changes.removed), (vec!["d".to_owned()], vec!["b".to_owned()]));
    assert_eq!((changes.changed, changes.unchanged), (vec!["c".to_owned()], vec!["a".to_owned()]));
    assert_eq!(old.fixed_section_changed(&new), None);
    let moved = good(&format!("[mqtt]\nprefix = \"p\"\n{}", camera("a", 1)));
    assert_eq!(old.fixed_section_changed(&moved), Some("mqtt"));
}

#[test]
fn client_ids_differ_between_machines_and_files_and_stay_the_same() {
    let id = |machine: &Machine, path: &str| {
        config::parse(MINIMAL, Path::new(path), machine).unwrap().config.mqtt.client_id
    };
    let other = Machine { id: "4567".into(), ..machine() };
    assert_eq!(id(&machine(), "/a.toml"), id(&machine(), "/a.toml"));
    assert_ne!(id(&machine(), "/a.toml"), id(&machine(), "/b.toml"));
    assert_ne!(id(&machine(), "/a.toml"), id(&other, "/a.toml"));
}

fn is_commented_key(line: &str) -> bool {
    line.starts_with('#') && line[1..].starts_with(|c: char| c.is_ascii_lowercase())
}

fn uncommented(line: &str) -> &str {
    if is_commented_key(line) && !line.contains("# ") { &line[1..] } else { line }
}

/// A thousand files that were damaged at random: refused or taken, never a panic.
#[test]
fn mutated_files_never_panic() {
    let mut random = fastrand::Rng::with_seed(0x705e_d0ed);
    let seeds: Vec<String> = std::fs::read_dir(root().join("config"))
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .chain(FAULTS.iter().map(|(_, text)| (*text).to_owned()))
        // Uncommented, so that the damage meets values and not comments.
        .map(|text| text.lines().map(uncommented).collect::<Vec<_>>().join("\n"))
        .collect();
    let pieces = [
        "\"",
        "[",
        "]",
        "[[camera]]",
        "=",
        "\n",
        "'''",
        "nan",
        "-1",
        "1e400",
        "\u{0}",
        "é",
        "\r",
        "\\u00e9",
        "{",
        "}",
        ".",
        ",",
        "0x",
        "://",
        "@",
    ];
    let mut taken = 0;
    for _ in 0..1000 {
        let mut text: Vec<char> = seeds[random.usize(..seeds.len())].chars().collect();
        for _ in 0..random.usize(1..6) {
            let at = random.usize(..=text.len());
            match random.u8(..4) {
                0 => drop(text.splice(at..at, pieces[random.usize(..pieces.len())].chars())),
                1 => drop(text.drain(at..text.len().min(at + random.usize(1..20)))),
                2 if at < text.len() => text[at] = random.char(..),
                _ => text.truncate(at),
            }
        }
        let text: String = text.into_iter().collect();
        match parse(&text) {
            Ok(_) => taken += 1,
            Err(faults) => assert!(!faults.to_string().is_empty()),
        }
    }
    assert!(taken > 0, "the mutations leave nothing to parse");
}
