//! Secrets: from the environment, and from files that are not what they should be.

use super::{MINIMAL, good, machine, parse};
use posed::capture::Source;
use posed::config;

#[test]
fn sources_and_passwords_come_from_the_environment() {
    let config = good(
        "[mqtt]\nusername = \"{POSED_MQTT_PASSWORD}\"\npassword = \"{POSED_MQTT_PASSWORD}\"\n\
         [[camera]]\nname = \"a\"\nsource = \"rtsp://viewer:{CAM_PW}@cam.lan/main\"\n",
    );
    let login = config.mqtt.login.clone().unwrap();
    assert_eq!(login.username, "hunter2");
    assert!(login.password.is_some() && login.password_file.is_none());
    let Source::Rtsp { url, credentials: Some(login) } = &config.cameras[0].source else {
        panic!("{config:?}")
    };
    assert_eq!((url.as_str(), login.password.as_str()), ("rtsp://cam.lan/main", "hunter2/1"));
}

#[test]
fn a_password_never_stands_in_a_message() {
    let text = "[mqtt]\nusername = \"u\"\npassword = \"{POSED_MQTT_PASSWORD}\"\n\
                [[camera]]\nname = \"a\"\nsource = \"rtp://viewer:{CAM_PW}@cam.lan/main\"\n";
    let faults = parse(text).unwrap_err().to_string();
    assert!(faults.contains("unknown scheme") && !faults.contains("hunter2"), "{faults}");
}

#[test]
fn a_variable_that_is_not_set_is_an_error_at_its_place() {
    let faults =
        parse(&format!("[mqtt]\nurl = \"mqtt://{{BROKER_HOST}}\"\n{MINIMAL}")).unwrap_err().to_string();
    assert!(
        faults
            .starts_with("posed.toml:2:7: error: mqtt.url: the environment variable BROKER_HOST is not set")
    );
    assert!(faults.contains("systemctl edit posed"), "{faults}");
}

#[test]
fn an_odd_password_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("posed.toml");
    let text = format!("[mqtt]\nusername = \"u\"\npassword_file = \"password\"\n{MINIMAL}");
    for (content, wrong, want) in [
        ("\u{feff}hunter2\n", true, "byte order mark"),
        ("hunter2\nsecond\n", true, "more than one line"),
        ("hunter2\n\n", true, "more than one line"),
        (" hunter2\n", false, "blanks before"),
        ("hunter2 \n", false, "blanks after"),
        ("\"hunter2\"\n", false, "quotes"),
    ] {
        std::fs::write(dir.path().join("password"), content).unwrap();
        let said = match config::parse(&text, &path, &machine()) {
            Ok(loaded) => loaded.warnings.iter().map(|warning| warning.to_string()).collect(),
            Err(faults) => faults.to_string(),
        };
        assert_eq!(said.contains("1 error"), wrong, "{content:?}: {said}");
        assert!(said.contains(want) && !said.contains("hunter2"), "{content:?}: {said}");
    }
}
