//! The unit file as systemd reads it, and the package's metadata.

use crate::common::{posed, root};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn unit() -> PathBuf {
    root().join("systemd/posed.service")
}

fn analyze(args: &[&str], man: &Path) -> Output {
    Command::new("systemd-analyze")
        .args(args)
        .env("MANPATH", man)
        .output()
        .expect("systemd-analyze is installed (tests/deps.sh test)")
}

/// A file system with this system's units, our unit, and the files that it names: the binary and
/// the man page.
fn installed() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let at = |path: &str| dir.path().join(path);
    for folder in ["usr/bin", "usr/lib/systemd", "usr/share/man/man1"] {
        std::fs::create_dir_all(at(folder)).unwrap();
    }
    for link in ["bin", "lib"] {
        std::os::unix::fs::symlink(format!("usr/{link}"), at(link)).unwrap();
    }
    let units = Command::new("cp").args(["-r", "/lib/systemd/system"]).arg(at("usr/lib/systemd/")).status();
    assert!(units.unwrap().success());
    std::fs::copy(unit(), at("usr/lib/systemd/system/posed.service")).unwrap();
    std::fs::copy("/bin/kill", at("usr/bin/kill")).unwrap();
    std::fs::copy(env!("CARGO_BIN_EXE_posed"), at("usr/bin/posed")).unwrap();
    assert!(posed(&["assets"]).arg(at("usr/share/man/man1")).status().unwrap().success());
    dir
}

#[test]
fn systemd_verifies_the_unit_without_a_warning() {
    let dir = installed();
    let man = dir.path().join("usr/share/man");
    let verify = || {
        let root = format!("--root={}", dir.path().display());
        let out = analyze(&["verify", &root, "posed.service"], &man);
        (out.status.success(), String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned())
    };
    assert_eq!(verify(), (true, String::new()));
    // The check can fail: a misspelt key is a warning, a missing binary is an error.
    let path = dir.path().join("usr/lib/systemd/system/posed.service");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("WatchdogSec", "WatchdogSecs")).unwrap();
    assert!(verify().1.contains("WatchdogSecs"));
    std::fs::write(&path, text).unwrap();
    std::fs::remove_file(dir.path().join("usr/bin/posed")).unwrap();
    assert!(!verify().0);
}

#[test]
fn the_exposure_level_of_the_unit_is_1_9_at_most() {
    let unit = unit();
    let out =
        analyze(&["security", "--offline=true", "--threshold=19", unit.to_str().unwrap()], Path::new(""));
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "{said}{}", String::from_utf8_lossy(&out.stderr));
    let line = said.lines().find(|line| line.contains("Overall exposure level")).expect("a score");
    let score: f32 = line.split_whitespace().find_map(|word| word.parse().ok()).unwrap();
    assert!(score > 0.0 && score <= 1.9, "{line}");
}

#[test]
fn the_package_has_this_version_and_its_files_exist() {
    let changelog = std::fs::read_to_string(root().join("systemd/debian/changelog")).unwrap();
    let want = format!("posed ({}-1) ", env!("CARGO_PKG_VERSION"));
    assert!(changelog.starts_with(&want), "the package's changelog must begin with {want}");
    let manifest: toml::Table = std::fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    let deb = &manifest["package"]["metadata"]["deb"];
    for asset in deb["assets"].as_array().unwrap() {
        let source = asset[0].as_str().unwrap();
        let folder = Path::new(source).parent().unwrap();
        let built = source.starts_with("target/");
        assert!(built || root().join(folder).is_dir(), "{source}");
    }
    assert!(!deb["depends"].as_str().unwrap().contains('$'), "$auto is empty in cross builds");
    for script in ["postinst", "postrm"] {
        let path = root().join("systemd/debian").join(script);
        assert!(Command::new("sh").arg("-n").arg(&path).status().unwrap().success());
        assert!(std::fs::read_to_string(path).unwrap().contains("#DEBHELPER#"), "{script}");
    }
}
