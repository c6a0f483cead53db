//! The list of topics that hold a retained value of ours, kept in the state directory. After a
//! restart, the topics of cameras that are no longer configured are cleared at the broker.

use super::topics::Topics;
use crate::state_file;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Name of the file.
const FILE: &str = "retained.json";

/// Retained topics, in memory and on disk.
#[derive(Debug)]
pub(super) struct Announced {
    file: Option<PathBuf>,
    list: Mutex<List>,
}

#[derive(Debug, Default)]
struct List {
    /// Each topic with the prefix that it was built with; empty for a topic that is not below it.
    topics: BTreeMap<String, String>,
    /// The file does not hold the list as it is.
    changed: bool,
    /// The last attempt to write the file failed.
    failed: bool,
}

impl Announced {
    /// Reads the list in folder `dir`. A list that cannot be read is logged and taken as empty.
    pub(super) fn open(dir: Option<&Path>) -> Announced {
        let file = dir.map(|dir| dir.join(FILE));
        let topics = file.as_deref().map(state_file::read).unwrap_or_else(|| Ok(BTreeMap::new()));
        let topics = topics.unwrap_or_else(|e| {
            let name = file.as_deref().unwrap_or(Path::new(FILE)).display();
            tracing::warn!("{name}: {e}; states of cameras that were removed may stay at the broker");
            BTreeMap::new()
        });
        Announced { file, list: Mutex::new(List { topics, ..List::default() }) }
    }

    fn lock(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that `topic` gets a retained value.
    pub(super) fn add(&self, topic: &str, topics: &Topics) {
        let mut list = self.lock();
        let prefix = if topics.below(topic).is_some() { topics.prefix() } else { "" };
        if list.topics.get(topic).is_none_or(|before| before != prefix) {
            list.topics.insert(topic.to_owned(), prefix.to_owned());
            list.changed = true;
        }
    }

    /// Notes that `topic` has no retained value any more.
    pub(super) fn remove(&self, topic: &str) {
        let mut list = self.lock();
        list.changed |= list.topics.remove(topic).is_some();
    }

    /// Topics that belong to another prefix, or that `keep` does not want: it gets the name of a
    /// camera, and the levels after it.
    pub(super) fn gone(&self, topics: &Topics, keep: impl Fn(&str, &str) -> bool) -> Vec<String> {
        let is_gone = |topic: &str, prefix: &str| match topics.camera_of(topic) {
            _ if prefix.is_empty() => false,
            Some((camera, rest)) => !keep(camera, rest),
            None => topics.below(topic).is_none(),
        };
        let list = self.lock();
        list.topics.iter().filter(|(topic, prefix)| is_gone(topic, prefix)).map(|(t, _)| t.clone()).collect()
    }

    /// Writes the list if it has changed. Called before a new topic is sent.
    pub(super) fn save(&self) {
        let mut list = self.lock();
        let Some(file) = self.file.as_deref().filter(|_| list.changed) else { return };
        let written = file.parent().map_or(Ok(()), std::fs::create_dir_all);
        match written.and_then(|()| state_file::write(file, &list.topics)) {
            Ok(()) => (list.changed, list.failed) = (false, false),
            Err(e) if !list.failed => {
                list.failed = true;
                tracing::warn!(
                    "cannot write {}: {e}; states of cameras that are removed may stay at the broker",
                    file.display()
                );
            }
            // Logged once; tried again with the next message.
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gone(announced: &Announced, prefix: &str, cameras: &[&str]) -> Vec<String> {
        announced.gone(&Topics::new(prefix), |camera, _| cameras.contains(&camera))
    }

    #[test]
    fn topics_of_removed_cameras_and_of_another_prefix_are_gone() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("posed");
        let announced = Announced::open(Some(&state));
        let topics = Topics::new("posed");
        let all = [topics.state("a"), topics.state("b"), topics.availability(), "homeassistant/x".into()];
        all.iter().for_each(|topic| announced.add(topic, &topics));
        announced.save();

        let later = Announced::open(Some(&state));
        assert_eq!(gone(&later, "posed", &["a", "b"]), Vec::<String>::new());
        assert_eq!(gone(&later, "posed", &["a"]), ["posed/b/state"]);
        assert_eq!(
            gone(&later, "home", &["a", "b"]),
            ["posed/a/state", "posed/availability", "posed/b/state"]
        );
        later.remove("posed/b/state");
        later.save();
        assert_eq!(gone(&Announced::open(Some(&state)), "posed", &[]), ["posed/a/state"]);
    }

    #[test]
    fn a_damaged_list_or_an_unwritable_folder_stops_nothing() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), "{").unwrap();
        let announced = Announced::open(Some(dir.path()));
        assert_eq!(gone(&announced, "posed", &[]), Vec::<String>::new());
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        let nowhere = Announced::open(Some(&file.join("below")));
        nowhere.add("posed/a/state", &Topics::new("posed"));
        nowhere.save();
        assert_eq!(gone(&nowhere, "posed", &[]), ["posed/a/state"]);
    }
}
