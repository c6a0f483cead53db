//! `cross/sbom.py` lists what is in a package.

use crate::{read, root};
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;

const TRIPLE: &str = "x86_64-unknown-linux-gnu";

/// The document, and its bytes.
fn document() -> (Value, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("sbom.cdx.json");
    let script = root().join("cross/sbom.py");
    let status = Command::new("python3").arg(script).arg(TRIPLE).arg(&out).status().unwrap();
    assert!(status.success());
    let bytes = std::fs::read(&out).unwrap();
    (serde_json::from_slice(&bytes).unwrap(), bytes)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no {key}: {value}"))
}

/// "name version" of the components of a kind and scope.
fn named(components: &[Value], kind: &str, scope: &str) -> BTreeSet<String> {
    let wanted = components.iter().filter(|c| c["type"] == kind && c["scope"] == scope);
    wanted.map(|c| format!("{} {}", text(c, "name"), text(c, "version"))).collect()
}

/// Names and versions of the crates that cargo links into the binary, by cargo's own resolver.
fn linked() -> BTreeSet<String> {
    let edges = "normal,no-proc-macro";
    let out = Command::new(env!("CARGO"))
        .current_dir(root())
        .args([
            "tree", "--locked", "--target", TRIPLE, "--edges", edges, "--prefix", "none", "--format", "{p}",
        ])
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let lines = String::from_utf8(out.stdout).unwrap();
    let crates = lines.lines().filter(|line| !line.is_empty() && !line.starts_with("posed "));
    crates.map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ").replace(" v", " ")).collect()
}

/// The checksum of "name version" in Cargo.lock.
fn checksum(lock: &toml::Table, package: &str) -> Option<String> {
    let packages = lock["package"].as_array().unwrap();
    let is_it = |p: &&toml::Value| {
        format!("{} {}", p["name"].as_str().unwrap(), p["version"].as_str().unwrap()) == package
    };
    Some(packages.iter().find(is_it)?["checksum"].as_str()?.to_owned())
}

fn sha256(component: &Value) -> &str {
    assert_eq!(text(&component["hashes"][0], "alg"), "SHA-256", "{component}");
    text(&component["hashes"][0], "content")
}

#[test]
fn the_list_of_a_package_holds_every_linked_crate_and_every_model() {
    let (document, bytes) = document();
    assert_eq!((text(&document, "bomFormat"), text(&document, "specVersion")), ("CycloneDX", "1.5"));
    assert!(text(&document, "serialNumber").starts_with("urn:uuid:"));
    let posed = &document["metadata"]["component"];
    assert_eq!((text(posed, "name"), text(posed, "version")), ("posed", env!("CARGO_PKG_VERSION")));
    let components = document["components"].as_array().unwrap();
    let crates = named(components, "library", "required");
    assert_eq!(crates, linked());
    assert!(named(components, "library", "excluded").is_disjoint(&crates));

    let lock: toml::Table = read("Cargo.lock").parse().unwrap();
    for component in components.iter().filter(|c| c["type"] == "library") {
        let package = format!("{} {}", text(component, "name"), text(component, "version"));
        assert_eq!(Some(sha256(component).to_owned()), checksum(&lock, &package), "{package}");
        let licence = text(&component["licenses"][0], "expression");
        assert!(!licence.is_empty() && !licence.contains('/'), "{package}: {licence}");
    }
    models(components);
    assert_eq!(self::document().1, bytes, "two runs differ");
    validate(&bytes);
}

/// Every model that the package installs, with the hash that its manifest gives.
fn models(components: &[Value]) {
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let assets = manifest["package"]["metadata"]["deb"]["assets"].as_array().unwrap();
    let folders = assets.iter().filter_map(|asset| asset[0].as_str()?.strip_suffix("/model.*"));
    let mut count = 0;
    for folder in folders {
        let model: toml::Table = read(&format!("{folder}/model.toml")).parse().unwrap();
        let is_it = |c: &&Value| {
            c["type"] == "machine-learning-model" && c["name"].as_str() == model["name"].as_str()
        };
        let component = components.iter().find(is_it).unwrap_or_else(|| panic!("{folder} is missing"));
        assert_eq!(Some(sha256(component)), model["file"]["sha256"].as_str());
        assert_eq!(Some(text(component, "version")), model["version"].as_str());
        assert_eq!(Some(text(&component["licenses"][0], "expression")), model["licence"].as_str());
        count += 1;
    }
    assert_eq!(named(components, "machine-learning-model", "required").len(), count);
    assert!(count > 0, "the package has no model");
}

/// Validates the document by CycloneDX's schema, where the Python of the tests has it.
fn validate(bytes: &[u8]) {
    const CHECK: &str = "import sys
try:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator
    validator = JsonStrictValidator(SchemaVersion.V1_5)
except Exception as e:
    print('skipped:', e)
    sys.exit()
error = validator.validate_str(open(sys.argv[1]).read())
sys.exit(str(error) if error else 0)
";
    let python = std::env::var_os("POSED_PYTHON").unwrap_or_else(|| "python3".into());
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let out = Command::new(python).arg("-c").arg(CHECK).arg(file.path()).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    eprint!("{}", String::from_utf8_lossy(&out.stdout));
}
