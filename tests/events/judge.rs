//! `posed eval --postures`: labels, the confusion, and what is wrong with a file.

use crate::figure::{Camera, Stance, body, boxed};
use crate::stances::{lying, sitting, standing};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};

/// Annotation of a drawn person in a picture of 1280x720.
fn annotation(id: u64, stance: &Stance) -> Value {
    let keypoints = Camera::at(1.8).keypoints(&body(stance, [4.5, 0.0], 1.7));
    let b = boxed(&keypoints, (1280, 720)).unwrap();
    let points: Vec<f32> = keypoints.iter().flat_map(|k| [k.x_px, k.y_px, 2.0]).collect();
    json!({"id": id, "image_id": 1, "bbox": [b.x, b.y, b.w, b.h], "area": b.w * b.h, "keypoints": points})
}

fn eval(dir: &Path, labels: &Value, more: &[&str]) -> Output {
    let rng = &mut fastrand::Rng::with_seed(4);
    let people = [standing(rng, 150.0), sitting(rng, 90.0), lying(rng, 90.0, -88.0, 0.0)];
    let people: Vec<Value> = (10..).zip(&people).map(|(id, stance)| annotation(id, stance)).collect();
    let data = json!({"images": [{"id": 1, "file_name": "1.png"}], "annotations": people});
    std::fs::write(dir.join("people.json"), data.to_string()).unwrap();
    std::fs::write(dir.join("labels.json"), labels.to_string()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_posed"));
    command.current_dir(dir).args(["eval", "--annotations", "people.json", "--postures", "labels.json"]);
    command.args(more).output().unwrap()
}

#[test]
fn annotated_people_are_judged_without_pictures() {
    let dir = tempfile::tempdir().unwrap();
    let labels = json!({"10": "standing", "11": "sitting", "12": "standing"});
    let out = eval(dir.path(), &labels, &["--json"]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let report: Value = serde_json::from_slice(&out.stdout).unwrap();
    let postures = &report["postures"];
    assert_eq!(postures["people"], 3);
    assert!((postures["accuracy"].as_f64().unwrap() - 2.0 / 3.0).abs() < 1e-9);
    let confusion = json!({"standing": {"standing": 1, "lying": 1}, "sitting": {"sitting": 1}});
    assert_eq!(postures["confusion"], confusion);
    let table = eval(dir.path(), &labels, &[]);
    assert!(String::from_utf8_lossy(&table.stdout).contains("postures of 3 people: 66.7 % right"));
}

#[test]
fn bad_labels_are_told_with_file_and_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let message = |labels: Value| {
        let out = eval(dir.path(), &labels, &[]);
        assert!(!out.status.success());
        String::from_utf8(out.stderr).unwrap()
    };
    let unknown = message(json!({"99": "standing"}));
    assert!(unknown.contains("labels.json: annotation 99 is not in the annotations"), "{unknown}");
    let none = message(json!({"98": "sitting", "99": "standing"}));
    assert!(none.contains("nor is any other"), "{none}");
    let wrong = message(json!({"10": "flying"}));
    assert!(
        wrong.contains("labels.json") && wrong.contains("standing, sitting, lying, crouching"),
        "{wrong}"
    );
}

#[test]
fn labels_of_other_files_are_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let out = eval(dir.path(), &json!({"10": "standing", "99": "standing"}), &["--json"]);
    let report: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(report["postures"]["confusion"], json!({"standing": {"standing": 1}}));
}

/// The labelled people of the development data: whether postures are told as well as the documents
/// say. None of them taught the network.
#[test]
fn real_people_are_told() {
    let beside = || concat!(env!("CARGO_MANIFEST_DIR"), "/../shared").to_owned();
    let shared = std::env::var("POSED_SHARED").unwrap_or_else(|_| beside());
    let annotations = Path::new(&shared).join("data/people/annotations");
    if !annotations.is_dir() {
        println!("skipped: {} is absent; set POSED_SHARED", annotations.display());
        return;
    }
    let (mut right, mut people) = (0.0, 0.0);
    for (annotated, labels) in [("train", "judged-people"), ("streets-train", "judged-streets")] {
        let labels = format!("{}/tests/events/postures/{labels}.json", env!("CARGO_MANIFEST_DIR"));
        let annotated = annotations.join(format!("{annotated}.json"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_posed"));
        command.args(["eval", "--json", "--postures", &labels, "--annotations"]).arg(annotated);
        let out = command.output().unwrap();
        let report: Value = serde_json::from_slice(&out.stdout).unwrap();
        println!("{}", report["postures"]);
        let of = |key: &str| report["postures"][key].as_f64().unwrap();
        (right, people) = (right + of("accuracy") * of("people"), people + of("people"));
    }
    assert!(right / people > 0.8, "{right} of {people}");
}
