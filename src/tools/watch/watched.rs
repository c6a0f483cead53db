//! What was heard from the broker: the newest of everything, for each camera.

use super::camera::WatchedCamera;
use super::heard::{self, Happening};
use crate::clock::Mono;
use crate::publish::{Incoming, Link, Topics};
use std::collections::BTreeMap;

/// Most cameras that are shown; messages of further ones are counted.
const MOST_CAMERAS: usize = 64;

/// A zone or a line of the configuration: its name, and its points in fractions of the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Outline {
    /// Its name.
    pub name: String,
    /// Its corners or ends.
    pub points: Vec<[f32; 2]>,
    /// Whether the last point is joined to the first.
    pub closed: bool,
}

/// The newest of everything.
#[derive(Debug)]
pub struct Watched {
    topics: Topics,
    /// Where the broker is, in words.
    pub broker: String,
    /// Whether there is a connection to it.
    pub link: Link,
    /// Whether the daemon says that it runs.
    pub available: Option<bool>,
    cameras: BTreeMap<String, WatchedCamera>,
    outlines: BTreeMap<String, Vec<Outline>>,
    /// The only camera that is shown, if one was chosen.
    only: Option<String>,
    /// Messages that were not posed's, or of more cameras than are shown.
    pub refused: u64,
    /// Messages that came faster than they could be read.
    pub lost: u64,
}

impl Watched {
    /// Nothing was heard yet. `only`: the one camera that is shown.
    pub fn new(topics: Topics, broker: String, only: Option<String>) -> Watched {
        let (link, cameras, outlines) = (Link::default(), BTreeMap::new(), BTreeMap::new());
        Watched { topics, broker, link, available: None, cameras, outlines, only, refused: 0, lost: 0 }
    }

    /// Shows zones and lines of `camera` where they are.
    pub fn outline(&mut self, camera: &str, outlines: Vec<Outline>) {
        self.outlines.insert(camera.to_owned(), outlines);
    }

    /// Zones and lines of `camera`, as far as the configuration is known.
    pub fn outlines(&self, camera: &str) -> &[Outline] {
        self.outlines.get(camera).map_or(&[], Vec::as_slice)
    }

    /// First levels of the topics.
    pub fn prefix(&self) -> &str {
        self.topics.prefix()
    }

    /// The cameras by name.
    pub fn cameras(&self) -> impl Iterator<Item = (&str, &WatchedCamera)> {
        self.cameras
            .iter()
            .filter(|(_, camera)| camera.is_present())
            .map(|(name, camera)| (name.as_str(), camera))
    }

    /// Takes a message that arrived `now`. Returns the camera and the event, if it is one.
    pub fn hear(&mut self, message: &Incoming, now: Mono) -> Option<(&str, &Happening)> {
        if message.topic == self.topics.availability() {
            match message.payload.as_slice() {
                b"online" => self.available = Some(true),
                b"offline" => self.available = Some(false),
                b"" => self.available = None,
                _ => self.refused += 1,
            }
            return None;
        }
        let of_camera = self.topics.camera_of(&message.topic);
        let Some((name, rest)) = of_camera.filter(|(name, _)| heard::is_name(name)) else {
            self.refused += 1;
            return None;
        };
        if self.only.as_ref().is_some_and(|only| only != name) {
            return None;
        }
        if rest == "state" && message.payload.is_empty() {
            self.cameras.remove(name);
            return None;
        }
        if !self.cameras.contains_key(name) && self.cameras.len() >= MOST_CAMERAS {
            self.refused += 1;
            return None;
        }
        let camera = self.cameras.entry(name.to_owned()).or_default();
        match camera.hear(rest, &message.payload, now) {
            Ok(true) => {}
            Ok(false) => return None,
            Err(_) => {
                // A made-up name must not take a camera's place.
                if !camera.is_present() && camera.parts.is_empty() {
                    self.cameras.remove(name);
                }
                self.refused += 1;
                return None;
            }
        }
        let (name, camera) = self.cameras.get_key_value(name)?;
        Some((name, camera.events.front()?))
    }
}
