//! The names of all topics. Only `commands` and `discovery` spell out those of a camera themselves.
//!
//! ```text
//! <prefix>/availability              <prefix>/schema
//! <prefix>/<camera>/poses            <prefix>/<camera>/state
//! <prefix>/<camera>/<leaf>           <prefix>/<camera>/<zone or line>/<leaf>
//! ```

/// Levels below the prefix that are not cameras.
pub const RESERVED: [&str; 2] = ["availability", "schema"];

/// Topics below one prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    prefix: String,
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

    /// `leaf` of `camera`.
    pub fn of_camera(&self, camera: &str, leaf: &str) -> String {
        format!("{}/{camera}/{leaf}", self.prefix)
    }

    /// `leaf` of a zone or a line of `camera`.
    pub fn of_part(&self, camera: &str, part: &str, leaf: &str) -> String {
        format!("{}/{camera}/{part}/{leaf}", self.prefix)
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
}
