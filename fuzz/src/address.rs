//! Addresses of cameras, with a login in them.

use posed::capture::Source;
use posed::config::{self, Machine};
use std::path::Path;

/// What no message may show.
const SECRET: &str = "S3cr3tW0rd";

/// The login of a camera in whatever address, also with characters that must be percent-encoded
/// there. Neither an error nor a debug text shows the password.
pub fn mask(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut parts = text.splitn(4, '\n');
    let [scheme, user, tail, path] = std::array::from_fn(|_| parts.next().unwrap_or(""));
    let address = format!("{scheme}://{user}:{SECRET}{tail}@camera.example{path}");
    let shown = match address.parse::<Source>() {
        Ok(source @ (Source::Rtsp { .. } | Source::Http { .. })) => format!("{source:?}"),
        // Nothing else has a login.
        Ok(_) => return,
        Err(e) => e.to_string(),
    };
    assert!(!shown.contains(SECRET), "{shown} of {address:?}");
    // A TOML string cannot hold these as they are.
    if address.chars().any(|c| c.is_control() || matches!(c, '"' | '\\' | '\'')) {
        return;
    }
    let text = format!("[[camera]]\nname = \"a\"\nsource = \"{address}\"\nmax_fps = true\n");
    if let Err(faults) = config::parse(&text, Path::new("posed.toml"), &Machine::default()) {
        assert!(!faults.to_string().contains(SECRET), "{faults} of {address:?}");
    }
}
