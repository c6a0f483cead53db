//! A memory limit.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// A cgroup of version 1 or 2 with a memory limit; removed when dropped.
pub struct Group(PathBuf);

impl Group {
    /// None without the right to make one.
    pub fn with_limit(bytes: u64) -> Option<Group> {
        let name = format!("posed-faults-{}", std::process::id());
        for (root, key) in
            [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")]
        {
            let group = Group(Path::new(root).join(&name));
            if std::fs::create_dir(&group.0).is_ok()
                && std::fs::write(group.0.join(key), bytes.to_string()).is_ok()
            {
                return Some(group);
            }
        }
        None
    }

    pub fn folder(&self) -> &Path {
        &self.0
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for _ in 0..50 {
            if std::fs::remove_dir(&self.0).is_ok() || !self.0.exists() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
