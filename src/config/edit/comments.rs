//! Comments between sections. TOML libraries give each of them to the section that follows, but a
//! commented-out key belongs to the section above it.

use toml_edit::{Decor, DocumentMut, Item, Table};

/// Splits the text in front of a header: what belongs to the section above, and what belongs to the
/// header. The last blank line parts the two.
pub(super) fn split(text: &str) -> (&str, &str) {
    let (mut start, mut part) = (0, 0);
    for line in text.split_inclusive('\n') {
        if line.trim().is_empty() {
            part = start;
        }
        start += line.len();
    }
    let (above, own) = text.split_at(part);
    if above.contains('#') { (above, own) } else { ("", text) }
}

/// Takes the comments of the section that ends where the first header after `position` begins.
pub(super) fn take(document: &mut DocumentMut, position: isize) -> String {
    match next(document.as_table(), position) {
        Some(at) => {
            let mut taken = String::new();
            visit(document.as_table_mut(), at, &mut |decor| {
                let (above, own) = split(prefix(decor));
                let own = own.to_owned();
                taken = above.to_owned();
                decor.set_prefix(own);
            });
            taken
        }
        None => {
            let trailing = document.trailing().as_str().unwrap_or("").to_owned();
            if trailing.contains('#') {
                document.set_trailing("");
                return trailing;
            }
            String::new()
        }
    }
}

/// Puts `text` in front of the first header after `position`, or at the end of the file.
pub(super) fn put(document: &mut DocumentMut, position: isize, text: &str) {
    if text.is_empty() {
        return;
    }
    match next(document.as_table(), position) {
        Some(at) => visit(document.as_table_mut(), at, &mut |decor| {
            let whole = format!("{text}{}", prefix(decor));
            decor.set_prefix(whole);
        }),
        None => {
            let trailing = format!("{text}{}", document.trailing().as_str().unwrap_or(""));
            document.set_trailing(trailing);
        }
    }
}

/// The text in front of a header.
pub(super) fn prefix(decor: &Decor) -> &str {
    decor.prefix().and_then(|prefix| prefix.as_str()).unwrap_or("")
}

/// Place of the last header in `table` in the order in which the file is written. A new table
/// follows it.
pub(super) fn last(table: &Table) -> isize {
    let mut last = table.position().unwrap_or(0);
    for child in children(table) {
        if child.position().is_some() {
            last = self::last(child);
        }
    }
    last
}

/// Place of the first header after `position`.
fn next(table: &Table, position: isize) -> Option<isize> {
    let own = |child: &Table| child.position().filter(|at| *at > position);
    children(table).filter_map(|child| own(child).into_iter().chain(next(child, position)).min()).min()
}

fn visit(table: &mut Table, at: isize, change: &mut dyn FnMut(&mut Decor)) {
    for (_, item) in table.iter_mut() {
        let tables: Vec<&mut Table> = match item {
            Item::Table(table) => vec![table],
            Item::ArrayOfTables(tables) => tables.iter_mut().collect(),
            _ => continue,
        };
        for child in tables {
            if child.position() == Some(at) && !child.is_implicit() {
                change(child.decor_mut());
            }
            visit(child, at, change);
        }
    }
}

fn children(table: &Table) -> impl Iterator<Item = &Table> {
    table.iter().flat_map(|(_, item)| {
        let one = item.as_table().into_iter();
        one.chain(item.as_array_of_tables().into_iter().flat_map(|tables| tables.iter()))
    })
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn a_blank_line_parts_the_comments_of_two_sections() {
        for (text, above) in [
            ("# rotate = 90\n\n# the yard\n", "# rotate = 90\n"),
            ("\n# a\n  \n# b\n\n", "\n# a\n  \n# b\n"),
            ("# its own\n", ""),
            ("\n# its own\n", ""),
            ("\n\n", ""),
            ("", ""),
        ] {
            assert_eq!(split(text), (above, &text[above.len()..]), "{text:?}");
        }
    }
}
