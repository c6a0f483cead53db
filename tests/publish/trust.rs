//! Passwords and certificates: who is let in, who is believed.

use super::{connected, options, start};
use crate::certificates::Authority;
use crate::common::{Mosquitto, log_lines, wait_for};
use posed::publish::{Login, Options, Tls};
use std::path::Path;

fn set_password(broker_file: &Path, password: &str) {
    let done = std::process::Command::new("mosquitto_passwd")
        .args(["-b", "-c"])
        .args([broker_file.as_os_str(), "posed".as_ref(), password.as_ref()])
        .status()
        .unwrap();
    assert!(done.success());
}

#[test]
fn a_wrong_password_is_one_line_until_its_file_is_mended() {
    let dir = tempfile::tempdir().unwrap();
    let known = dir.path().join("known");
    set_password(&known, "right");
    let config = format!("allow_anonymous false\npassword_file {}\n", known.display());
    let broker = Mosquitto::with(&config);
    let file = dir.path().join("password");
    std::fs::write(&file, "wrong-hunter2\n").unwrap();
    let login = Login { username: "posed".into(), password_file: Some(file.clone()), ..Login::default() };
    let publisher = start(Options { login: Some(login), ..options(broker.port) });
    let refusals = || broker.log().matches("not authorised").count();
    wait_for("four attempts", || (refusals() >= 4).then_some(()));
    let mine = format!(":{}:", broker.port);
    let lines = log_lines(&mine);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains("ERROR") && lines[0].contains("password file"), "{lines:?}");

    std::fs::write(&file, "right\n").unwrap();
    connected(&publisher);
    let lines = wait_for("a second line", || Some(log_lines(&mine)).filter(|l| l.len() > 1));
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[1].contains("connected after") && !lines.concat().contains("hunter2"), "{lines:?}");

    std::fs::remove_file(&file).unwrap();
    drop(broker);
    wait_for("its own line", || log_lines(&mine).iter().any(|l| l.contains("no password")).then_some(()));
}

/// A TLS broker on localhost with a certificate for `host` that lasts `days`.
fn tls_broker(authority: &Authority, host: &str, days: i64, dir: &Path) -> Mosquitto {
    let files = authority.certify(host, days, dir);
    Mosquitto::with(&format!(
        "allow_anonymous true\ncertfile {}\nkeyfile {}\n",
        files.cert.display(),
        files.key.display()
    ))
}

/// Another folder below `dir`, so that certificates of one name do not overwrite each other.
fn elsewhere(dir: &tempfile::TempDir) -> std::path::PathBuf {
    let path = dir.path().join(fastrand::u64(..).to_string());
    std::fs::create_dir(&path).unwrap();
    path
}

/// Waits for the line that says why `broker` is not trusted.
fn distrust(broker: &Mosquitto, ca: std::path::PathBuf) -> String {
    let tls = Some(Tls { ca: Some(ca), identity: None });
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("secret");
    std::fs::write(&secret, "hunter2").unwrap();
    let login = Some(Login { username: "posed".into(), password_file: Some(secret), ..Login::default() });
    let publisher = start(Options { host: "localhost".into(), tls, login, ..options(broker.port) });
    let mine = format!(":{}:", broker.port);
    let lines = wait_for("a line", || Some(log_lines(&mine)).filter(|lines| !lines.is_empty()));
    publisher.stop();
    assert_eq!(publisher.stats().reconnects, 0);
    assert!(!publisher.connected() && !broker.log().contains("New client connected"));
    let lines = if lines.len() > 1 { log_lines(&mine) } else { lines };
    assert_eq!(lines.len(), 1, "{lines:#?}");
    lines[0].clone()
}

#[test]
fn tls_is_verified_and_never_done_without() {
    let dir = tempfile::tempdir().unwrap();
    let (authority, stranger) = (Authority::new(), Authority::new());
    let ca = authority.file(dir.path());

    let good = tls_broker(&authority, "localhost", 30, dir.path());
    let tls = Some(Tls { ca: Some(ca.clone()), identity: None });
    let publisher = start(Options { host: "localhost".into(), tls, ..options(good.port) });
    connected(&publisher);
    publisher.stop();

    let unknown = tls_broker(&stranger, "localhost", 30, &elsewhere(&dir));
    let said = distrust(&unknown, ca.clone());
    assert!(said.contains("unknown authority") && said.contains("tls_ca"), "{said}");
    let expired = tls_broker(&authority, "localhost", -1, &elsewhere(&dir));
    let said = distrust(&expired, ca.clone());
    assert!(said.contains("has expired"), "{said}");
    let other = tls_broker(&authority, "elsewhere.example", 30, dir.path());
    let said = distrust(&other, ca.clone());
    assert!(said.contains("another host"), "{said}");
    let plain = Mosquitto::start();
    let said = distrust(&plain, ca);
    assert!(said.contains("TLS port"), "{said}");
}

#[test]
fn a_broker_that_asks_for_a_certificate_gets_ours() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let ca = authority.file(dir.path());
    let server = authority.certify("localhost", 30, dir.path());
    let ours = authority.certify("posed", 30, dir.path());
    let broker = Mosquitto::with(&format!(
        "allow_anonymous true\ncertfile {}\nkeyfile {}\ncafile {}\nrequire_certificate true\n",
        server.cert.display(),
        server.key.display(),
        ca.display()
    ));
    let tls = Tls { ca: Some(ca), identity: Some((ours.cert.clone(), ours.key)) };
    let publisher =
        start(Options { host: "localhost".into(), tls: Some(tls.clone()), ..options(broker.port) });
    connected(&publisher);
    let not_a_key = Tls { identity: Some((ours.cert.clone(), ours.cert)), ..tls };
    let wrong = Options { tls: Some(not_a_key), ..options(broker.port) };
    assert!(wrong.check().unwrap_err().to_string().contains("PKCS#8"));
}
