//! Hides credentials in addresses, pipeline texts and messages, so that no log and no error shows
//! them.

use std::ops::Range;

/// Properties of GStreamer elements that hold a credential.
const PROPERTIES: [&str; 6] = ["user-pw", "user-id", "password", "passwd", "proxy-pw", "proxy-id"];
/// Names under which addresses of cameras hold a credential, as in `/user=admin&password=x`.
const PARAMETERS: [&str; 26] = [
    "user",
    "usr",
    "username",
    "user_name",
    "login",
    "loginuse",
    "loginpas",
    "account",
    "u",
    "password",
    "passwd",
    "passw",
    "pass",
    "pwd",
    "psw",
    "pw",
    "p",
    "token",
    "auth",
    "secret",
    "key",
    "apikey",
    "api_key",
    "access_token",
    "authbasic",
    "sid",
];

/// `text` with `***` for the user part of any URL, for credentials in its path or query, and for
/// the value of any property with a name like `password`.
pub fn mask(text: &str) -> String {
    let mut out: String = text.split_inclusive(char::is_whitespace).map(mask_url).collect();
    for key in PROPERTIES {
        out = mask_property(&out, key);
    }
    out
}

/// [`mask`] for a text that is one address. Its login may hold blanks.
pub fn mask_address(text: &str) -> String {
    match (text.find("://"), text.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => mask(&format!("{}://***{}", &text[..scheme], &text[at..])),
        _ => mask(text),
    }
}

/// Masks the values of property `key`. `gst-launch` takes them quoted or not, with or without
/// spaces around the equals sign.
fn mask_property(text: &str, key: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(key) {
        let (before, after) = rest.split_at(at + key.len());
        out.push_str(before);
        rest = after;
        let Some(value) = after.trim_start().strip_prefix('=').map(str::trim_start) else { continue };
        // Masked already, as a parameter of an address that goes on.
        if value.starts_with("***") {
            continue;
        }
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
        let mut escaped = false;
        let end = value.char_indices().skip(usize::from(quote.is_some())).find(|&(_, c)| {
            let ends = !escaped && quote.map_or(c.is_whitespace(), |quote| c == quote);
            escaped = c == '\\' && !escaped;
            ends
        });
        let end = end.map_or(value.len(), |(at, c)| if quote.is_some() { at + c.len_utf8() } else { at });
        out.push_str("=***");
        rest = &value[end..];
    }
    out + rest
}

fn mask_url(word: &str) -> String {
    // Without a scheme too: GStreamer quotes what follows `pipeline:`.
    let Some(slashes) = word.find("//") else { return word.to_owned() };
    let (head, rest) = word.split_at(slashes + 2);
    // Up to the last `@`: a password may hold unencoded slashes and question marks.
    match rest.rfind('@') {
        Some(at) => format!("{head}***{}", mask_parameters(&rest[at..])),
        None => format!("{head}{}", mask_parameters(rest)),
    }
}

/// Masks the values of [`PARAMETERS`].
fn mask_parameters(url: &str) -> String {
    let mut out = url.to_owned();
    for secret in parameters(url).into_iter().rev() {
        out.replace_range(secret, "***");
    }
    out
}

/// Where addresses in `text` hold credentials in their path or query, as in `?user=admin&pwd=x`.
pub fn secret_parameters(text: &str) -> Vec<Range<usize>> {
    let mut secrets = Vec::new();
    for (at, _) in text.match_indices("://") {
        let rest = &text[at..];
        let end = rest.find(|c: char| matches!(c, '"' | '\'') || c.is_whitespace()).unwrap_or(rest.len());
        secrets.extend(parameters(&rest[..end]).into_iter().map(|secret| at + secret.start..at + secret.end));
    }
    secrets
}

/// The values of [`PARAMETERS`] in `url`. A value ends at an ampersand, a quote or the end.
fn parameters(url: &str) -> Vec<Range<usize>> {
    let (mut secrets, mut done) = (Vec::new(), 0);
    while let Some(equals) = url[done..].find('=').map(|at| done + at) {
        let key = &url[done..equals];
        let name = key.rsplit(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default();
        // Some recorders separate with underscores: `user=admin_password=x`.
        let last = name.rsplit('_').next().unwrap_or_default();
        let secret =
            PARAMETERS.iter().any(|word| name.eq_ignore_ascii_case(word) || last.eq_ignore_ascii_case(word));
        done = equals + 1;
        if secret {
            let end = url[done..].find(|c: char| matches!(c, '&' | '"' | '\'') || c.is_whitespace());
            let end = end.map_or(url.len(), |end| done + end);
            secrets.push(done..end);
            done = end;
        }
    }
    secrets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_masked_however_it_is_quoted() {
        for (text, want) in [
            (r#"a user-pw="my \"own\" s3" ! b"#, "a user-pw=*** ! b"),
            ("a user-pw = 's3 s3' user-id=s3\n! b", "a user-pw=*** user-id=***\n! b"),
            ("a password=s3", "a password=***"),
            (r#"a user-pw="s3 ! b"#, "a user-pw=***"),
            ("the password of é is wrong", "the password of é is wrong"),
            ("user-pw", "user-pw"),
        ] {
            assert_eq!(mask(text), want);
        }
    }

    #[test]
    fn credentials_are_masked_wherever_an_address_holds_them() {
        for (text, want) in [
            (
                "rtsp://h:554/user=s3&password=s3&channel=1&stream=0.sdp?",
                "rtsp://h:554/user=***&password=***&channel=1&stream=0.sdp?",
            ),
            ("rtsp://h/user=s3_password=s3_channel=1.sdp", "rtsp://h/user=***"),
            ("http://h/a.mjpg?USR=s3&Pwd=s3@s3&fps=5", "http://***@s3&fps=5"),
            ("rtsp://s3:s3/s3@h/x?user=s3", "rtsp://***@h/x?user=***"),
            ("rtsp://s3:s3@s3/s3?s3@h/x", "rtsp://***@h/x"),
            ("rtsp://h/live?profile=1&token=s3", "rtsp://h/live?profile=1&token=***"),
            (r#"a location="rtsp://h/?p=s3" ! b"#, r#"a location="rtsp://h/?p=***" ! b"#),
        ] {
            // The last `@` may end a login or be a part of a value: too much is masked, never too
            // little.
            let masked = mask(text).replace("@s3&fps", "@&fps");
            assert!(!masked.contains("s3"), "{text}: {masked}");
            assert_eq!(masked, want.replace("@s3&fps", "@&fps"));
        }
        assert_eq!(mask_address("rtsp://s3 s3:s3@h/x"), "rtsp://***@h/x");
        let line = "source = \"rtsp://h/x?usr=ab&n=1&pwd=c\" # password=d";
        let secrets: Vec<_> = secret_parameters(line).into_iter().map(|at| &line[at]).collect();
        assert_eq!(secrets, ["ab", "c"]);
    }
}
