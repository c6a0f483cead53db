//! Who may ask: method, `Host`, `Origin`, type and token of a request.
//!
//! A web page of a stranger can make the browser of somebody in the network send requests here. DNS
//! rebinding even lets it read the answers: its own name then leads to our address. The `Host`
//! header carries that name, so only names that are known to be ours are served.

use super::strikes::{REGAIN, Strikes};
use super::{Error, Options, SHORTEST_TOKEN};
use crate::clock::Mono;
use crate::secret;
use data_encoding::BASE64;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN};
use hyper::{HeaderMap, Method, StatusCode};
use sha2::{Digest as _, Sha256};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// Decides whether a request is answered.
pub(super) struct Guard {
    /// SHA-256 of the token; `None`: none is needed.
    token: Option<[u8; 32]>,
    hosts: Vec<String>,
    /// Whether zones may be saved.
    edit: bool,
    strikes: Mutex<Strikes>,
}

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It wants to change something.
    Method,
    /// The name that it came by is not ours, or is missing.
    Host,
    /// A page of another site sent it.
    Origin,
    /// It wants to change something, and does not say that its body is JSON.
    Kind,
    /// It carries no token, or a wrong one.
    Token,
    /// Its sender tried too many wrong tokens.
    TooMany,
}

impl Guard {
    /// Reads the token file.
    pub(super) fn new(options: &Options) -> Result<Guard, Error> {
        let token = match &options.token_file {
            Some(path) => {
                let token = secret::read(path)?;
                if token.expose().len() < SHORTEST_TOKEN {
                    return Err(Error::ShortToken(path.display().to_string()));
                }
                Some(digest(token.expose()))
            }
            None if options.snapshots => return Err(Error::OpenPictures),
            None if !options.listen.ip().is_loopback() => return Err(Error::NoToken(options.listen)),
            None => None,
        };
        Ok(Guard { token, hosts: options.hosts.clone(), edit: options.edit, strikes: Mutex::default() })
    }

    /// Whether zones may be saved.
    pub(super) fn allows_edits(&self) -> bool {
        self.edit
    }

    /// What a request that only reads must fulfil.
    pub(super) fn check(&self, method: &Method, headers: &HeaderMap) -> Result<(), Refusal> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return Err(Refusal::Method);
        }
        self.check_site(headers)
    }

    /// What a request that saves zones must fulfil. A browser names the page that sends it; and a
    /// page of another site cannot send JSON without asking first, which is refused.
    pub(super) fn check_change(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        if !self.edit {
            return Err(Refusal::Method);
        }
        self.check_site(headers)?;
        if !headers.contains_key(ORIGIN) {
            return Err(Refusal::Origin);
        }
        let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
        let kind = kind.split(';').next().unwrap_or("").trim();
        if kind.eq_ignore_ascii_case("application/json") { Ok(()) } else { Err(Refusal::Kind) }
    }

    /// The name that the request came by is ours, and so is the page that sent it.
    fn check_site(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let mut hosts = headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else { return Err(Refusal::Host) };
        let host = host.to_str().map_err(|_| Refusal::Host)?;
        if !self.is_ours(host) {
            return Err(Refusal::Host);
        }
        for origin in headers.get_all(ORIGIN) {
            let origin = origin.to_str().map_err(|_| Refusal::Origin)?;
            let site = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
            if !site.is_some_and(|site| site.eq_ignore_ascii_case(host)) {
                return Err(Refusal::Origin);
            }
        }
        Ok(())
    }

    /// What a request for anything but `/healthz` must fulfil besides.
    pub(super) fn check_token(&self, headers: &HeaderMap, from: IpAddr, now: Mono) -> Result<(), Refusal> {
        let Some(token) = &self.token else { return Ok(()) };
        let mut strikes = self.strikes.lock().unwrap_or_else(PoisonError::into_inner);
        if !strikes.allow(from, now) {
            return Err(Refusal::TooMany);
        }
        match given_token(headers) {
            // A browser asks without a token first: that is no try.
            None => Err(Refusal::Token),
            Some(given) if equal(&digest(&given), token) => Ok(()),
            Some(_) => {
                if strikes.add(from, now) {
                    tracing::warn!("http: wrong token from {from}");
                }
                Err(Refusal::Token)
            }
        }
    }

    /// An address cannot be rebound, so any will do.
    fn is_ours(&self, host: &str) -> bool {
        let Some(name) = without_port(host) else { return false };
        let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        address.parse::<IpAddr>().is_ok()
            || name.eq_ignore_ascii_case("localhost")
            || self.hosts.iter().any(|ours| ours.eq_ignore_ascii_case(name))
    }
}

impl Refusal {
    /// Status, and what a person who reads it can do.
    pub(super) fn answer(self) -> (StatusCode, &'static str) {
        match self {
            Refusal::Method => (StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered\n"),
            Refusal::Host => (
                StatusCode::FORBIDDEN,
                "this name is not known: use an address, or add the name to [http] hosts in posed.toml\n",
            ),
            Refusal::Origin => {
                (StatusCode::FORBIDDEN, "the header Origin is missing, or names another site\n")
            }
            Refusal::Kind => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "send application/json\n"),
            Refusal::Token => {
                (StatusCode::UNAUTHORIZED, "give the token of [http] token_file: as password, or as bearer\n")
            }
            Refusal::TooMany => (StatusCode::TOO_MANY_REQUESTS, "too many wrong tokens: wait a minute\n"),
        }
    }

    /// A header that the status requires.
    pub(super) fn header(self) -> Option<(hyper::header::HeaderName, String)> {
        match self {
            Refusal::Method => Some((hyper::header::ALLOW, "GET, HEAD".into())),
            Refusal::Token => Some((hyper::header::WWW_AUTHENTICATE, "Basic realm=\"posed\"".into())),
            Refusal::TooMany => Some((hyper::header::RETRY_AFTER, REGAIN.as_secs().to_string())),
            Refusal::Host | Refusal::Origin | Refusal::Kind => None,
        }
    }
}

/// The name or address of `host[:port]`; `None` if it is malformed.
fn without_port(host: &str) -> Option<&str> {
    let end = if host.starts_with('[') { host.find(']')? + 1 } else { host.find(':').unwrap_or(host.len()) };
    let (name, port) = host.split_at(end);
    let is_port = |text: &str| text.strip_prefix(':').is_some_and(|digits| digits.parse::<u16>().is_ok());
    (port.is_empty() || is_port(port)).then_some(name)
}

/// The token of `Authorization: Bearer TOKEN`, or the password of `Authorization: Basic`, which is
/// what browsers send.
fn given_token(headers: &HeaderMap) -> Option<String> {
    let (scheme, value) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(value.trim().to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let login = String::from_utf8(BASE64.decode(value.trim().as_bytes()).ok()?).ok()?;
    Some(login.split_once(':')?.1.to_owned())
}

/// Hides the length of the token, and gives [`equal`] two arrays of one size.
fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Takes the same time wherever the digests differ.
fn equal(a: &[u8; 32], b: &[u8; 32]) -> bool {
    std::hint::black_box(a.iter().zip(b).fold(0, |differences, (a, b)| differences | (a ^ b))) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(token: Option<&str>) -> Guard {
        let hosts = vec!["posed.lan".to_owned()];
        Guard { token: token.map(digest), hosts, edit: true, strikes: Mutex::default() }
    }

    fn headers(pairs: &[(hyper::header::HeaderName, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(name.clone(), value.parse().unwrap());
        }
        map
    }

    #[test]
    fn only_names_that_are_ours_are_served() {
        let check = |host: &str| guard(None).check(&Method::GET, &headers(&[(HOST, host)]));
        for ours in
            ["127.0.0.1:8750", "[::1]:8750", "[::1]", "localhost", "LOCALHOST:1", "10.1.2.3", "Posed.lan:443"]
        {
            assert_eq!(check(ours), Ok(()), "{ours}");
        }
        for other in [
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example:8750",
            "",
            "[::1",
            "me@10.1.2.3",
        ] {
            assert_eq!(check(other), Err(Refusal::Host), "{other}");
        }
        assert_eq!(guard(None).check(&Method::GET, &HeaderMap::new()), Err(Refusal::Host));
        let two = headers(&[(HOST, "localhost"), (HOST, "evil.example")]);
        assert_eq!(guard(None).check(&Method::GET, &two), Err(Refusal::Host));
    }

    #[test]
    fn pages_of_other_sites_are_refused() {
        let check = |origin: &str| {
            guard(None).check(&Method::GET, &headers(&[(HOST, "localhost:8750"), (ORIGIN, origin)]))
        };
        assert_eq!((check("http://localhost:8750"), check("https://localhost:8750")), (Ok(()), Ok(())));
        for other in ["null", "http://evil.example", "http://localhost:9999", "file://localhost:8750"] {
            assert_eq!(check(other), Err(Refusal::Origin), "{other}");
        }
    }

    #[test]
    fn a_change_comes_from_our_own_page_as_json() {
        let own = (ORIGIN, "http://localhost:8750");
        let check = |more: &[(hyper::header::HeaderName, &str)]| {
            guard(None).check_change(&headers(&[&[(HOST, "localhost:8750")], more].concat()))
        };
        for kind in ["application/json", "Application/JSON; charset=utf-8"] {
            assert_eq!(check(&[own.clone(), (CONTENT_TYPE, kind)]), Ok(()), "{kind}");
        }
        for kind in ["text/plain", "application/x-www-form-urlencoded", "text/plain; application/json", ""] {
            assert_eq!(check(&[own.clone(), (CONTENT_TYPE, kind)]), Err(Refusal::Kind), "{kind}");
        }
        assert_eq!(check(&[own]), Err(Refusal::Kind));
        assert_eq!(check(&[(CONTENT_TYPE, "application/json")]), Err(Refusal::Origin), "not a browser");
        let other = (ORIGIN, "http://evil.example");
        assert_eq!(check(&[other, (CONTENT_TYPE, "application/json")]), Err(Refusal::Origin));
        let closed = Guard { edit: false, ..guard(None) };
        assert_eq!(closed.check_change(&HeaderMap::new()), Err(Refusal::Method));
    }

    #[test]
    fn a_token_comes_as_bearer_or_as_password() {
        let guard = guard(Some("a long enough token"));
        let check = |value: &str| {
            let headers = headers(&[(AUTHORIZATION, value)]);
            guard.check_token(&headers, IpAddr::from([10, 0, 0, 1]), Mono::default())
        };
        let basic = |login: &str| format!("Basic {}", BASE64.encode(login.as_bytes()));
        assert_eq!(check("Bearer a long enough token"), Ok(()));
        assert_eq!(check(&basic("anyone:a long enough token")), Ok(()));
        for wrong in
            ["Bearer a long enough toke", "Bearer ", &basic("a long enough token:"), "Basic !!", "Digest x"]
        {
            assert_eq!(check(wrong), Err(Refusal::Token), "{wrong}");
        }
    }
}
