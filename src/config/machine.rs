//! Facts about the machine and the process that a configuration depends on.

use super::variables::Variables;
use std::env;
use std::path::{Path, PathBuf};

/// Facts about the machine that defaults depend on. Tests use their own.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    /// Host name, for the client id.
    pub hostname: String,
    /// `/etc/machine-id`, for the client id.
    pub id: String,
    /// `$CREDENTIALS_DIRECTORY`, the unit's credentials; `None` outside of a unit.
    pub credentials: Option<PathBuf>,
    /// Where the unit takes credentials from, which only root may read; `None`: nowhere.
    pub credential_store: Option<PathBuf>,
    /// `$STATE_DIRECTORY`, the unit's folder for what outlives a restart; `None` outside of a unit.
    pub state_directory: Option<PathBuf>,
    /// The user's folder for that: `$XDG_STATE_HOME`, or `~/.local/state`.
    pub state_home: Option<PathBuf>,
    /// Environment variables that values may refer to.
    pub variables: Variables,
}

impl Machine {
    /// This machine.
    pub fn here() -> Machine {
        let line = |path: &str| std::fs::read_to_string(path).map(|s| s.trim().to_owned()).ok();
        // A hardened unit cannot read /proc/sys.
        let hostname = line("/proc/sys/kernel/hostname").or_else(|| line("/etc/hostname"));
        let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        Machine {
            hostname: hostname.unwrap_or_default(),
            id: line("/etc/machine-id").unwrap_or_default(),
            credentials: env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from),
            credential_store: Some("/etc/credstore".into()),
            state_directory: env::var_os("STATE_DIRECTORY").and_then(|list| env::split_paths(&list).next()),
            state_home: absolute("XDG_STATE_HOME")
                .or_else(|| absolute("HOME").map(|home| home.join(".local/state"))),
            variables: Variables::here(),
        }
    }

    /// This machine with an environment variable of this name and value.
    pub fn with_variable(mut self, name: &str, value: &str) -> Machine {
        self.variables.set(name, value);
        self
    }

    /// The folder of the daemon with this client id for what outlives a restart.
    pub(super) fn state_dir(&self, client_id: &str) -> Option<PathBuf> {
        let fits = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
        let own = || -> PathBuf { Path::new("posed").join(client_id.chars().map(fits).collect::<String>()) };
        let by_hand = || self.state_home.as_ref().map(|home| home.join(own()));
        self.state_directory.clone().filter(|dir| dir.is_absolute()).or_else(by_hand)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_daemon_has_a_folder_of_its_own() {
        let dir = |machine: &Machine, id: &str| machine.state_dir(id).unwrap_or_default();
        let by_hand = Machine { state_home: Some("/home/a/.local/state".into()), ..Machine::default() };
        assert_eq!(dir(&by_hand, "posed-1"), Path::new("/home/a/.local/state/posed/posed-1"));
        assert_eq!(dir(&by_hand, "../x"), Path::new("/home/a/.local/state/posed/___x"));
        let unit = Machine { state_directory: Some("/var/lib/posed".into()), ..by_hand };
        assert_eq!(dir(&unit, "posed-1"), Path::new("/var/lib/posed"));
        assert_eq!(Machine::default().state_dir("a"), None);
    }
}
