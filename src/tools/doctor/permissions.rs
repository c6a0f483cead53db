//! Whether the service's user may open what it needs: device nodes, through its groups, and the
//! files that the configuration names. Root can read those, the service perhaps not.

use super::diagnosis::{Diagnosis, Level};
use super::machine::Machine;
use crate::capture::Source;
use crate::config::Config;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Groups that the unit gives the service.
const GROUPS: [&str; 2] = ["video", "render"];
/// Where the service's configuration is.
const SERVICE_FOLDER: &str = "/etc/posed";
/// Device nodes of cameras and decoders: folder, start of the name, udev subsystem.
const NODES: [(&str, &str, &str); 7] = [
    ("/dev", "video", "video4linux"),
    ("/dev", "media", "media"),
    ("/dev/dri", "renderD", "drm"),
    ("/dev/dma_heap", "", "dma_heap"),
    ("/dev", "vchiq", "*"),
    ("/dev", "nvhost-", "*"),
    ("/dev", "nvmap", "*"),
];

pub(super) fn examine(machine: &Machine, config: Option<&Config>, report: &mut Diagnosis) {
    nodes(machine, report);
    // Another configuration is run by hand, as the user who can read it: `posed check` has read its
    // files.
    if let Some(config) = config.filter(|config| is_of_service(&config.file)) {
        files(config, report);
    }
}

/// Whether the service runs with this configuration: the unit names it.
fn is_of_service(file: &Path) -> bool {
    std::fs::canonicalize(file).unwrap_or_else(|_| file.to_owned()).starts_with(SERVICE_FOLDER)
}

fn nodes(machine: &Machine, report: &mut Diagnosis) {
    let groups = machine.read("/etc/group").unwrap_or_default();
    let gids: Vec<u32> = GROUPS.iter().filter_map(|name| gid(&groups, name)).collect();
    let (mut good, mut closed_to_us) = (Vec::new(), Vec::new());
    for (folder, prefix, subsystem) in NODES {
        for name in machine.list(folder, prefix) {
            let node = format!("{folder}/{name}");
            let path = machine.path(&node);
            let Ok(meta) = std::fs::metadata(&path) else { continue };
            if !may_open(meta.mode(), meta.gid(), &gids) {
                let rule = format!(
                    "echo 'SUBSYSTEM==\"{subsystem}\", KERNEL==\"{name}\", GROUP=\"video\", MODE=\"0660\"' \
                     | sudo tee -a /etc/udev/rules.d/70-posed.rules; sudo udevadm control --reload; \
                     sudo udevadm trigger"
                );
                let found = format!("the service may not open {node}: its group is neither video nor render");
                report.add(Level::Warning, "permissions", found, rule);
                continue;
            }
            use rustix::fs::Access;
            if rustix::fs::access(&path, Access::READ_OK | Access::WRITE_OK).is_err() {
                closed_to_us.push(node.clone());
            }
            good.push(node);
        }
    }
    if !closed_to_us.is_empty() {
        report.add(
            Level::Note,
            "permissions",
            format!("the service may open {}, you may not; the checks below run as you", closed_to_us.join(" ")),
            "run `sudo posed doctor`, or join the groups: `sudo usermod -aG video,render $USER` and log in again",
        );
    }
    if good.is_empty() {
        report.ok("permissions", "/dev has no camera or codec nodes");
    } else {
        report.ok("permissions", format!("the service may open {}", good.join(" ")));
    }
}

/// The number of a group, from the text of /etc/group.
fn gid(groups: &str, name: &str) -> Option<u32> {
    let line = groups.lines().find(|line| line.split(':').next() == Some(name))?;
    line.split(':').nth(2)?.parse().ok()
}

/// Whether a member of `gids`, neither root nor the owner, may read and write.
fn may_open(mode: u32, gid: u32, gids: &[u32]) -> bool {
    mode & 0o006 == 0o006 || (mode & 0o060 == 0o060 && gids.contains(&gid))
}

/// Compares modes instead of opening the files: the doctor often runs as root, which reads all.
fn files(config: &Config, report: &mut Diagnosis) {
    let clips = config.cameras.iter().filter_map(|camera| match &camera.source {
        Source::File { path, .. } => Some(("camera", path.clone())),
        _ => camera.tls_ca.clone().map(|ca| ("camera", ca)),
    });
    let password = config.mqtt.login.as_ref().and_then(|login| login.password_file.clone());
    let tls = &config.mqtt.tls;
    let certificates = tls.ca.iter().chain(tls.identity.iter().flat_map(|(cert, key)| [cert, key])).cloned();
    let mqtt = password.into_iter().chain(certificates).map(|path| ("mqtt", path));
    for (area, path) in clips.chain(mqtt) {
        let Some(closed) = closed(&path) else { continue };
        let remedy = if area == "mqtt" {
            "for a password: put it into /etc/credstore/posed-mqtt-password and set password_credential = \
             \"posed-mqtt-password\"; for a certificate: chgrp it to video with mode 0640"
        } else {
            "`chmod o+r` the file and `chmod o+x` its folders; the service cannot see /home at all"
        };
        let found = format!("the service's user cannot read {}: {closed}", path.display());
        report.add(Level::Warning, "permissions", found, remedy);
    }
}

/// Why a user without special rights cannot read `path`. The service can read its own credentials.
fn closed(path: &Path) -> Option<String> {
    let path = std::fs::canonicalize(path).ok()?;
    if path.starts_with("/run/credentials") {
        return None;
    }
    if path.starts_with("/home") || path.starts_with("/root") {
        return Some("the unit hides home folders (ProtectHome=)".into());
    }
    let mut parents: Vec<PathBuf> = path.ancestors().skip(1).map(Path::to_owned).collect();
    parents.reverse();
    let mode = |path: &Path| std::fs::metadata(path).map_or(0, |meta| meta.mode());
    if let Some(folder) = parents.iter().find(|folder| mode(folder) & 0o001 == 0) {
        return Some(format!("{} is closed to others (mode {:o})", folder.display(), mode(folder) & 0o777));
    }
    (mode(&path) & 0o004 == 0).then(|| format!("its mode is {:o}", mode(&path) & 0o777))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_node_is_open_to_its_group_or_to_all() {
        let groups = "root:x:0:\nvideo:x:44:pi\nrender:x:106:\n";
        assert_eq!((gid(groups, "video"), gid(groups, "vide")), (Some(44), None));
        assert!(may_open(0o20660, 44, &[44, 106]));
        assert!(may_open(0o20666, 0, &[44]));
        assert!(!may_open(0o20660, 0, &[44]));
        assert!(!may_open(0o20640, 44, &[44]), "reading alone is not enough");
    }

    #[test]
    fn a_node_that_only_root_may_open_comes_with_a_rule() {
        let gid = std::fs::metadata("/proc/self").unwrap().gid();
        let (dir, machine) =
            Machine::with(&[("dev/video0", ""), ("etc/group", &format!("video:x:{gid}:\n"))]);
        let node = dir.path().join("dev/video0");
        let examined = |mode| {
            std::fs::set_permissions(&node, std::fs::Permissions::from_mode(mode)).unwrap();
            let mut report = Diagnosis::default();
            nodes(&machine, &mut report);
            report
        };
        let closed = examined(0o600);
        assert_eq!(closed.worst(), Level::Warning, "{closed:?}");
        assert!(closed.findings[0].remedy.as_ref().unwrap().contains("video4linux"));
        assert_eq!(examined(0o660).worst(), Level::Ok);
    }

    #[test]
    fn only_the_service_is_held_to_the_rights_of_its_user() {
        assert!(is_of_service(Path::new("/etc/posed/posed.toml")));
        let dir = tempfile::tempdir().unwrap();
        let text = "[mqtt]\nusername = \"u\"\npassword_file = \"password\"\n[[camera]]\nname = \"a\"\nsource = \"test://\"\n";
        let file = dir.path().join("password");
        std::fs::write(&file, "mine\n").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let machine = crate::config::Machine::default();
        let path = dir.path().join("posed.toml");
        let loaded = crate::config::parse(text, &path, &machine).unwrap();
        let (_root, machine) = Machine::with(&[("etc/group", "video:x:44:\n")]);
        let mut report = Diagnosis::default();
        examine(&machine, Some(&loaded.config), &mut report);
        assert_eq!(report.worst(), Level::Ok, "{report:?}");
    }

    #[test]
    fn a_file_in_a_closed_folder_is_closed() {
        let dir = tempfile::Builder::new().prefix("posed").tempdir_in("/tmp").unwrap();
        let file = dir.path().join("clip.mp4");
        std::fs::write(&file, "").unwrap();
        let set = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        set(dir.path(), 0o755);
        set(&file, 0o644);
        assert_eq!(closed(&file), None);
        set(&file, 0o600);
        assert!(closed(&file).unwrap().contains("600"));
        set(&file, 0o644);
        set(dir.path(), 0o700);
        assert!(closed(&file).unwrap().contains("closed"));
    }
}
