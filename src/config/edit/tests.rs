//! Zones are changed in the file; everything else in it stays as it is.

use super::{Error, read, write};
use crate::http::{LineSketch, ZoneChange, ZoneSheet, ZoneSketch};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;

const FILE: &str = r#"# My house.
[mqtt]
url = "mqtt://broker"   # the small one

[[camera]]
name = "hall"
source = "test://"
# rotate = 90

# Where we sleep.
[[camera.zone]]
name = "bed"   # the big one
polygon = [[0.1, 0.5], [0.50000, 0.5], [0.5, 0.9]]   # three corners
by = "body"
# dwell_s = 60

# The way in.
[[camera.line]]
name = "door"
from = [0.7, 0.9]
to = [0.7, 0.4]

[[camera.event]]
type = "fall"
ignore_zones = ["bed"]   # no fall there

# The other one.
[[camera]]
name = "yard"
source = "test://ball"
# max_fps = 5
"#;

fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("conf.d")).unwrap();
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    let path = dir.path().join("posed.toml");
    (dir, path)
}

/// A change that changes nothing.
fn kept(sheet: ZoneSheet) -> ZoneChange {
    let ZoneSheet { version, mut zones, mut lines, .. } = sheet;
    zones.iter_mut().for_each(|zone| zone.was = Some(zone.name.clone()));
    lines.iter_mut().for_each(|line| line.was = Some(line.name.clone()));
    ZoneChange { version, zones, lines }
}

fn zone(name: &str) -> ZoneSketch {
    let polygon = vec![[0.0, 0.0], [1.0, 0.0], [1.0 / 3.0, 1.0]];
    ZoneSketch { was: None, name: name.into(), polygon, by: "feet".into(), dwell_s: Some(2.5) }
}

#[test]
fn what_does_not_change_stays_byte_for_byte() {
    let (_dir, path) = folder(&[("posed.toml", FILE)]);
    for camera in ["hall", "yard"] {
        let sheet = read(&path, camera).unwrap();
        let again = write(&path, camera, &kept(sheet.clone())).unwrap();
        assert_eq!(again, sheet);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), FILE);
    }
    let sheet = read(&path, "hall").unwrap();
    assert_eq!((sheet.zones.len(), sheet.lines[0].from, sheet.zones[0].dwell_s), (1, [0.7, 0.9], None));
}

#[test]
fn a_zone_is_changed_in_its_place_and_events_follow_its_name() {
    let (_dir, path) = folder(&[("posed.toml", FILE)]);
    let mut change = kept(read(&path, "hall").unwrap());
    change.zones[0].name = "sofa".into();
    change.zones[0].polygon[2] = [0.5, 0.87654];
    change.lines[0].by = "body".into();
    write(&path, "hall", &change).unwrap();
    let want = FILE
        .replace("name = \"bed\"", "name = \"sofa\"")
        .replace("[[0.1, 0.5], [0.50000, 0.5], [0.5, 0.9]]", "[[0.1, 0.5], [0.5, 0.5], [0.5, 0.8765]]")
        .replace("to = [0.7, 0.4]\n", "to = [0.7, 0.4]\nby = \"body\"\n")
        .replace("[\"bed\"]", "[\"sofa\"]");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), want);
}

#[test]
fn new_zones_follow_their_camera_and_its_comments() {
    let (_dir, path) = folder(&[("posed.toml", FILE)]);
    let mut change = kept(read(&path, "hall").unwrap());
    change.zones.push(zone("rug"));
    write(&path, "hall", &change).unwrap();
    let rug = "\n[[camera.zone]]\nname = \"rug\"\npolygon = [[0.0, 0.0], [1.0, 0.0], [0.3333, 1.0]]\ndwell_s = 2.5\n";
    let hall = FILE.replace("# dwell_s = 60\n", &format!("# dwell_s = 60\n{rug}"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), hall);

    let mut change = kept(read(&path, "yard").unwrap());
    change.zones.push(zone("rug"));
    let line =
        LineSketch { was: None, name: "gate".into(), from: [0.0, 0.5], to: [1.0, 0.5], by: "feet".into() };
    change.lines.push(line);
    write(&path, "yard", &change).unwrap();
    let gate = "\n[[camera.line]]\nname = \"gate\"\nfrom = [0.0, 0.5]\nto = [1.0, 0.5]\n";
    assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{hall}{rug}{gate}"));
}

#[test]
fn a_zone_that_goes_leaves_the_comments_of_others() {
    let (_dir, path) = folder(&[("posed.toml", &FILE.replace("ignore_zones", "# ignore_zones"))]);
    let mut change = kept(read(&path, "hall").unwrap());
    change.zones.clear();
    change.lines.clear();
    write(&path, "hall", &change).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    for stays in ["# rotate = 90", "# dwell_s = 60", "# no fall there", "# The other one.", "# max_fps"] {
        assert!(text.contains(stays), "{stays} is not in\n{text}");
    }
    for goes in ["Where we sleep", "bed\"   #", "The way in", "camera.zone", "camera.line"] {
        assert!(!text.contains(goes), "{goes} is in\n{text}");
    }
    assert_eq!(text.find("# rotate").max(text.find("[[camera.event")), text.find("[[camera.event"));
    write(&path, "hall", &kept(read(&path, "hall").unwrap())).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_configuration_that_would_be_wrong_is_not_written() {
    let (_dir, path) = folder(&[("posed.toml", FILE)]);
    let refused = |alter: fn(&mut ZoneChange)| {
        let mut change = kept(read(&path, "hall").unwrap());
        alter(&mut change);
        let error = write(&path, "hall", &change).unwrap_err();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), FILE);
        let Error::Faults(faults) = error else { panic!("{error}") };
        faults.0.first().map(|fault| fault.key.clone()).unwrap_or_default()
    };
    assert_eq!(refused(|change| change.zones.clear()), "camera.hall.event.fall.ignore_zones");
    assert_eq!(refused(|change| change.zones[0].by = "hands".into()), "camera.hall.zone.bed.by");
    assert_eq!(refused(|change| change.zones[0].polygon.truncate(2)), "camera.hall.zone.bed.polygon");
    assert_eq!(refused(|change| change.zones.push(zone("bed"))), "camera.hall.zone.bed.name");
    assert_eq!(refused(|change| change.zones.push(zone("a/b"))), "camera.hall.zone[2].name");
    assert_eq!(refused(|change| change.lines[0].to = [2.0, 0.0]), "camera.hall.line.door.to");
    let many = |change: &mut ZoneChange| change.zones.extend((0..40).map(|n| zone(&n.to_string())));
    assert_eq!(refused(many), "camera.hall.zone");
}

#[test]
fn a_file_that_has_changed_is_not_written() {
    let (_dir, path) = folder(&[("posed.toml", FILE)]);
    let mut change = kept(read(&path, "hall").unwrap());
    change.zones.push(zone("rug"));
    let edited = FILE.replace("My house", "Our house");
    std::fs::write(&path, &edited).unwrap();
    assert!(matches!(write(&path, "hall", &change), Err(Error::Changed(_))));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), edited);
}

#[test]
fn the_file_that_has_the_camera_is_written_and_links_and_modes_stay() {
    let attic = "[[camera]]\nname = \"attic\"\nsource = \"test://\"";
    let (dir, path) = folder(&[("posed.toml", FILE), ("attic-of-this-box", attic)]);
    let link = dir.path().join("conf.d/attic.toml");
    std::os::unix::fs::symlink("../attic-of-this-box", &link).unwrap();
    let real = dir.path().join("attic-of-this-box");
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
    let mut change = kept(read(&path, "attic").unwrap());
    change.zones.push(zone("rug"));
    let sheet = write(&path, "attic", &change).unwrap();
    assert!(sheet.file.ends_with("conf.d/attic.toml"), "{}", sheet.file);
    let text = std::fs::read_to_string(&real).unwrap();
    assert!(text.starts_with(&format!("{attic}\n\n[[camera.zone]]\n")), "{text}");
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(std::fs::metadata(&real).unwrap().mode() & 0o777, 0o640);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), FILE);
    let names = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.count(), 3, "nothing else is left behind");
}

#[test]
fn cameras_that_cannot_be_edited_are_named() {
    let inline = "camera = [{ name = \"a\", source = \"test://\" }]\n";
    let (_dir, path) = folder(&[("posed.toml", inline)]);
    assert!(read(&path, "a").unwrap_err().to_string().contains("write [[camera]] sections"));
    assert!(matches!(read(&path, "b"), Err(Error::NoCamera(_))));
    let listed = "[[camera]]\nname = \"a\"\nsource = \"test://\"\nzone = []\n";
    let (_dir, path) = folder(&[("posed.toml", listed)]);
    let change = ZoneChange { zones: vec![zone("rug")], ..kept(read(&path, "a").unwrap()) };
    let error = write(&path, "a", &change).unwrap_err().to_string();
    assert!(error.contains("camera.a.zone") && error.contains("[[camera.zone]]"), "{error}");
    let (_dir, path) = folder(&[("posed.toml", "[mqtt\n")]);
    assert!(matches!(read(&path, "a"), Err(Error::Faults(_))));
}

#[test]
fn a_folder_that_the_daemon_may_not_write_gets_the_remedy() {
    let cause = std::io::Error::from(std::io::ErrorKind::ReadOnlyFilesystem);
    let error = Error::Write { file: "/etc/posed/posed.toml".into(), cause };
    assert!(error.is_forbidden());
    let text = error.to_string();
    assert!(text.contains("/etc/posed/posed.toml") && text.contains("ReadWritePaths=/etc/posed"), "{text}");
}
