#!/usr/bin/env python3
"""Measures the finder's effect on accuracy: AP with its boxes beside AP with annotated boxes, by `posed eval`.

Uses whole pictures only (images with `"scene": true`, or all if no image has the key). By COCO's rules, a
person annotated with only a box is ignored, and a pose of an unannotated person is false. Only the
finder's boxes can produce such poses, so unlabelled people in the background make the ratio a lower
bound. Standard library only.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

BAR = 0.85  # AP with the finder's boxes over AP with the annotated ones


def scenes(annotations):
    """The annotations of whole pictures."""
    data = json.loads(annotations.read_text())
    whole = [image for image in data["images"] if image.get("scene", not any("scene" in i for i in data["images"]))]
    ids = {image["id"] for image in whole}
    people = [person for person in data["annotations"] if person["image_id"] in ids]
    return data | {"images": whole, "annotations": people}


def evaluate(args, annotations, *options):
    command = [args.posed, "eval", "--json", "--annotations", annotations, "--images", args.images, "--model", args.model]
    done = subprocess.run([*map(str, command), *options], check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posed", default="target/release/posed")
    parser.add_argument("--model", type=Path, default=Path("models/lpn50-256x192"))
    parser.add_argument("--person-model", type=Path, default=Path("models/person-320x192"))
    parser.add_argument("--annotations", type=Path, required=True, help="COCO keypoints")
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--out", type=Path, help="JSON file to write")
    args = parser.parse_args()
    data = scenes(args.annotations)
    labelled = sum(person["num_keypoints"] > 0 for person in data["annotations"])
    with tempfile.TemporaryDirectory() as work:
        subset = Path(work) / "scenes.json"
        subset.write_text(json.dumps(data))
        given = evaluate(args, subset, "--gt-boxes")
        found = evaluate(args, subset, "--person-model", str(args.person_model))
    ratio = found["AP"] / given["AP"]
    print(f"{len(data['images'])} whole pictures, {labelled} people with keypoints, {len(data['annotations']) - labelled} with only a box")
    for name, result in (("annotated boxes", given), ("finder's boxes", found)):
        figures = "  ".join(f"{key} {result[key]:.3f}" for key in ("AP", "AP50", "AP75", "AR"))
        print(f"{name:<16} {result['poses']:5} poses  {figures}")
    print(f"AP with the finder's boxes is {ratio:.3f} of AP with annotated boxes; it must be at least {BAR}")
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps({"ratio": ratio, "annotated_boxes": given, "finders_boxes": found}, indent=1))
    return 0 if ratio >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
