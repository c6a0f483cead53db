//! How a camera wants us to log in. GStreamer only says that the login failed.

use super::source::{Source, host_and_port};
use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

/// Longest wait for each step of the camera's answer.
const STEP: Duration = Duration::from_secs(3);
/// Longest answer that is read.
const LONGEST: u64 = 16 * 1024;

/// Why the camera of `source` refuses us, and what to do about it. Asks the camera once, without a
/// login, which ways to log in it offers.
pub(super) fn refusal(source: &Source) -> String {
    if source.credentials().is_none() {
        return "the camera asks for a login: add username and password_file".into();
    }
    let offered = ask(source).unwrap_or_default();
    if offered.is_empty() || offered.iter().any(|way| is_known(way)) {
        return "the camera refuses the login: correct username and password_file; posed tries again in \
                minutes, as many cameras lock an account after five wrong logins"
            .into();
    }
    format!(
        "the camera wants a login by {}, but GStreamer can Basic and Digest MD5 only: allow one of these in \
         the camera's settings",
        offered.join(" or ")
    )
}

/// What the camera offers, as `Basic` or `Digest SHA-256`; `None` if it cannot be asked.
fn ask(source: &Source) -> Option<Vec<String>> {
    let url = source.url().filter(|_| !source.is_tls())?;
    let rtsp = matches!(source, Source::Rtsp { .. });
    let (host, port) = host_and_port(url, if rtsp { 554 } else { 80 })?;
    let address = (host, port).to_socket_addrs().ok()?.next()?;
    let mut stream = TcpStream::connect_timeout(&address, STEP).ok()?;
    stream.set_read_timeout(Some(STEP)).ok()?;
    stream.set_write_timeout(Some(STEP)).ok()?;
    let request = if rtsp {
        let (_, rest) = url.split_once("://")?;
        format!("DESCRIBE rtsp://{rest} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n")
    } else {
        let (_, rest) = url.split_once("://")?;
        let path = rest.find('/').map_or("/", |at| &rest[at..]);
        format!("GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n")
    };
    stream.write_all(request.as_bytes()).ok()?;
    Some(offers(&head(&mut stream)))
}

/// The answer up to its first empty line, or what came of it.
fn head(stream: &mut TcpStream) -> String {
    let (mut answer, mut piece) = (Vec::new(), [0; 1024]);
    let mut limited = stream.take(LONGEST);
    while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
        match limited.read(&mut piece) {
            Ok(0) | Err(_) => break,
            Ok(count) => answer.extend_from_slice(&piece[..count]),
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// The ways to log in that an answer names.
fn offers(answer: &str) -> Vec<String> {
    let mut offered = Vec::new();
    for line in answer.lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        if !name.trim().eq_ignore_ascii_case("www-authenticate") {
            continue;
        }
        let (scheme, parameters) = value.trim().split_once(' ').unwrap_or((value.trim(), ""));
        let algorithm = parameters.split(',').find_map(|parameter| {
            let (key, value) = parameter.split_once('=')?;
            key.trim().eq_ignore_ascii_case("algorithm").then(|| value.trim().trim_matches('"'))
        });
        let algorithm = match scheme.eq_ignore_ascii_case("digest") {
            true => format!(" {}", algorithm.unwrap_or("MD5").to_ascii_uppercase()),
            false => String::new(),
        };
        // From a camera: nothing that could garble a log line.
        let way: String =
            format!("{scheme}{algorithm}").chars().filter(|c| !c.is_control()).take(40).collect();
        if !offered.contains(&way) {
            offered.push(way);
        }
    }
    offered
}

fn is_known(way: &str) -> bool {
    way.eq_ignore_ascii_case("basic") || way.eq_ignore_ascii_case("digest md5")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_are_read_from_an_answer() {
        let answer = "RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\n\
                      WWW-Authenticate: Digest realm=\"a, b\", nonce=\"1\", algorithm=\"SHA-256\"\r\n\
                      www-authenticate: Digest realm=\"a\", nonce=\"1\"\r\nWWW-Authenticate: Basic realm=\"a\"\r\n\r\n";
        assert_eq!(offers(answer), ["Digest SHA-256", "Digest MD5", "Basic"]);
        assert!(is_known("Digest MD5") && !is_known("Digest SHA-256") && !is_known("Digest SHA-512-256"));
    }
}
