//! RTSP addresses.

use super::percent;

/// User name and password of a camera. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User name.
    pub username: String,
    /// Password; may be empty.
    pub password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// Reads `//[user[:password]@]host...`, which follows `scheme:`. Returns the URL without credentials,
/// and the credentials.
pub fn read(scheme: &str, rest: &str) -> Result<(String, Option<Credentials>), String> {
    address(scheme, rest).ok_or_else(|| {
        "no host: write rtsp://camera.example/stream (a user name or password with any of / ? # @ : \
         must be percent-encoded)"
            .to_owned()
    })
}

fn address(scheme: &str, rest: &str) -> Option<(String, Option<Credentials>)> {
    let rest = rest.strip_prefix("//")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (credentials, host) = match authority.rsplit_once('@') {
        None => (None, authority),
        Some((user, host)) => {
            let (username, password) = user.split_once(':').unwrap_or((user, ""));
            let (username, password) = (percent::decode(username), percent::decode(password));
            (Some(Credentials { username, password }), host)
        }
    };
    // An `@` after the authority usually belongs to a password with a `/` in it. Asking for %2F is
    // better than connecting to a host named after half of a password.
    if host.is_empty() || host.starts_with(':') || (credentials.is_none() && path.contains('@')) {
        return None;
    }
    Some((format!("{scheme}://{host}{path}"), credentials))
}
