"""`python -m lpn render --scene NAME --seed N --out FOLDER`: a clip of a scene, and its truth."""

import json
import subprocess
from pathlib import Path
from shutil import which

from lpn.render import truth
from lpn.render.body import KEYPOINTS
from lpn.render.shot import Set
from lpn.render.staging import Film, Format

TRUTH_SCHEMA = 1
# A posture counts when it holds for this long on either side.
STEADY_S = 0.3


class EncodeError(RuntimeError):
    """The clip cannot be encoded."""


def encoder(path: Path, form: Format) -> list[str]:
    """The command that encodes raw BGR frames from its input, as cameras do: no B frames."""
    size, rate = f"{form.width}x{form.height}", form.fps
    if which("ffmpeg"):
        return (
            f"ffmpeg -y -loglevel error -f rawvideo -pix_fmt bgr24 -s {size} -r {rate} -i - -c:v libx264 -preset fast "
            f"-refs 2 -crf {form.quality} -bf 0 -g {rate * 4} -threads 1 -pix_fmt yuv420p -movflags +faststart "
            f"-map_metadata -1 -fflags +bitexact {path}"
        ).split()
    return (
        f"gst-launch-1.0 -q fdsrc fd=0 ! rawvideoparse format=bgr width={form.width} height={form.height} "
        f"framerate={rate}/1 ! videoconvert ! video/x-raw,format=I420 ! x264enc pass=quant quantizer={form.quality} "
        f"speed-preset=fast bframes=0 ref=2 key-int-max={rate * 4} threads=1 ! video/x-h264,profile=main ! h264parse ! "
        f"mp4mux faststart=true ! filesink location={path}"
    ).split()


def shoot(bank, name: str, seed: int, folder: Path, form: Format = Format()) -> Path:
    """Write NAME-SEED.mp4 and .json into `folder`, unless both are there. Returns the JSON's path."""
    folder.mkdir(parents=True, exist_ok=True)
    clip, story = folder / f"{name}-{seed}.mp4", folder / f"{name}-{seed}.json"
    if story.exists():
        return story
    film = Film(bank, name, seed, form)
    stage, frames, names = Set(film), [], []
    part = clip.with_suffix(".part.mp4")
    with subprocess.Popen(encoder(part, form), stdin=subprocess.PIPE) as command:
        for index in range(film.frames):
            seconds = index / form.fps
            person = film.person(seconds)
            picture, seen, owners = stage.frame(person, index)
            command.stdin.write(picture.tobytes())
            names.append(truth.posture(person.keypoints, film.motion.surface[film.step(seconds)], film.leg_m))
            frames.append(_told(index, form, seen, owners))
        command.stdin.close()
        if command.wait() != 0:
            raise EncodeError(f"{encoder(part, form)[0]} failed: see its message above")
    for frame, posture in zip(frames, truth.steady(names, round(STEADY_S * form.fps))):
        for person in frame["people"]:
            person["posture"] = posture
    part.replace(clip)
    story.write_text(_story(film, clip, frames))
    return story


def _told(index: int, form: Format, seen, owners) -> dict:
    people = []
    if seen.area >= 24:
        points = seen.keypoints.copy()
        points[points[:, 2] == 0] = 0
        people.append(
            {
                "id": 1,
                "box": [round(float(v), 1) for v in seen.box],
                "seen": round(seen.area / max(seen.full_area, 1), 2),
                "keypoints": [v for x, y, s in points for v in (round(float(x), 1), round(float(y), 1), int(s))],
                "posture": None,
                "legs": truth.legs_seen(points, owners, 0),
            }
        )
    return {"pts_ms": round(index * 1000 / form.fps), "people": people}


def _story(film: Film, clip: Path, frames: list[dict]) -> str:
    form, fall = film.form, film.act.fall
    events = [{"type": "fall", "kind": fall[0], "from_ms": round(fall[1] * 1000),
               "down_ms": round(film.act.timeline.marks["down"] * 1000), "to_ms": round(fall[2] * 1000)}] if fall else []
    head = {
        "schema": TRUTH_SCHEMA, "video": clip.name, "scene": film.name, "seed": film.seed,
        "width": form.width, "height": form.height, "fps": form.fps,
        "camera_m": round(float(film.camera.position[2]), 2), "keypoints": list(KEYPOINTS), "events": events,
    }  # fmt: skip
    lines = ",\n".join(json.dumps(frame, separators=(",", ":")) for frame in frames)
    return json.dumps(head, separators=(",", ":"))[:-1] + ',"frames":[\n' + lines + "\n]}\n"
