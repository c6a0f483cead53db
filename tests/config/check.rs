//! What `posed check` says of a camera: its pipeline and all of its topics.

use crate::common::{assert_golden, posed, root};

/// Prints the lines of the cameras of `config`.
fn check(config: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("posed.toml");
    let model = root().join("models/lpn50-128x96");
    std::fs::write(&path, format!("[model]\npose = \"{}\"\n{config}", model.display())).unwrap();
    let out = posed(&["check", "--config"]).arg(&path).output().unwrap();
    let said = String::from_utf8(out.stdout).unwrap();
    assert!(out.status.success(), "{said}{}", String::from_utf8_lossy(&out.stderr));
    // The lines above are about this machine and the models.
    let cameras = said.lines().skip_while(|line| !line.starts_with("camera"));
    cameras.filter(|line| !line.ends_with("can be run")).map(|line| format!("{line}\n")).collect()
}

#[test]
fn check_lists_every_topic_of_a_camera() {
    let hall = "[[camera]]\nname = \"hall\"\nsource = \"test://\"\nfinder = \"none\"\n\
        [[camera.zone]]\nname = \"bed\"\npolygon = [[0, 0], [1, 0], [1, 1]]\n\
        [[camera.line]]\nname = \"door\"\nfrom = [0, 0]\nto = [1, 1]\n\
        [[camera.event]]\ntype = \"help\"\n";
    let all = check(&format!("[mqtt]\nprefix = \"site/posed\"\n{hall}"));
    let few = check(
        "[mqtt]\ncommands = false\n[[camera]]\nname = \"yard\"\nsource = \"test://\"\nfinder = \"none\"\n\
         [[camera.event]]\ntype = \"fall\"\nenabled = false\n",
    );
    assert_golden(
        "tests/config/check.txt",
        &format!("--- everything\n{all}\n--- no commands, no falls\n{few}"),
    );
}
