//! The names of all topics of posed. Home Assistant's own are in `discovery`.
//!
//! ```text
//! <prefix>/availability              <prefix>/schema
//! <prefix>/<camera>/poses            <prefix>/<camera>/events
//! <prefix>/<camera>/<state>          <prefix>/<camera>/<zone or line>/<state>
//! <prefix>/<camera>/<command>/set    <prefix>/<camera>/error
//! ```

/// Levels below the prefix that are not cameras.
pub const RESERVED: [&str; 2] = ["availability", "schema"];

/// States that every camera has.
const STATES: [&str; 4] = ["state", "people", "occupancy", "postures"];
/// States of a zone.
const OF_ZONE: [&str; 2] = ["people", "occupancy"];
/// State of a line.
const OF_LINE: &str = "counts";
/// Commands, and the state that each changes.
const COMMANDS: [(&str, &str); 3] =
    [("enabled", "enabled"), ("events", "events_enabled"), ("max_fps", "max_fps")];

/// Topics below one prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    prefix: String,
}

/// What a camera has that is published as a state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts<'a> {
    /// Names of its zones.
    pub zones: Vec<&'a str>,
    /// Names of its lines.
    pub lines: Vec<&'a str>,
    /// Falls are reported.
    pub falls: bool,
    /// Raised hands are reported as a call for help.
    pub help: bool,
}

impl Topics {
    /// Topics below `prefix`.
    pub fn new(prefix: impl Into<String>) -> Topics {
        Topics { prefix: prefix.into() }
    }

    /// The first levels of every topic.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Whether the daemon runs; also the topic of its last will.
    pub fn availability(&self) -> String {
        format!("{}/availability", self.prefix)
    }

    /// The JSON Schema of the messages.
    pub fn schema(&self) -> String {
        format!("{}/schema", self.prefix)
    }

    /// The people of each frame of `camera`.
    pub fn poses(&self, camera: &str) -> String {
        self.of_camera(camera, "poses")
    }

    /// What `camera` is doing.
    pub fn state(&self, camera: &str) -> String {
        self.of_camera(camera, "state")
    }

    /// What happens in front of `camera`.
    pub fn events(&self, camera: &str) -> String {
        self.of_camera(camera, "events")
    }

    /// Answers to bad commands to `camera`.
    pub fn error(&self, camera: &str) -> String {
        self.of_camera(camera, "error")
    }

    /// All states of `camera`, which has `parts`.
    pub fn states(&self, camera: &str, parts: &Parts<'_>) -> Vec<String> {
        let alarms = [("fall", parts.falls), ("help", parts.help)];
        let alarms = alarms.into_iter().filter(|(_, wanted)| *wanted).map(|(leaf, _)| leaf);
        let own = STATES.into_iter().chain(alarms).map(|leaf| self.of_camera(camera, leaf));
        let of_zone = |zone| OF_ZONE.map(|leaf| self.of_part(camera, zone, leaf));
        let zones = parts.zones.iter().copied().flat_map(of_zone);
        let lines = parts.lines.iter().map(|line| self.of_part(camera, line, OF_LINE));
        own.chain(zones).chain(lines).collect()
    }

    /// Commands to `camera`; `+`: to any camera.
    pub fn commands(&self, camera: &str) -> [String; 3] {
        COMMANDS.map(|(command, _)| self.command(camera, command))
    }

    /// What the commands to `camera` have set, in the same order.
    pub fn settings(&self, camera: &str) -> [String; 3] {
        COMMANDS.map(|(_, setting)| self.of_camera(camera, setting))
    }

    /// The command `name` to `camera`.
    pub fn command(&self, camera: &str, name: &str) -> String {
        format!("{}/{camera}/{name}/set", self.prefix)
    }

    /// What the command `name` to `camera` has set.
    pub fn setting(&self, camera: &str, name: &str) -> String {
        let known = COMMANDS.iter().find(|(command, _)| *command == name);
        self.of_camera(camera, known.map_or(name, |(_, setting)| setting))
    }

    /// The camera and the name of the command on `topic`; `None` if it is not that of a command.
    pub fn command_of<'t>(&self, topic: &'t str) -> Option<(&'t str, &'t str)> {
        let (camera, rest) = self.camera_of(topic)?;
        let name = rest.strip_suffix("/set")?;
        COMMANDS.iter().any(|(command, _)| *command == name).then_some((camera, name))
    }

    /// `leaf` of `camera`.
    pub fn of_camera(&self, camera: &str, leaf: &str) -> String {
        format!("{}/{camera}/{leaf}", self.prefix)
    }

    /// `leaf` of a zone or a line of `camera`.
    pub fn of_part(&self, camera: &str, part: &str, leaf: &str) -> String {
        format!("{}/{camera}/{part}/{leaf}", self.prefix)
    }

    /// How many times somebody crossed `line` of `camera`.
    pub fn counts(&self, camera: &str, line: &str) -> String {
        self.of_part(camera, line, OF_LINE)
    }

    /// Filters of what a live view shows of `camera`; `+`: of all cameras.
    pub fn shown(&self, camera: &str) -> Vec<String> {
        let alarms = Parts { zones: vec!["+"], lines: vec!["+"], falls: true, help: true };
        let mut filters = vec![self.availability(), self.poses(camera), self.events(camera)];
        filters.extend(self.states(camera, &alarms));
        filters.extend(self.settings(camera));
        filters
    }

    /// The part of `topic` below the prefix; `None` if it is elsewhere.
    pub fn below<'t>(&self, topic: &'t str) -> Option<&'t str> {
        topic.strip_prefix(self.prefix.as_str())?.strip_prefix('/')
    }

    /// The camera that `topic` belongs to, and the levels after it; `None` if it belongs to none.
    pub fn camera_of<'t>(&self, topic: &'t str) -> Option<(&'t str, &'t str)> {
        self.below(topic)?.split_once('/')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_below_its_prefix_and_names_its_camera() {
        let topics = Topics::new("site/posed");
        assert_eq!(topics.poses("hall"), "site/posed/hall/poses");
        assert_eq!(topics.of_part("hall", "bed", "people"), "site/posed/hall/bed/people");
        for (topic, camera) in [
            (topics.state("hall"), Some("hall")),
            (topics.of_part("hall", "bed", "people"), Some("hall")),
            (topics.availability(), None),
            (topics.schema(), None),
            ("site/posedx/hall/state".into(), None),
            ("site".into(), None),
        ] {
            assert_eq!(topics.camera_of(&topic).map(|(camera, _)| camera), camera, "{topic}");
        }
    }

    #[test]
    fn states_are_those_of_what_the_camera_has() {
        let topics = Topics::new("p");
        let parts = Parts { zones: vec!["bed"], lines: vec!["door"], falls: true, help: false };
        let want = ["state", "people", "occupancy", "postures", "fall"].map(|leaf| format!("p/hall/{leaf}"));
        let of_parts = ["bed/people", "bed/occupancy", "door/counts"].map(|leaf| format!("p/hall/{leaf}"));
        assert_eq!(topics.states("hall", &parts), [&want[..], &of_parts[..]].concat());
        assert_eq!(topics.states("hall", &Parts::default()), want[..4]);
    }

    #[test]
    fn each_command_has_its_setting() {
        let topics = Topics::new("p");
        let commands = topics.commands("hall");
        assert_eq!(commands, ["p/hall/enabled/set", "p/hall/events/set", "p/hall/max_fps/set"]);
        assert_eq!(topics.settings("hall"), ["p/hall/enabled", "p/hall/events_enabled", "p/hall/max_fps"]);
        for (command, setting) in commands.iter().zip(topics.settings("hall")) {
            let (camera, name) = topics.command_of(command).unwrap();
            assert_eq!((camera, topics.setting("hall", name)), ("hall", setting));
        }
    }
}
