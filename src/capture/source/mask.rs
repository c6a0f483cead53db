//! Hides credentials in pipeline texts and messages, so that no log and no error shows them.

/// `text` with `***` for the user part of any URL and for the value of any property with a name like
/// `password`.
pub fn mask(text: &str) -> String {
    let mut out = text.to_owned();
    for key in ["user-pw", "user-id", "password", "passwd", "proxy-pw", "proxy-id"] {
        out = mask_property(&out, key);
    }
    out.split_inclusive(char::is_whitespace).map(mask_url).collect()
}

/// Masks the values of property `key`. `gst-launch` takes them quoted or not, with or without spaces
/// around the equals sign.
fn mask_property(text: &str, key: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(key) {
        let (before, after) = rest.split_at(at + key.len());
        out.push_str(before);
        rest = after;
        let Some(value) = after.trim_start().strip_prefix('=').map(str::trim_start) else { continue };
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
    // Up to the last `@`: a password may hold unencoded slashes.
    match (word.find("://"), word.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => format!("{}://***{}", &word[..scheme], &word[at..]),
        _ => word.to_owned(),
    }
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
}
