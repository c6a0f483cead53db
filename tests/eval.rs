//! The COCO metric against pycocotools: committed numbers, and a live run where Python has it.

#![allow(clippy::unwrap_used, reason = "test helpers may panic")]

mod common;

use posed::keypoint::KEYPOINTS;
use posed::tools::eval::{Annotation, Dataset, Estimate, Image, Summary, evaluate};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

fn here(file: &str) -> PathBuf {
    common::root().join("tests/eval").join(file)
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Parses COCO's result format.
fn estimates(file: &Value) -> Vec<Estimate> {
    let number = |v: &Value| v.as_f64().unwrap();
    let one = |e: &Value| {
        let k = e["keypoints"].as_array().unwrap();
        Estimate {
            image_id: e["image_id"].as_u64().unwrap(),
            score: number(&e["score"]),
            points: std::array::from_fn(|i| [number(&k[3 * i]), number(&k[3 * i + 1])]),
        }
    };
    file.as_array().unwrap().iter().map(one).collect()
}

#[track_caller]
fn assert_equal(got: &Summary, want: &Value) {
    let got = serde_json::to_value(got).unwrap();
    assert_eq!(got.as_object().unwrap().len(), 10);
    for (name, got) in got.as_object().unwrap() {
        match (got.as_f64(), want[name].as_f64()) {
            (Some(got), Some(want)) => {
                assert!((got - want).abs() < 1e-9, "{name}: {got}, pycocotools: {want}")
            }
            (got, want) => assert_eq!(got, want, "{name}"),
        }
    }
}

/// Pictures with people, some hidden, small or crowds, and estimates of every quality.
fn scene(rng: &mut fastrand::Rng, pictures: u64) -> (Dataset, Vec<Estimate>) {
    let (mut data, mut found) = (Dataset::default(), vec![]);
    for image_id in 1..=pictures {
        data.images.push(Image { id: image_id, file_name: format!("{image_id}.png") });
        for _ in 0..rng.usize(0..6) {
            let side = [15.0, 60.0, 90.0, 250.0][rng.usize(0..4)] * (0.6 + rng.f64());
            let (x, y) = (rng.f64() * 500.0, rng.f64() * 300.0);
            let iscrowd = u8::from(rng.u8(..) < 30);
            let share = if iscrowd == 1 || rng.u8(..) < 25 { 0.0 } else { 0.3 + 0.7 * rng.f64() };
            let mut keypoints = vec![];
            for _ in 0..KEYPOINTS {
                let v = if rng.f64() < share { f64::from(rng.u8(1..3)) } else { 0.0 };
                let at = |low: f64, r: f64| if v > 0.0 { (low + r * side).round() } else { 0.0 };
                keypoints.extend([at(x, rng.f64()), at(y, 1.8 * rng.f64()), v]);
            }
            let labelled = keypoints.chunks(3).filter(|k| k[2] > 0.0).count();
            let person = Annotation {
                id: data.annotations.len() as u64 + 1,
                image_id,
                category_id: 1,
                bbox: [x, y, side, 1.8 * side],
                area: side * side * (0.5 + rng.f64()),
                iscrowd,
                keypoints,
                num_keypoints: Some(labelled),
            };
            for _ in 0..rng.usize(0..4) {
                let off = [0.01, 0.05, 0.15, 0.6][rng.usize(0..4)] * side;
                let mut point = |k: &[f64]| {
                    let start = if k[2] > 0.0 { [k[0], k[1]] } else { [x + side / 2.0, y + side] };
                    start.map(|v| v + off * (rng.f64() - 0.5))
                };
                let mut points = [[0.0; 2]; KEYPOINTS];
                for (to, k) in points.iter_mut().zip(person.keypoints.chunks(3)) {
                    *to = point(k);
                }
                // Few levels make some scores equal: their order is part of the metric.
                found.push(Estimate { image_id, score: f64::from(rng.u8(1..20)) / 20.0, points });
            }
            data.annotations.push(person);
        }
    }
    (data, found)
}

fn write(dir: &Path, data: &Dataset, found: &[Estimate]) -> (PathBuf, PathBuf) {
    let image = |i: &Image| json!({"id": i.id, "file_name": i.file_name, "width": 640, "height": 480});
    let person = |a: &Annotation| {
        json!({
            "id": a.id, "image_id": a.image_id, "category_id": 1, "bbox": a.bbox, "area": a.area,
            "iscrowd": a.iscrowd, "keypoints": a.keypoints, "num_keypoints": a.num_keypoints,
        })
    };
    let estimate = |e: &Estimate| {
        let keypoints: Vec<f64> = e.points.iter().flat_map(|&[x, y]| [x, y, 1.0]).collect();
        json!({"image_id": e.image_id, "category_id": 1, "score": e.score, "keypoints": keypoints})
    };
    let annotations = json!({
        "info": {}, "images": data.images.iter().map(image).collect::<Vec<_>>(),
        "annotations": data.annotations.iter().map(person).collect::<Vec<_>>(),
        "categories": [{"id": 1, "name": "person"}],
    });
    let results = Value::Array(found.iter().map(estimate).collect());
    let paths = (dir.join("annotations.json"), dir.join("estimates.json"));
    std::fs::write(&paths.0, annotations.to_string()).unwrap();
    std::fs::write(&paths.1, results.to_string()).unwrap();
    paths
}

/// A Python with pycocotools (`POSED_PYTHON` or `python3`), if there is one.
fn python() -> Option<String> {
    let python = std::env::var("POSED_PYTHON").unwrap_or_else(|_| "python3".into());
    let ok =
        Command::new(&python).args(["-c", "import pycocotools"]).output().is_ok_and(|o| o.status.success());
    if !ok {
        eprintln!("skipped: {python} has no pycocotools; name a Python that has in POSED_PYTHON");
    }
    ok.then_some(python)
}

#[test]
fn the_metric_equals_the_committed_numbers_of_pycocotools() {
    let data = Dataset::load(&here("annotations.json")).unwrap();
    let found = estimates(&read(&here("estimates.json")));
    assert!(
        data.annotations.iter().any(|a| a.iscrowd == 1) && data.annotations.iter().any(|a| a.labelled() == 0)
    );
    assert_equal(&evaluate(&data, &found), &read(&here("pycocotools.json")));
}

#[test]
fn pycocotools_agrees_on_random_scenes() {
    let Some(python) = python() else { return };
    let mut rng = fastrand::Rng::with_seed(5);
    for pictures in [1, 4, 40] {
        let dir = tempfile::tempdir().unwrap();
        let (data, found) = scene(&mut rng, pictures);
        if found.is_empty() {
            continue;
        }
        let (annotations, results) = write(dir.path(), &data, &found);
        let out =
            Command::new(&python).arg(here("pycoco.py")).args([&annotations, &results]).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        // Read the files back: the file format is part of the test.
        let data = Dataset::load(&annotations).unwrap();
        let found = estimates(&read(&results));
        assert_equal(&evaluate(&data, &found), &serde_json::from_slice(&out.stdout).unwrap());
    }
}

/// Writes the committed scene. Afterwards run pycoco.py on it and save its output as
/// pycocotools.json.
#[test]
#[ignore = "writes tests/eval/{annotations,estimates}.json"]
fn write_the_committed_scene() {
    let (data, found) = scene(&mut fastrand::Rng::with_seed(21), 6);
    write(&here(""), &data, &found);
}

#[test]
fn empty_data_and_missing_estimates_are_evaluated() {
    assert_eq!(evaluate(&Dataset::default(), &[]), Summary::default());
    let mut rng = fastrand::Rng::with_seed(3);
    let (data, _) = scene(&mut rng, 8);
    let blind = evaluate(&data, &[]);
    assert_eq!((blind.ap, blind.ar), (Some(0.0), Some(0.0)));
}

#[test]
fn invalid_annotations_are_rejected_with_their_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.json");
    let message = |text: &str| {
        std::fs::write(&path, text).unwrap();
        Dataset::load(&path).unwrap_err().to_string()
    };
    assert!(message("{").contains("a.json"));
    assert!(message("{\"images\": []}").contains("missing field `annotations`"));
    let odd = r#"{"images": [], "annotations": [{"id": 7, "image_id": 1, "bbox": [0,0,1,1], "area": 1, "keypoints": [1,2]}]}"#;
    assert!(message(odd).contains("annotation 7 has 2 keypoint numbers, expected 51"));
}
