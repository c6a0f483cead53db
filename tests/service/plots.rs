//! Pictures beside the numbers of `posed bench` and `posed eval`.

use crate::common::{posed, root};
use std::path::Path;

const MODEL: &str = "models/lpn50-128x96";

/// Runs `posed` with `args` and `--plot FILE`. Returns what it printed, and the file.
fn plot(args: &str, file: &Path) -> (String, Vec<u8>) {
    let out = posed(&args.split(' ').collect::<Vec<_>>()).arg("--plot").arg(file).output().unwrap();
    assert!(out.status.success(), "{args}: {}", String::from_utf8_lossy(&out.stderr));
    (String::from_utf8(out.stdout).unwrap(), std::fs::read(file).unwrap())
}

fn svg(args: &str, file: &Path) -> (String, String) {
    let (said, drawn) = plot(args, file);
    (said, String::from_utf8(drawn).unwrap())
}

#[test]
fn benchmarks_draw_their_times() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("times.svg");
    let (said, drawn) = svg(&format!("bench network --runs 3 --beside generic --model {MODEL}"), &file);
    assert_eq!(said.matches("median").count(), 2, "{said}");
    assert!(drawn.contains("generic kernels, 1 thread(s): median"), "{drawn}");
    let (_, drawn) = svg(&format!("bench people 2 --runs 2 --model {MODEL}"), &file);
    for stage in ["crop", "network", "decoding"] {
        assert!(drawn.contains(&format!("{stage}: median")), "{drawn}");
    }
    let (said, drawn) = svg(&format!("bench profile --runs 1 --model {MODEL}"), &file);
    assert!(said.contains("convolution") && drawn.contains("convolution"), "{drawn}");
    let (_, png) = plot(&format!("bench profile --runs 1 --model {MODEL}"), &dir.path().join("profile.png"));
    let picture = image::load_from_memory(&png).unwrap().to_rgb8();
    assert!(picture.pixels().any(|pixel| pixel.0 == [0, 114, 178]), "there are bars");
}

#[test]
fn json_has_a_line_for_each_of_the_kernels() {
    let args = ["bench", "network", "--runs", "2", "--json", "--beside", "generic", "--model", MODEL];
    let out = posed(&args).output().unwrap();
    let lines = String::from_utf8(out.stdout).unwrap();
    let reports: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(reports.len(), 2);
    assert_eq!((&reports[1]["kernels"], &reports[1]["runs"]), (&"generic".into(), &2.into()));
}

#[test]
fn an_evaluation_draws_its_curves() {
    let dir = tempfile::tempdir().unwrap();
    let keypoints: Vec<f64> = (0..17).flat_map(|i| [40.0 + f64::from(i), 60.0, 2.0]).collect();
    let person = serde_json::json!({
        "id": 1, "image_id": 1, "category_id": 1, "bbox": [20.0, 20.0, 60.0, 80.0], "area": 4800.0,
        "keypoints": keypoints,
    });
    let image = serde_json::json!({ "id": 1, "file_name": "bars.jpg" });
    let annotations = dir.path().join("people.json");
    let data = serde_json::json!({ "images": [image], "annotations": [person] });
    std::fs::write(&annotations, data.to_string()).unwrap();
    let images = root().join("src/capture/decoder/samples");
    let (annotations, images) = (annotations.display(), images.display());
    let args = format!("eval --gt-boxes --model {MODEL} --annotations {annotations} --images {images}");
    let (said, drawn) = svg(&args, &dir.path().join("eval.svg"));
    assert!(said.contains("AP"), "{said}");
    for want in
        ["Precision over recall", "OKS 0.75", "OKS of 1 people", "left wrist", "AP 0.000 in 1 pictures"]
    {
        assert!(drawn.contains(want), "{want} in {drawn}");
    }
}

#[test]
fn a_name_that_cannot_be_drawn_is_told_before_the_work() {
    for args in ["bench network --runs 1000000", "bench people", "bench profile"] {
        let out = posed(&args.split(' ').collect::<Vec<_>>()).args(["--plot", "times.pdf"]).output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(!out.status.success() && said.contains("times.pdf: the name must end in"), "{said}");
    }
}
