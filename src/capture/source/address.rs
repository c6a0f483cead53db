//! Addresses of network cameras: `rtsp://` and `http://`.

use super::mask::mask;
use super::percent;
use std::net::{IpAddr, Ipv6Addr};

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

/// Reads `//[user[:password]@]host[:port][/path][?query][#fragment]`, which follows `scheme:`.
/// Returns the URL without credentials and fragment, and the credentials.
pub fn read(scheme: &str, rest: &str) -> Result<(String, Option<Credentials>), String> {
    let no_host = || format!("no host: write {scheme}://camera.example/stream");
    let rest = rest.strip_prefix("//").ok_or_else(no_host)?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (login, host) = match authority.rsplit_once('@') {
        None => (None, authority),
        Some((login, host)) => (Some(login), host),
    };
    // A server never gets the fragment: go2rtc's `#video=copy` is for go2rtc itself.
    let (path, fragment) = path.split_once('#').unwrap_or((path, ""));
    if fragment.contains('@') || path.contains('@') && login_ends_later(rest, host) {
        return Err(advice(scheme, rest));
    }
    if host.is_empty() || host.starts_with(':') {
        return Err(no_host());
    }
    check_host(host)?;
    if let Some(c) = path.chars().find(|c| c.is_whitespace() || c.is_control()) {
        return Err(format!("path with {c:?}: write %20 for a blank"));
    }
    let credentials = login.filter(|login| !login.is_empty()).map(|login| {
        let (username, password) = login.split_once(':').unwrap_or((login, ""));
        Credentials { username: percent::decode(username), password: percent::decode(password) }
    });
    Ok((format!("{scheme}://{host}{path}"), credentials))
}

/// `url` with `credentials` in it, for an element that takes them there only.
pub fn with_login(url: &str, credentials: &Credentials) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("rtsp", url));
    let Credentials { username, password } = credentials;
    format!("{scheme}://{}:{}@{rest}", percent::encode(username), percent::encode(password))
}

/// Host and port of a URL that [`read`] returned.
pub fn host_and_port(url: &str, default_port: u16) -> Option<(&str, u16)> {
    let rest = url.split_once("://")?.1;
    let authority = rest.split(['/', '?']).next()?;
    let (host, port) = split_port(authority);
    let port = port.map_or(Some(default_port), |port| port.parse().ok())?;
    Some((host.trim_start_matches('[').trim_end_matches(']'), port))
}

fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority
        .rfind(']')
        .map_or(authority.rfind(':'), |end| authority[end..].find(':').map(|at| end + at))
    {
        Some(at) => (&authority[..at], Some(&authority[at + 1..])),
        None => (authority, None),
    }
}

fn check_host(authority: &str) -> Result<(), String> {
    let (host, port) = split_port(authority);
    if let Some(port) = port.filter(|port| port.parse::<u16>().map_or(true, |port| port == 0)) {
        return Err(format!("{port:?} is not a port: use a port from 1 to 65535"));
    }
    if let Some(address) = host.strip_prefix('[') {
        let address = address.strip_suffix(']').unwrap_or(address);
        let address = address.split('%').next().unwrap_or_default();
        return match address.parse::<Ipv6Addr>() {
            Ok(_) => Ok(()),
            Err(_) => Err("no IPv6 address in the brackets: write [2001:db8::1]".into()),
        };
    }
    if authority.parse::<Ipv6Addr>().is_ok() {
        return Err(format!("IPv6 address without brackets: write [{authority}]"));
    }
    match host.chars().find(|&c| !in_name(c)) {
        Some(c) => Err(format!("host {host:?} with {c:?}: write a name or an address")),
        None => Ok(()),
    }
}

/// Whether a host's name may hold `c`.
fn in_name(c: char) -> bool {
    c.is_alphanumeric() || "-_.".contains(c)
}

/// Whether an `@` in the path ends a login that holds an unencoded `/`, `?` or `#`, because `host`
/// looks less like a host than what follows that `@`. An `@` may also be a part of a path.
fn login_ends_later(rest: &str, host: &str) -> bool {
    let (name, port) = split_port(host);
    let is_address =
        |name: &str| name == "localhost" || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    let good_port = port.is_none_or(|port| port.parse::<u16>().is_ok());
    if is_address(name) && good_port {
        return false;
    }
    let Some((login, tail)) = rest.rsplit_once('@') else { return false };
    let later = split_port(tail.split(['/', '?', '#']).next().unwrap_or_default()).0;
    let likely = name.contains('.') && name.chars().all(in_name) && good_port;
    login.contains(':') && (is_address(later) || !likely)
}

/// How to write a login that holds characters with a meaning of their own.
fn advice(scheme: &str, rest: &str) -> String {
    let (login, tail) = rest.rsplit_once('@').unwrap_or((rest, ""));
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    format!(
        "the user name or password holds one of @:/?# or a blank: percent-encode it, as in \
         {scheme}://{}:{}@{} (* stands for any other character), or write username and password_file, \
         which need no encoding; if the last @ belongs to the path, write %40 for it",
        percent::encode_masked(user),
        percent::encode_masked(password),
        mask(tail),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_with_unencoded_characters_is_told_from_a_path_with_an_at_sign() {
        for (rest, want) in [
            ("//ad min:p@ss:w/o#1@host/v", "rtsp://**%20***:*%40**%3A*%2F*%23*@host/v ("),
            ("//admin:1/2@10.0.0.7/v", "rtsp://*****:*%2F*@10.0.0.7/v ("),
            ("//admin:a?b@cam.example:554/v", "rtsp://*****:*%3F*@cam.example:554/v ("),
            ("//u:p@ss/w@10.0.0.7/v", "rtsp://*:*%40**%2F*@10.0.0.7/v ("),
            ("//ad.min/:p#@cam.example", "rtsp://******%2F:*%23@cam.example ("),
            ("//ad.min:p:5/a?b@cam.example", "rtsp://******:*%3A*%2F*%3F*@cam.example ("),
        ] {
            let error = read("rtsp", rest).unwrap_err();
            assert!(error.contains("percent-encode") && error.contains(want), "{error}");
        }
        for (rest, url) in [
            ("//10.0.0.7/live@main", "rtsp://10.0.0.7/live@main"),
            ("//u:p@ss@10.0.0.7:554/live@main", "rtsp://10.0.0.7:554/live@main"),
            ("//cam/live@main", "rtsp://cam/live@main"),
            ("//cam.example:554/a?mail=a@b", "rtsp://cam.example:554/a?mail=a@b"),
            ("//u:p@cam/x#video=h264#audio=copy", "rtsp://cam/x"),
            ("//[2001:db8::1]:554/x", "rtsp://[2001:db8::1]:554/x"),
        ] {
            assert_eq!(read("rtsp", rest).unwrap().0, url);
        }
    }

    #[test]
    fn a_login_is_written_as_it_was_read() {
        let (url, login) = read("rtsp", "//a%40b:p%2F%3A@h/x").unwrap();
        assert_eq!(with_login(&url, &login.unwrap()), "rtsp://a%40b:p%2F%3A@h/x");
        assert_eq!(host_and_port("rtsp://[::1]:99/x", 554), Some(("::1", 99)));
        assert_eq!(host_and_port("rtsp://h?x", 554), Some(("h", 554)));
    }

    #[test]
    fn hosts_and_ports_are_checked() {
        for (rest, want) in [
            ("//h:70000/x", "\"70000\" is not a port"),
            ("//h:0/x", "not a port"),
            ("//h:/x", "not a port"),
            ("//[nonsense]/x", "IPv6"),
            ("//fe80::1/x", "write [fe80::1]"),
            ("//a b/x", "host \"a b\""),
            ("//u:p@/x", "no host"),
            ("//h/a b", "%20"),
        ] {
            let error = read("rtsp", rest).unwrap_err();
            assert!(error.contains(want), "{rest}: {error}");
        }
    }
}
