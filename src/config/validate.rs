//! Checks of single values: topics, URLs, regions, log levels, files.

use super::read::{Wrong, text, wrong};
use super::types::BrokerUrl;
use crate::publish::topics::RESERVED;
use std::path::{Path, PathBuf};
use toml::de::DeValue;

/// Longest camera name and client id.
const LONGEST_NAME: usize = 64;
/// Longest topic prefix. Topics may have 65535 bytes, but brokers' access lists allow fewer.
const LONGEST_PREFIX: usize = 200;
/// The name of a camera: a level of its topics, and part of its threads' names.
pub(super) fn camera_name(value: &DeValue<'_>) -> Result<String, Wrong> {
    let name = level_name(value)?;
    if RESERVED.contains(&name.as_str()) {
        return wrong(format!("{name:?} is reserved for another topic"), "use another name");
    }
    Ok(name)
}

/// The name of a zone or a line: a level of its topics.
pub(super) fn level_name(value: &DeValue<'_>) -> Result<String, Wrong> {
    let name = text(value)?;
    let remedy = "use letters, digits, '-', '_' and '.', such as \"front-door\"";
    if let Some(c) = name.chars().find(|c| !c.is_ascii_alphanumeric() && !"-_.".contains(*c)) {
        return wrong(format!("{name:?} is unfit for a topic: it holds {c:?}"), remedy);
    }
    if name.chars().all(|c| c == '.') {
        // A file or a page of that name would be a folder.
        return wrong(format!("{name:?} holds only dots"), remedy);
    }
    if name.len() > LONGEST_NAME {
        return wrong(format!("is longer than {LONGEST_NAME} characters"), "use a shorter name");
    }
    Ok(name)
}

/// The start of every topic: levels that are not empty and hold no wildcards.
pub(super) fn prefix(value: &DeValue<'_>) -> Result<String, Wrong> {
    let prefix = text(value)?;
    let remedy = "use levels such as \"posed\" or \"site/hall\"";
    if prefix.starts_with('$') {
        return wrong("starts with '$', which is the broker's own", remedy);
    }
    if let Some(c) = prefix.chars().find(|c| "+#".contains(*c) || c.is_control()) {
        return wrong(format!("{prefix:?} is unfit for a topic: it holds {c:?}"), remedy);
    }
    if prefix.split('/').any(str::is_empty) {
        return wrong(
            format!("{prefix:?} has an empty level"),
            "remove the '/' at its start or end, or the double one",
        );
    }
    if let Some(level) = prefix.split('/').find(|level| level.trim() != *level) {
        return wrong(format!("the level {level:?} begins or ends with a blank"), "remove the blank");
    }
    if prefix.len() > LONGEST_PREFIX {
        return wrong(format!("is longer than {LONGEST_PREFIX} bytes"), "use a shorter prefix");
    }
    Ok(prefix)
}

/// A client id. MQTT 3.1.1 allows any text; brokers and rumqttc refuse some.
pub(super) fn client_id(value: &DeValue<'_>) -> Result<String, Wrong> {
    let id = text(value)?;
    if id.trim() != id || id.chars().any(|c| c.is_control() || "+#/".contains(c)) {
        return wrong(
            format!("{id:?} is unfit for a client id"),
            "use letters, digits, '-' and '_', at most 64, unique at the broker",
        );
    }
    if id.len() > LONGEST_NAME {
        return wrong(
            format!("is longer than {LONGEST_NAME} bytes"),
            "use a shorter one, unique at the broker",
        );
    }
    Ok(id)
}

/// `mqtt://host[:port]` or `mqtts://host[:port]`.
pub(super) fn broker_url(value: &DeValue<'_>) -> Result<BrokerUrl, Wrong> {
    let url = text(value)?;
    let remedy = "write mqtt://HOST[:PORT] (1883) or mqtts://HOST[:PORT] (8883, TLS)";
    let Some((scheme, rest)) = url.split_once("://") else {
        return wrong("has no scheme", remedy);
    };
    // Schemes have no case.
    let tls = match scheme.to_ascii_lowercase().as_str() {
        "mqtt" | "tcp" => false,
        "mqtts" | "ssl" => true,
        _ => return wrong(format!("{scheme}:// is not known"), remedy),
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.contains('@') {
        return wrong("holds a user name or password", "use the keys username and password_file instead");
    }
    if rest.contains(['/', '?', '#']) {
        return wrong("has text after the port", remedy);
    }
    let (host, port) = match rest.strip_prefix('[').and_then(|r| r.split_once(']')) {
        Some((address, port)) if address.parse::<std::net::Ipv6Addr>().is_ok() => (address, port),
        Some(_) => return wrong("has no IPv6 address in its brackets", remedy),
        None => rest.split_at(rest.find(':').unwrap_or(rest.len())),
    };
    if host.is_empty() || host.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return wrong("has no host", remedy);
    }
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => {
            if tls {
                8883
            } else {
                1883
            }
        }
        Some(digits) => match digits.parse::<u16>() {
            Ok(port) if port != 0 => port,
            _ => return wrong(format!("{digits:?} is not a port"), "use a port from 1 to 65535"),
        },
        None => return wrong("has text after the host", remedy),
    };
    if tls && host.contains(':') {
        // rumqttc passes the address to the verifier with its brackets.
        return wrong("TLS to an IPv6 address cannot be verified", "use the broker's name");
    }
    Ok(BrokerUrl { tls, host: host.to_owned(), port })
}

/// `[x, y, w, h]` of a region, as fractions of the frame.
pub(super) fn roi(value: &DeValue<'_>) -> Result<[f32; 4], Wrong> {
    let remedy = "write [x, y, width, height] as fractions of the upright frame, such as [0.25, 0, 0.5, 1]";
    let DeValue::Array(items) = value else { return wrong("is not a list", remedy) };
    let mut numbers = Vec::new();
    for item in items.iter() {
        match super::read::number(-1e9..=1e9)(item.get_ref()) {
            Ok(n) => numbers.push(n),
            Err(_) => return wrong("holds something that is not a number", remedy),
        }
    }
    let Ok([x, y, w, h]) = <[f64; 4]>::try_from(numbers.as_slice()) else {
        return wrong(format!("has {} numbers, not 4", numbers.len()), remedy);
    };
    if w <= 0.0 || h <= 0.0 {
        return wrong("is empty: its width and height must be above 0", remedy);
    }
    // Rounding of decimal fractions must not make 0.3 + 0.7 too wide.
    let most = 1.0 + 1e-6;
    if x < 0.0 || y < 0.0 || x + w > most || y + h > most {
        let pixels = if w > 1.0 || h > 1.0 { " (these look like pixels)" } else { "" };
        return wrong(format!("reaches outside the frame{pixels}"), remedy);
    }
    Ok([x as f32, y as f32, w as f32, h as f32])
}

/// `level`, or `level,target=level,...`.
pub(super) fn log_level(value: &DeValue<'_>) -> Result<String, Wrong> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let given = text(value)?;
    for part in given.split(',') {
        let level = part.rsplit_once('=').map_or(part, |(_, level)| level).trim();
        if !LEVELS.contains(&level.to_ascii_lowercase().as_str()) {
            return wrong(
                format!("{level:?} is not a log level"),
                "use error, warn, info, debug or trace, or a list such as \"info,posed::capture=debug\"",
            );
        }
    }
    Ok(given)
}

/// Name of a systemd credential: a file name.
pub(super) fn credential(value: &DeValue<'_>) -> Result<String, Wrong> {
    let name = text(value)?;
    if name.contains('/') || name == "." || name == ".." || name.chars().any(char::is_control) {
        return wrong(
            format!("{name:?} is not a credential's name"),
            "use the NAME of the unit's LoadCredential=NAME",
        );
    }
    Ok(name)
}

/// A path; relative ones start at `base`.
pub(super) fn path(base: &Path) -> impl Fn(&DeValue<'_>) -> Result<PathBuf, Wrong> {
    move |value| {
        let text = text(value)?;
        if text.contains('\0') {
            return wrong("holds a NUL character", "remove it");
        }
        Ok(base.join(text))
    }
}

/// The path of a readable file.
pub(super) fn file(base: &Path) -> impl Fn(&DeValue<'_>) -> Result<PathBuf, Wrong> {
    move |value| {
        let path = path(base)(value)?;
        match super::from_file::open(&path).and_then(|f| f.metadata()) {
            Ok(meta) if meta.is_file() => Ok(path),
            Ok(_) => wrong(format!("{} is not a file", path.display()), "name a file"),
            Err(e) => wrong(
                format!("cannot read {}: {e}", path.display()),
                "name a file that exists and that the daemon's user may read",
            ),
        }
    }
}
