//! The page's files, embedded in the binary.

/// One file of the page.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// Its path on the server.
    pub path: &'static str,
    /// Its media type.
    pub kind: &'static str,
    /// Its content.
    pub bytes: &'static [u8],
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// All files of the page.
pub const ASSETS: [Asset; 11] = [
    Asset { path: "/", kind: "text/html; charset=utf-8", bytes: include_bytes!("index.html") },
    Asset { path: "/page.css", kind: "text/css; charset=utf-8", bytes: include_bytes!("page.css") },
    Asset { path: "/page.js", kind: SCRIPT, bytes: include_bytes!("page.js") },
    Asset { path: "/draw.js", kind: SCRIPT, bytes: include_bytes!("draw.js") },
    Asset { path: "/tiles.js", kind: SCRIPT, bytes: include_bytes!("tiles.js") },
    Asset { path: "/editor.js", kind: SCRIPT, bytes: include_bytes!("editor.js") },
    Asset { path: "/hand.js", kind: SCRIPT, bytes: include_bytes!("hand.js") },
    Asset { path: "/plan.js", kind: SCRIPT, bytes: include_bytes!("plan.js") },
    Asset { path: "/shapes.js", kind: SCRIPT, bytes: include_bytes!("shapes.js") },
    Asset { path: "/sketch.js", kind: SCRIPT, bytes: include_bytes!("sketch.js") },
    Asset { path: "/icon.svg", kind: "image/svg+xml", bytes: include_bytes!("icon.svg") },
];

/// The file at `path`.
pub(super) fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_small_and_loads_nothing_from_elsewhere() {
        let bytes: usize = ASSETS.iter().map(|asset| asset.bytes.len()).sum();
        assert!(bytes < 60_000, "{bytes} bytes");
        for asset in ASSETS {
            let text = std::str::from_utf8(asset.bytes).unwrap();
            let names = text.replace("http://www.w3.org/2000/svg", "");
            assert!(!names.contains("://"), "{} names another site", asset.path);
            assert!(!text.contains("style=") && !text.contains("onclick="), "{}: inline code", asset.path);
        }
    }
}
