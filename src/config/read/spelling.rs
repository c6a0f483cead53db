//! Finds the word that a misspelt one means.

/// The word that `given` most likely means: at most a third of its letters differ.
pub(super) fn nearest<'w>(given: &str, words: &[&'w str]) -> Option<&'w str> {
    let given = given.to_ascii_lowercase().replace('-', "_");
    let distances = words.iter().map(|word| (edits(&given, &word.replace('-', "_")), *word));
    let (distance, word) = distances.min_by_key(|(distance, _)| *distance)?;
    let is_part = given.len() >= 3 && (word.starts_with(&given) || given.starts_with(word));
    (distance <= word.chars().count().div_ceil(3) || is_part).then_some(word)
}

/// Levenshtein distance. Long input is cut; it cannot be a misspelling.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().take(64).enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspellings_find_their_word_and_nonsense_does_not() {
        let words = ["rotate", "max_fps", "source", "transport"];
        for (given, want) in [
            ("rotat", Some("rotate")),
            ("max-fps", Some("max_fps")),
            ("sorce", Some("source")),
            ("zebra", None),
        ] {
            assert_eq!(nearest(given, &words), want, "{given}");
        }
        assert_eq!(edits("kitten", "sitting"), 3);
    }
}
