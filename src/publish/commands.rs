//! Commands to a camera: `<prefix>/<camera>/<name>/set`.
//!
//! | name | payload |
//! |---|---|
//! | `enabled` | `ON`, `OFF`: take the camera into service, or out of it |
//! | `events` | `ON`, `OFF`: publish its events, or not |
//! | `max_fps` | a number: highest frame rate; `0`: the one of the configuration |

use super::topics::Topics;

/// What a command asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Command {
    /// Take the camera into service, or out of it.
    Enabled(bool),
    /// Publish events, or not.
    Events(bool),
    /// Highest frame rate in frames per second; `None`: the one of the configuration.
    MaxFps(Option<f64>),
}

impl std::fmt::Display for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let on_off = |on: &bool| if *on { "ON" } else { "OFF" };
        match self {
            Command::Enabled(on) => write!(f, "enabled {}", on_off(on)),
            Command::Events(on) => write!(f, "events {}", on_off(on)),
            Command::MaxFps(Some(fps)) => write!(f, "max_fps {fps}"),
            Command::MaxFps(None) => write!(f, "max_fps as configured"),
        }
    }
}

/// A message on a command topic.
#[derive(Clone, Debug, PartialEq)]
pub struct CameraCommand {
    /// The camera of the topic. It may not exist.
    pub camera: String,
    /// What it asks for, or what is wrong with it.
    pub command: Result<Command, String>,
}

/// Smallest and largest rate that `max_fps` takes, in frames per second.
const RATES: std::ops::RangeInclusive<f64> = 0.1..=1000.0;

/// Topic filters of all commands below `prefix`.
pub fn filters(prefix: &str) -> [String; 3] {
    Topics::new(prefix).commands("+")
}

/// Reads a message. `None` if its topic is not that of a command.
pub fn parse(prefix: &str, topic: &str, payload: &[u8]) -> Option<CameraCommand> {
    let (camera, name) = Topics::new(prefix).command_of(topic)?;
    let command = match std::str::from_utf8(payload) {
        Ok(text) => command(name, text.trim()),
        Err(_) => Err("the payload is not UTF-8".to_owned()),
    };
    let command = command.map_err(|reason| format!("{name}/set: {reason}"));
    Some(CameraCommand { camera: camera.to_owned(), command })
}

fn command(name: &str, text: &str) -> Result<Command, String> {
    if name == "max_fps" {
        return rate(text).map(Command::MaxFps);
    }
    let on = match text.to_ascii_uppercase().as_str() {
        "ON" => true,
        "OFF" => false,
        _ => return Err(format!("{}: the payload must be ON or OFF", shown(text))),
    };
    Ok(if name == "enabled" { Command::Enabled(on) } else { Command::Events(on) })
}

fn rate(text: &str) -> Result<Option<f64>, String> {
    match text.parse::<f64>() {
        Ok(0.0) => Ok(None),
        Ok(fps) if RATES.contains(&fps) => Ok(Some(fps)),
        _ => Err(format!(
            "{}: the payload must be a number from {} to {}, or 0 for the rate of the configuration",
            shown(text),
            RATES.start(),
            RATES.end()
        )),
    }
}

/// A payload as it appears in an error: quoted, and cut if it is long.
fn shown(text: &str) -> String {
    const LONGEST: usize = 40;
    let cut: String = text.chars().take(LONGEST).collect();
    if cut.len() < text.len() { format!("{cut:?}...") } else { format!("{cut:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(topic: &str, payload: &str) -> Option<CameraCommand> {
        parse("home/posed", topic, payload.as_bytes())
    }

    #[test]
    fn commands_are_read() {
        let cases = [
            ("enabled", "ON", Command::Enabled(true)),
            ("enabled", " off\n", Command::Enabled(false)),
            ("events", "OFF", Command::Events(false)),
            ("max_fps", "7.5", Command::MaxFps(Some(7.5))),
            ("max_fps", "0", Command::MaxFps(None)),
        ];
        for (name, payload, want) in cases {
            let got = read(&format!("home/posed/hall/{name}/set"), payload).unwrap();
            assert_eq!(got, CameraCommand { camera: "hall".into(), command: Ok(want) }, "{name} {payload}");
        }
    }

    #[test]
    fn bad_payloads_are_named_with_a_remedy() {
        let long = "x".repeat(5000);
        for (name, payload) in [
            ("enabled", "maybe"),
            ("enabled", ""),
            ("events", "1"),
            ("max_fps", "fast"),
            ("max_fps", "-1"),
            ("max_fps", "NaN"),
            ("max_fps", "inf"),
            ("max_fps", "1e9"),
            ("max_fps", &long),
        ] {
            let error = read(&format!("home/posed/hall/{name}/set"), payload).unwrap().command.unwrap_err();
            assert!(error.starts_with(&format!("{name}/set: ")) && error.contains("must be"), "{error}");
            assert!(error.len() < 200, "{error}");
        }
        let error = parse("p", "p/hall/events/set", &[0xff]).unwrap().command.unwrap_err();
        assert!(error.contains("UTF-8"));
    }

    #[test]
    fn other_topics_are_no_commands() {
        for topic in [
            "home/posed/hall/poses",
            "home/posed/hall/enabled",
            "home/posed/hall/other/set",
            "home/posed/hall/bed/enabled/set",
            "home/posedx/hall/enabled/set",
            "homeassistant/status",
            "home/posed/set",
        ] {
            assert_eq!(read(topic, "ON"), None, "{topic}");
        }
    }
}
