//! Whether the service's user may open what it needs: device nodes by its groups, and the files that
//! the configuration names, which root can read and the service perhaps not.

use super::machine::Machine;
use super::report::{Level, Report};
use crate::capture::Source;
use crate::config::Config;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Groups that the unit gives the service.
const GROUPS: [&str; 2] = ["video", "render"];
/// Folders and first letters of the nodes that cameras and decoders are behind, and their subsystem.
const NODES: [(&str, &str, &str); 7] = [
    ("/dev", "video", "video4linux"),
    ("/dev", "media", "media"),
    ("/dev/dri", "renderD", "drm"),
    ("/dev/dma_heap", "", "dma_heap"),
    ("/dev", "vchiq", "*"),
    ("/dev", "nvhost-", "*"),
    ("/dev", "nvmap", "*"),
];

pub(super) fn examine(machine: &Machine, config: Option<&Config>, report: &mut Report) {
    nodes(machine, report);
    if let Some(config) = config {
        files(config, report);
    }
}

fn nodes(machine: &Machine, report: &mut Report) {
    let groups = machine.read("/etc/group").unwrap_or_default();
    let gids: Vec<u32> = GROUPS.iter().filter_map(|name| gid(&groups, name)).collect();
    let (mut good, mut ours_closed) = (Vec::new(), Vec::new());
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
                let found = format!("the service may not open {node}: it is not group video's or render's");
                report.add(Level::Warning, "permissions", found, rule);
                continue;
            }
            use rustix::fs::Access;
            if rustix::fs::access(&path, Access::READ_OK | Access::WRITE_OK).is_err() {
                ours_closed.push(node.clone());
            }
            good.push(node);
        }
    }
    if !ours_closed.is_empty() {
        report.add(
            Level::Note,
            "permissions",
            format!("you may not open {}, the service may; what follows is tried as you", ours_closed.join(" ")),
            "run `sudo posed doctor`, or join the groups: `sudo usermod -aG video,render $USER` and log in again",
        );
    }
    if good.is_empty() {
        report.ok("permissions", "no camera or codec nodes in /dev to be opened");
    } else {
        report.ok("permissions", format!("the service may open {}", good.join(" ")));
    }
}

/// Number of a group in the text of /etc/group.
fn gid(groups: &str, name: &str) -> Option<u32> {
    let line = groups.lines().find(|line| line.split(':').next() == Some(name))?;
    line.split(':').nth(2)?.parse().ok()
}

/// Whether a member of `gids` who is neither root nor the owner may read and write.
fn may_open(mode: u32, gid: u32, gids: &[u32]) -> bool {
    mode & 0o006 == 0o006 || (mode & 0o060 == 0o060 && gids.contains(&gid))
}

/// Root reads everything, so only a look at the modes tells.
fn files(config: &Config, report: &mut Report) {
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
            "a password: put it into /etc/credstore/posed-mqtt-password and set password_credential = \
             \"posed-mqtt-password\"; a certificate: chgrp it to video with mode 0640"
        } else {
            "chmod it, and give its folders o+x; the service sees nothing below /home at all"
        };
        let found = format!("the service's user cannot read {}: {closed}", path.display());
        report.add(Level::Warning, "permissions", found, remedy);
    }
}

/// Why somebody who is nobody in particular cannot read `path`; credentials are the service's own.
fn closed(path: &Path) -> Option<String> {
    let path = std::fs::canonicalize(path).ok()?;
    if path.starts_with("/run/credentials") {
        return None;
    }
    if path.starts_with("/home") || path.starts_with("/root") {
        return Some("the unit hides home folders (ProtectHome)".into());
    }
    let mut parents: Vec<PathBuf> = path.ancestors().skip(1).map(Path::to_owned).collect();
    parents.reverse();
    let mode = |path: &Path| std::fs::metadata(path).map_or(0, |meta| meta.mode());
    if let Some(folder) = parents.iter().find(|folder| mode(folder) & 0o001 == 0) {
        return Some(format!("{} is closed (mode {:o})", folder.display(), mode(folder) & 0o777));
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
    fn a_node_of_roots_alone_is_told_with_a_rule() {
        let gid = std::fs::metadata("/proc/self").unwrap().gid();
        let (dir, machine) =
            Machine::with(&[("dev/video0", ""), ("etc/group", &format!("video:x:{gid}:\n"))]);
        let node = dir.path().join("dev/video0");
        let said = |mode| {
            std::fs::set_permissions(&node, std::fs::Permissions::from_mode(mode)).unwrap();
            let mut report = Report::default();
            nodes(&machine, &mut report);
            report
        };
        let closed = said(0o600);
        assert_eq!(closed.worst(), Level::Warning, "{closed:?}");
        assert!(closed.findings[0].remedy.as_ref().unwrap().contains("video4linux"));
        assert_eq!(said(0o660).worst(), Level::Ok);
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
