use super::*;
use crate::keypoint::NAMES;

fn valid() -> String {
    let names = NAMES.map(|name| format!("{name:?}")).join(", ");
    format!(
        r#"schema = 1
name = "tiny"
version = "1"
kind = "heatmap-pose"
licence = "CC0"
[file]
onnx = "model.onnx"
sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
quantization = "none"
[input]
name = "input"
height = 64
width = 48
channels = "bgr"
mean = [103.53, 116.28, 123.675]
std = [57.375, 57.12, 58.395]
[output]
name = "heatmaps"
stride = 4
offset_px = 0.0
[pose]
keypoints = [{names}]
flip_pairs = [[1, 2], [3, 4]]
beta = 160.0
window_px = 5
quarter_shift = false
box_margin = 1.25
"#
    )
}

fn parse(text: &str) -> Result<Manifest, Error> {
    Manifest::parse(Path::new("m/model.toml"), text)
}

#[test]
fn data_terms_are_optional() {
    assert_eq!(parse(&valid()).unwrap().data_terms, "");
    let text = valid().replace("licence = \"CC0\"\n", "licence = \"CC0\"\ndata_terms = \"research\"\n");
    assert_eq!(parse(&text).unwrap().data_terms, "research");
}

#[test]
fn the_doubt_at_the_border_is_optional() {
    assert_eq!(parse(&valid()).unwrap().pose().unwrap().border, [-4.4, 7.6, 0.7]);
    let text = valid() + "border = [-3.0, 5.0, 0.5]\n";
    assert_eq!(parse(&text).unwrap().pose().unwrap().border, [-3.0, 5.0, 0.5]);
}

#[test]
fn a_valid_manifest_parses() {
    let manifest = parse(&valid()).unwrap();
    assert_eq!(manifest.output_shape(), (17, 16, 12));
    assert_eq!(manifest.input.channels, Channels::Bgr);
    assert_eq!(manifest.onnx(), Path::new("m/model.onnx"));
    assert_eq!(manifest.pose().unwrap().window_px, 5);
    let refused = manifest.person().unwrap_err().to_string();
    assert_eq!(refused, "m/model.toml: this is a heatmap-pose model; use a center-person model here");
}

#[test]
fn every_invalid_value_is_named() {
    for (from, to, want) in [
        ("schema = 1", "schema = 2", "schema: 2 is not supported"),
        ("\"model.onnx\"", "\"../model.onnx\"", "file.onnx: must be a file name"),
        ("ba7816", "xyz816", "file.sha256: must be 64"),
        ("height = 64", "height = 0", "input.height: must be 16"),
        ("height = 64", "height = 66", "output.stride: must divide the input's height 66 and width 48"),
        ("57.375,", "0.0,", "input.std: must be three positive"),
        ("mean = [103.53", "mean = [nan", "input.mean: must be three finite"),
        ("stride = 4", "stride = 0", "output.stride: must be 1"),
        ("\"nose\", ", "", "pose.keypoints: must be COCO's"),
        ("[1, 2]", "[1, 3]", "pose.flip_pairs"),
        ("beta = 160.0", "beta = -1.0", "pose.beta: must be a positive number"),
        ("box_margin = 1.25", "box_margin = inf", "pose.box_margin"),
        ("box_margin = 1.25", "box_margin = 1.25\nborder = [-4.4, -7.6, 0.7]", "pose.border"),
        ("box_margin = 1.25", "box_margin = 1.25\nborder = [nan, 7.6, 0.7]", "pose.border"),
        ("heatmap-pose", "center-person", "kind: a center-person model needs [person] and no [pose]"),
        ("beta = 160.0", "betta = 160.0", "unknown field `betta`"),
        ("window_px = 5", "", "missing field `window_px`"),
        ("\"bgr\"", "\"yuv\"", "unknown variant `yuv`"),
    ] {
        let text = valid();
        assert!(text.contains(from), "{from}");
        let message = parse(&text.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(message.contains(want), "{from} -> {to}: {message}");
        assert!(message.starts_with("m/model.toml: "), "{message}");
    }
}

#[test]
fn a_wrong_checksum_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("model.toml"), valid()).unwrap();
    assert!(matches!(Manifest::load(dir.path()), Err(Error::Read { .. })));
    // The checksum above is that of "abc", an example of FIPS 180-2.
    std::fs::write(dir.path().join("model.onnx"), "abc").unwrap();
    Manifest::load(dir.path()).unwrap();
    std::fs::write(dir.path().join("model.onnx"), "abd").unwrap();
    assert!(matches!(Manifest::load(dir.path()), Err(Error::Checksum { .. })));
}

#[test]
fn truncated_and_changed_manifests_do_not_panic() {
    let text = valid();
    for end in 0..text.len() {
        let _ = parse(&text[..end]);
    }
    let mut rng = fastrand::Rng::with_seed(7);
    for _ in 0..500 {
        let mut bytes = text.clone().into_bytes();
        for _ in 0..rng.usize(1..6) {
            let at = rng.usize(..bytes.len());
            bytes[at] = rng.u8(32..127);
        }
        let _ = parse(&String::from_utf8(bytes).unwrap());
    }
}
