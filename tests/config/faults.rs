//! What `posed check` says of each kind of fault is kept in `faults.txt`. After a change of
//! wording, write it anew with `POSED_BLESS=1 cargo test --test config` and read the difference.

use super::{MINIMAL, parse};
use crate::common::{assert_golden, root};
use crate::shipped::is_commented_key;
use std::fmt::Write as _;

/// One file for each kind of fault; blocks in it are `--- name`, the configuration, `>>>`, what is
/// said.
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
    ("prefix with a blank at its end", "[mqtt]\nprefix = \"posed \"\n"),
    ("prefix with a blank in a level", "[mqtt]\nprefix = \"site/ hall\"\n"),
    ("client id with a blank at its end", "[mqtt]\nclient_id = \"posed \"\n"),
    ("variable that is not set", "[mqtt]\nusername = \"{MQTT_USER}\"\n"),
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
    ("http address", "[http]\nlisten = \"localhost\"\ntoken_file = \"/nonexistent/token\"\n"),
    ("http for everybody", "[http]\nlisten = \"0.0.0.0:8750\"\n"),
    ("http with pictures", "[http]\nlisten = \"127.0.0.1:8750\"\nsnapshots = true\n"),
    ("http with edit of the wrong kind", "[http]\nlisten = \"127.0.0.1:8750\"\nedit = \"yes\"\n"),
    ("http that may edit, for everybody", "[http]\nlisten = \"0.0.0.0:8750\"\nedit = true\n"),
    ("http that may edit, without an address", "[http]\nedit = true\n"),
    (
        "http that may edit, without a token",
        "[http]\nlisten = \"127.0.0.1:8750\"\nedit = true\n[mqtt]\nurl = 1\n",
    ),
    ("http without an address", "[http]\nhosts = [\"posed.lan\"]\n"),
    ("http names", "[http]\nlisten = \"127.0.0.1:8750\"\nhosts = [\"posed.lan:8750\"]\n"),
    ("history days", "[history]\ndays = 400\nday = 7\n"),
    (
        "duplicate names",
        "[[camera]]\nname = \"a\"\nsource = \"test://\"\n[[camera]]\nname = \"a\"\nsource = \"test://ball\"\n",
    ),
    (
        "names unfit for a topic",
        "[[camera]]\nname = \"front/door\"\nsource = \"test://\"\n[[camera]]\nname = \"schema\"\nsource = \"test://\"\n[[camera]]\nname = \"\"\nsource = \"test://\"\n",
    ),
    (
        "names of dots",
        "[[camera]]\nname = \".\"\nsource = \"test://\"\n[[camera]]\nname = \"..\"\nsource = \"test://\"\n",
    ),
    (
        "sources",
        "[[camera]]\nname = \"a\"\nsource = \"clip.mp4\"\n[[camera]]\nname = \"b\"\nsource = \"rtp://x\"\n[[camera]]\nname = \"c\"\nsource = \"rtsp://\"\n[[camera]]\nname = \"d\"\nsource = \"v4l2:///dev/video0?width=wide\"\n",
    ),
    (
        "credentials in a bad source are masked",
        "[[camera]]\nname = \"a\"\nsource = \"ftp://admin:hunter2@cam/x\" # mine\n",
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
    ("zones as a number", "[[camera]]\nname = \"a\"\nsource = \"test://\"\nzone = 5\n"),
    (
        "zones, lines and events",
        "[[camera]]\nname = \"a\"\nsource = \"test://\"\n\
         [[camera.zone]]\nname = \"b/c\"\npolygon = [[0, 0], [1, 0]]\n\
         [[camera.zone]]\nname = \"bed\"\npolygon = [[0, 0], [0.5, 0.5], [1, 1]]\n\
         [[camera.zone]]\nname = \"bed\"\npolygon = [[0, 0], [2, 0], [1, 1]]\nby = \"head\"\n\
         enter_s = -1\nleave_s = 4000\nempty_s = \"2\"\n\
         [[camera.line]]\nname = \"door\"\nfrom = [0.5, 0.5]\nto = [0.5, 0.5]\n\
         [[camera.event]]\ntype = \"fal\"\n\
         [[camera.event]]\ntype = \"fall\"\nconfirm_s = 0\nclear_s = nan\nignore_zones = [\"sofa\"]\n\
         [[camera.event]]\ntype = \"fall\"\nafter_s = 5\n",
    ),
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
    assert_golden("tests/config/faults.txt", &said);
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
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| std::fs::read_to_string(path).unwrap())
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
