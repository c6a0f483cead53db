//! A page that holds drawings: no script, nothing from elsewhere, fits A4.

/// The style of [`page`]. A server with a strict policy gives it as a file: [`Styles::Beside`].
pub const CSS: &str = "\
@page { size: A4; margin: 8mm; }
body { margin: 0 auto; max-width: 62rem; background: white; color: black; font-family: sans-serif; }
nav { display: flex; flex-wrap: wrap; gap: 0.5rem 1.5rem; padding: 0.75rem 1.5rem; }
figure { margin: 0; break-inside: avoid; break-after: page; }
figure:last-of-type { break-after: auto; }
svg { display: block; width: 100%; height: auto; }
@media print { body { max-width: none; } nav { display: none; } svg { max-height: 278mm; } }
";

/// Where the style is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Styles<'a> {
    /// In the page: for a file that is read from disk or sent by mail.
    Inside,
    /// In the file of this address.
    Beside(&'a str),
}

/// A drawing on a page.
#[derive(Clone, Debug)]
pub struct Figure {
    /// The `<svg>` element.
    pub svg: String,
    /// What a screen reader says.
    pub words: String,
}

/// What a page holds.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// The title of the window.
    pub title: &'a str,
    /// Where the style is.
    pub styles: Styles<'a>,
    /// Addresses and their words, above the drawings.
    pub links: &'a [(String, String)],
    /// The drawings, each on a sheet of its own when printed.
    pub figures: &'a [Figure],
}

/// The page as HTML.
pub fn page(page: &Page<'_>) -> String {
    let style = match page.styles {
        Styles::Inside => format!("<style>\n{CSS}</style>"),
        Styles::Beside(address) => format!("<link rel=\"stylesheet\" href=\"{}\">", escaped(address)),
    };
    let mut body = String::new();
    if !page.links.is_empty() {
        let link =
            |(to, words): &(String, String)| format!("<a href=\"{}\">{}</a>\n", escaped(to), escaped(words));
        let links: String = page.links.iter().map(link).collect();
        body += &format!("<nav>\n{links}</nav>\n");
    }
    for Figure { svg, words } in page.figures {
        body += &format!("<figure role=\"img\" aria-label=\"{}\">\n{svg}</figure>\n", escaped(words));
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{}</title>\n{style}\n</head>\n<body>\n{body}</body>\n</html>\n",
        escaped(page.title),
    )
}

/// `text` as HTML shows it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_text_and_styles_are_where_they_are_wanted() {
        let links = [("day?camera=a&day=b".to_owned(), "< before".to_owned())];
        let figures = [Figure { svg: "<svg></svg>\n".into(), words: "1 < 2".into() }];
        let title = "<a> & \"b\"";
        let styled = |styles| super::page(&Page { title, styles, links: &links, figures: &figures });
        let beside = styled(Styles::Beside("day.css"));
        assert!(beside.contains("<title>&lt;a&gt; &amp; &quot;b&quot;</title>"));
        assert!(beside.contains("href=\"day.css\"") && !beside.contains("<style"));
        assert!(beside.contains("<a href=\"day?camera=a&amp;day=b\">&lt; before</a>"));
        assert!(beside.contains("aria-label=\"1 &lt; 2\">\n<svg></svg>"));
        assert!(styled(Styles::Inside).contains("@page"));
    }
}
