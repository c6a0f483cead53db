//! What hangs on the machine: files, credentials, client ids, and a file that was changed.

use super::{MINIMAL, good, machine, parse};
use posed::config::{self, Machine};
use std::path::Path;

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
fn root_checks_the_credential_that_the_next_start_loads() {
    let dir = tempfile::tempdir().unwrap();
    let text = format!("[mqtt]\nusername = \"u\"\npassword_credential = \"mqtt\"\n{MINIMAL}");
    let here = Machine { credential_store: Some(dir.path().to_owned()), ..machine() };
    let check = || config::parse(&text, Path::new("posed.toml"), &here);
    assert_eq!(check().unwrap().warnings.len(), 1, "it is not there yet");
    std::fs::write(dir.path().join("mqtt"), "hunter2\n").unwrap();
    let loaded = check().unwrap();
    assert_eq!(loaded.config.mqtt.login.unwrap().password_file, Some(dir.path().join("mqtt")));
    assert_eq!(loaded.warnings.len(), 0);
    std::fs::write(dir.path().join("mqtt"), "").unwrap();
    assert!(check().unwrap_err().to_string().contains("is empty"));
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
fn a_pipe_without_a_writer_is_a_fault_and_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = |name: &str| {
        let path = dir.path().join(name);
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        path
    };
    let faults = config::load(&pipe("pipe.toml")).unwrap_err().to_string();
    assert!(faults.contains("cannot be read: it is a pipe that nobody writes to"), "{faults}");

    pipe("ca.pem");
    let path = dir.path().join("posed.toml");
    std::fs::write(&path, format!("[mqtt]\ntls_ca = \"ca.pem\"\n{MINIMAL}")).unwrap();
    let faults = config::load(&path).unwrap_err().to_string();
    assert!(faults.contains("ca.pem is not a file"), "{faults}");

    std::fs::write(&path, MINIMAL).unwrap();
    std::fs::create_dir(dir.path().join("conf.d")).unwrap();
    pipe("conf.d/box.toml");
    let faults = config::load(&path).unwrap_err().to_string();
    assert!(faults.contains("conf.d/box.toml: error: cannot be read"), "{faults}");
}

#[test]
fn a_source_that_is_a_pipe_is_a_warning_and_one_that_is_a_device_a_fault() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("video");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let camera = |path: &Path| format!("[[camera]]\nname = \"a\"\nsource = \"file://{}\"\n", path.display());
    let loaded = parse(&camera(&pipe)).unwrap();
    assert!(loaded.warnings[0].reason.contains("until a program writes to it"), "{:?}", loaded.warnings);
    let faults = parse(&camera(Path::new("/dev/null"))).unwrap_err().to_string();
    assert!(faults.contains("v4l2:///dev/video0"), "{faults}");
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
