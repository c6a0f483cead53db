//! Hides secrets in a line of a configuration that a message shows.

/// `line` with secrets masked character by character, so that carets still line up. Masks the text
/// between `://` and `@`, and the values of keys such as `password` that name no file.
pub(super) fn masked(line: &str) -> String {
    let mut hide = vec![false; line.len()];
    for (at, _) in line.match_indices("://") {
        let from = at + 3;
        let rest = &line[from..];
        // Up to the quote, not the next slash: an unencoded password may hold slashes.
        let end = rest.find(['"', '\'']).unwrap_or(rest.len());
        if let Some(length) = rest[..end].rfind('@') {
            hide[from..from + length].fill(true);
        }
    }
    for secret in crate::capture::secret_parameters(line) {
        hide[secret].fill(true);
    }
    let lower = line.to_ascii_lowercase();
    for word in ["passw", "secret", "token", "user-pw"] {
        for (at, _) in lower.match_indices(word) {
            let Some((key, _)) = lower[at..].split_once('=') else { continue };
            if !key.contains("_file") && !key.contains("_credential") {
                hide[at + key.len() + 1..].fill(true);
            }
        }
    }
    line.char_indices()
        .map(|(at, c)| if hide[at] && !c.is_whitespace() && c != '"' && c != '\'' { '*' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_in_place() {
        for (line, want) in [
            ("url = \"rtsp://u:p/w@host/x\" # a", "url = \"rtsp://*****@host/x\" # a"),
            ("password = \"hunter2\"", "password = \"*******\""),
            ("url = \"rtsp://h/?usr=ab&pwd=c\"", "url = \"rtsp://h/?usr=**&pwd=*\""),
            ("m = { user = \"a\", Password = 'x y' }", "m = { user = \"a\", Password = '* *' *"),
            ("password_file = \"/etc/p\"", "password_file = \"/etc/p\""),
            ("url = \"rtsp://host/x\"", "url = \"rtsp://host/x\""),
        ] {
            assert_eq!(masked(line), want);
        }
    }
}
