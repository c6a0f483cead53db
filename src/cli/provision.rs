//! `posed provision FLEET.toml --box NAME --out DIR`: what one box of a fleet needs.
//!
//! The fleet's file has the sections of posed.toml, which all boxes share, and a `[box.NAME]` for
//! each box with what differs. `{box}` in any text stands for the box's name.

use super::{exit, output};
use crate::config::{self, Machine};
use anyhow::{Context as _, bail, ensure};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use toml::{Table, Value};

/// Arguments of `posed provision`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  posed provision fleet.toml --box kitchen --out kitchen\n\n\
    Writes posed.toml, acl (lines for mosquitto's acl_file) and, for mqtts://, client.key and\n\
    client.csr, which the fleet's authority signs as client.pem. docs/fleet.md describes the fleet's file.")]
pub struct ProvisionArgs {
    /// The fleet's file.
    fleet: PathBuf,
    /// Name of the box: its user name, client id and topic level.
    #[arg(long = "box", value_name = "NAME")]
    name: String,
    /// Folder to write to; made if it is absent.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Longest name of a box: what is left of a client id after `posed-`.
const LONGEST_NAME: usize = 48;
/// The certificate that the fleet's authority signs, and its key.
const CERTIFICATE: &str = "client.pem";
const KEY: &str = "client.key";

/// Writes the box's files. A key that is there already is kept: it is the box's identity.
///
/// # Errors
/// If the fleet's file does not describe the box, or a file cannot be written.
pub fn run(args: &ProvisionArgs) -> anyhow::Result<ExitCode> {
    let text = std::fs::read_to_string(&args.fleet)
        .with_context(|| format!("cannot read {}", args.fleet.display()))?;
    let config = of_box(&text, &args.name).with_context(|| args.fleet.display().to_string())?;
    std::fs::create_dir_all(&args.out).with_context(|| format!("cannot create {}", args.out.display()))?;
    let path = args.out.join("posed.toml");
    if let Err(faults) = config::parse(&without_files(&config)?, &path, &Machine::here()) {
        output::note(format!("the configuration of {} is wrong:\n{faults}", args.name));
        return Ok(ExitCode::from(exit::CONFIG));
    }
    let head =
        format!("# Box {}. Written by `posed provision`: change the fleet's file instead.\n\n", args.name);
    write(&path, &(head + &toml::to_string(&config)?))?;
    let prefix = text_at(&config, "prefix").unwrap_or_default();
    write(&args.out.join("acl"), &acl(&args.name, prefix))?;
    let mut done = vec!["posed.toml", "acl"];
    if text_at(&config, "tls_cert").is_some() {
        certificate_request(&args.out, &args.name)?;
        done.extend([KEY, "client.csr"]);
    }
    output::print(&format!("{}: {}\n", args.out.display(), done.join(", ")))?;
    Ok(ExitCode::SUCCESS)
}

/// The configuration of box `name`.
fn of_box(fleet: &str, name: &str) -> anyhow::Result<Table> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    ensure!(
        !name.is_empty() && name.len() <= LONGEST_NAME && name.chars().all(fits),
        "{name:?} is unfit for a box: use at most {LONGEST_NAME} letters, digits, '-' and '_'"
    );
    let mut config: Table = toml::from_str(fleet)?;
    let Some(Value::Table(mut boxes)) = config.remove("box") else {
        bail!("there is no box: add [box.{name}] with its cameras");
    };
    let known: Vec<String> = boxes.keys().cloned().collect();
    let Some(Value::Table(own)) = boxes.remove(name) else {
        bail!("there is no [box.{name}]; there are: {}", known.join(", "));
    };
    merge(&mut config, own);
    let mqtt = config.entry("mqtt").or_insert_with(|| Value::Table(Table::new()));
    let Value::Table(mqtt) = mqtt else { bail!("mqtt is not a section: write [mqtt]") };
    let tls = mqtt.get("url").and_then(Value::as_str).is_some_and(|url| url.starts_with("mqtts"));
    let identity: &[(&str, &str)] = if tls { &[("tls_cert", CERTIFICATE), ("tls_key", KEY)] } else { &[] };
    let defaults = [("client_id", "posed-{box}"), ("username", "{box}"), ("prefix", "posed/{box}")];
    for (key, value) in defaults.iter().chain(identity) {
        mqtt.entry(*key).or_insert_with(|| Value::String((*value).to_owned()));
    }
    config.iter_mut().for_each(|(_, value)| name_box(value, name));
    Ok(config)
}

/// Puts `own` over `shared`: keys of sections one by one, everything else as a whole. Cameras are
/// added to the shared ones.
fn merge(shared: &mut Table, own: Table) {
    for (key, value) in own {
        match (shared.get_mut(&key), value) {
            (Some(Value::Table(shared)), Value::Table(own)) => merge(shared, own),
            (Some(Value::Array(shared)), Value::Array(own)) if key == "camera" => shared.extend(own),
            (_, value) => drop(shared.insert(key, value)),
        }
    }
}

/// Replaces `{box}` in every text.
fn name_box(value: &mut Value, name: &str) {
    match value {
        Value::String(text) => *text = text.replace("{box}", name),
        Value::Array(items) => items.iter_mut().for_each(|item| name_box(item, name)),
        Value::Table(table) => table.iter_mut().for_each(|(_, value)| name_box(value, name)),
        _ => {}
    }
}

/// The configuration without the keys that name files of the box, which are not here.
fn without_files(config: &Table) -> anyhow::Result<String> {
    const FILES: [&str; 4] = ["password_file", "tls_ca", "tls_cert", "tls_key"];
    let mut config = config.clone();
    let prune = |value: &mut Value| {
        if let Value::Table(table) = value {
            FILES.iter().for_each(|key| drop(table.remove(*key)));
        }
    };
    for (key, value) in config.iter_mut() {
        match value {
            Value::Array(cameras) if key == "camera" => cameras.iter_mut().for_each(prune),
            section => prune(section),
        }
    }
    Ok(toml::to_string(&config)?)
}

/// A text of `[mqtt]`.
fn text_at<'a>(config: &'a Table, key: &str) -> Option<&'a str> {
    config.get("mqtt")?.get(key)?.as_str()
}

/// A box writes and reads below its prefix, and nothing else.
fn acl(name: &str, prefix: &str) -> String {
    format!("user {name}\ntopic readwrite {prefix}/#\n")
}

/// Makes the box's key, if there is none, and asks for a certificate in the box's name.
fn certificate_request(out: &Path, name: &str) -> anyhow::Result<()> {
    let key = out.join(KEY);
    if !key.exists() {
        // Made empty with its mode first, so that no other user can read what openssl writes.
        write(&key, "")?;
        let mut make = Command::new("openssl");
        make.args(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out"]).arg(&key);
        openssl(make)?;
    }
    let mut ask = Command::new("openssl");
    ask.args(["req", "-new", "-subj", &format!("/CN={name}"), "-key"]).arg(&key);
    ask.arg("-out").arg(out.join("client.csr"));
    openssl(ask)
}

fn openssl(mut command: Command) -> anyhow::Result<()> {
    let done = command.output().context("cannot run openssl: install the package openssl")?;
    ensure!(done.status.success(), "openssl fails: {}", String::from_utf8_lossy(&done.stderr).trim());
    Ok(())
}

/// Writes a file that only its owner can read.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let failed = || format!("cannot write {}", path.display());
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(path);
    file.with_context(failed)?.write_all(text.as_bytes()).with_context(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLEET: &str = r#"
        [mqtt]
        url = "mqtts://broker.example"
        tls_ca = "ca.pem"
        [log]
        level = "warn"
        [[box.kitchen.camera]]
        name = "door"
        source = "rtsp://{box}-cam/live"
        [box.hall]
        mqtt = { prefix = "care/{box}", keep_alive_s = 30 }
        camera = [{ name = "a", source = "test://" }]
    "#;

    #[test]
    fn a_box_gets_what_all_share_and_its_own() {
        let kitchen = of_box(FLEET, "kitchen").unwrap();
        let at = |config: &Table, key: &str| text_at(config, key).map(str::to_owned);
        assert_eq!(at(&kitchen, "client_id").as_deref(), Some("posed-kitchen"));
        assert_eq!(at(&kitchen, "prefix").as_deref(), Some("posed/kitchen"));
        assert_eq!(at(&kitchen, "tls_key").as_deref(), Some(KEY));
        assert_eq!(kitchen["log"]["level"].as_str(), Some("warn"));
        assert_eq!(kitchen["camera"][0]["source"].as_str(), Some("rtsp://kitchen-cam/live"));
        let hall = of_box(FLEET, "hall").unwrap();
        assert_eq!(at(&hall, "prefix").as_deref(), Some("care/hall"));
        assert_eq!(hall["mqtt"]["keep_alive_s"].as_integer(), Some(30));
        for config in [kitchen, hall] {
            let text = without_files(&config).unwrap();
            config::parse(&text, Path::new("posed.toml"), &Machine::default()).unwrap();
        }
    }

    #[test]
    fn a_box_that_is_not_there_or_has_no_name_is_refused() {
        let fault = |text: &str, name: &str| of_box(text, name).unwrap_err().to_string();
        assert!(fault(FLEET, "attic").contains("there are: hall, kitchen"), "{}", fault(FLEET, "attic"));
        assert!(fault(FLEET, "a/b").contains("unfit"));
        assert!(fault("[mqtt]\n", "a").contains("[box.a]"));
    }

    #[test]
    fn a_key_is_made_once_and_only_its_owner_reads_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        certificate_request(dir.path(), "kitchen").unwrap();
        let key = dir.path().join(KEY);
        let first = std::fs::read(&key).unwrap();
        assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        certificate_request(dir.path(), "kitchen").unwrap();
        assert_eq!(std::fs::read(&key).unwrap(), first);
        let request = std::fs::read_to_string(dir.path().join("client.csr")).unwrap();
        assert!(request.contains("BEGIN CERTIFICATE REQUEST"));
    }
}
