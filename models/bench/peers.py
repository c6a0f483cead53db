"""Compares posed's engine with others: the same ONNX files, the same images, one core, in turns.

Every engine runs once in each round, so other load affects all of them equally. The table gives ratios of
medians to ONNX Runtime's on the same file.
"""

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

import numpy as np


def milliseconds(f):
    start = time.perf_counter()
    f()
    return (time.perf_counter() - start) * 1e3


def onnxruntime(path, x):
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: x}
    return lambda: milliseconds(lambda: session.run(None, feed)), ort.__version__


def openvino(path, x):
    import openvino as ov

    model = ov.Core().read_model(str(path))
    model.reshape(list(x.shape))
    request = ov.compile_model(
        model, "CPU", {"INFERENCE_NUM_THREADS": 1, "PERFORMANCE_HINT": "LATENCY"}
    ).create_infer_request()
    return lambda: milliseconds(lambda: request.infer([x])), ov.__version__.split("-")[0]


def ncnn(path, x):
    import ncnn as nn

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "net.onnx"
        copy.write_bytes(path.read_bytes())
        shape = "inputshape=[" + ",".join(map(str, x.shape)) + "]"
        # Only the converter: importing its package needs PyTorch.
        tool = Path(importlib.util.find_spec("pnnx").origin).parent / "pnnx"
        subprocess.run([tool, str(copy), shape], cwd=folder, check=True, capture_output=True)
        net = nn.Net()
        net.opt.num_threads = 1
        if net.load_param(str(copy.with_suffix(".ncnn.param"))) or net.load_model(
            str(copy.with_suffix(".ncnn.bin"))
        ):
            raise RuntimeError("the converted network does not load")

    def infer():
        extractor = net.create_extractor()
        extractor.input("in0", nn.Mat(x[0]))
        extractor.extract("out0")

    return lambda: milliseconds(infer), nn.__version__


class Posed:
    """`posed bench follow`: runs one inference for each line on its standard input."""

    def __init__(self, binary, model, arguments, cores):
        command = [binary, "bench", "follow", "--model", str(model), *arguments]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )

    def __call__(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"posed bench ended with {self.process.wait()}")
        return float(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def float_file(model):
    """The float network of a model folder, made from its checkpoint by models/lpn."""
    lpn = Path(__file__).resolve().parents[1] / "lpn"
    python = os.environ.get("POSED_PYTHON") or lpn.parents[1] / "target/py/bin/python"
    command = [str(python), "-m", "lpn", "float", str(model.resolve())]
    try:
        made = subprocess.run(command, cwd=lpn, capture_output=True, text=True)
    except OSError as e:
        raise RuntimeError(f"no float network: {e}; `make test-python` installs that Python") from e
    if made.returncode:
        raise RuntimeError(f"no float network: {made.stderr.strip()[-200:]}")
    return Path(made.stdout.split()[-1])


def contenders(args, cores):
    """(name, kind, images per run, function that runs once, version) of each engine, and the absent engines."""
    toml = tomllib.loads((args.model / "model.toml").read_text())
    h, w = toml["input"]["height"], toml["input"]["width"]
    crops = np.random.default_rng(7).integers(0, 256, (2, h, w, 3), dtype=np.uint8)
    mean, std = np.float32(toml["input"]["mean"]), np.float32(toml["input"]["std"])
    x = np.ascontiguousarray(((crops[:1] - mean) / std).transpose(0, 3, 1, 2), dtype=np.float32)
    raw = args.out / "crops.u8"
    raw.write_bytes(crops.tobytes())
    int8 = args.model / toml["file"]["onnx"]
    found, absent = [], {}
    for kind in ("int8", "f32"):
        try:
            path = int8 if kind == "int8" else float_file(args.model)
        except RuntimeError as e:
            absent[kind] = str(e)
            continue
        for engine in (onnxruntime, openvino) + ((ncnn,) if kind == "f32" else ()):
            name = f"{engine.__name__} {kind}"
            try:
                run, version = engine(path, x)
                found.append((name, kind, 1, run, version))
            except Exception as e:  # noqa: BLE001: any failure of a peer is reported as absent
                absent[name] = f"{type(e).__name__}: {e}".splitlines()[0][:200]
        kernels = args.kernels.split(",") if kind == "int8" else [""]
        for kernel in kernels:
            choice = ["--kernels", kernel] if kernel else []
            more = [*choice, "--onnx", str(path), "--crops", str(raw)]
            run = Posed(args.posed, args.model, more, cores[:1])
            try:
                run()
                found.append((f"posed {kind} {kernel}".strip(), kind, 1, run, "this tree"))
            except RuntimeError as e:
                absent[f"posed {kind} {kernel}"] = str(e)
    if len(cores) > 1 and int8.exists():
        # Two people in a frame: one thread on one core, beside two threads on two.
        for threads in (1, 2):
            more = ["--threads", str(threads), "--batch", "2", "--crops", str(raw)]
            run = Posed(args.posed, args.model, more, cores[:threads])
            found.append((f"posed int8, 2 people, {threads} thread(s)", "pair", 2, run, "this tree"))
    return found, absent


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posed", default="target/release/posed")
    parser.add_argument("--model", type=Path, default=Path("models/lpn50-256x192"))
    parser.add_argument("--kernels", default="avx512vnni,avx2,sse41" if platform.machine() == "x86_64" else "neon")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--out", type=Path, default=Path("target/bench"))
    parser.add_argument("--realtime", action="store_true",
                        help="run with real-time priority (needs root; not on a machine in service)")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    if args.realtime:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(20))
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[:1])
    found, absent = contenders(args, cores)
    times = {name: [] for name, *_ in found}
    # A process bound to one core wakes its peer's threads on that core, so the pair gets all cores.
    for pair, allowed in ((False, cores[:1]), (True, cores)):
        os.sched_setaffinity(0, allowed)
        turns = [(name, run) for name, kind, _, run, _ in found if (kind == "pair") == pair]
        for i in range(args.runs + 5):
            for name, run in turns:
                ms = run()
                if i >= 5:
                    times[name].append(ms)
    base = {"int8": "onnxruntime int8", "f32": "onnxruntime f32", "pair": "posed int8, 2 people, 1 thread(s)"}
    rows = []
    for name, kind, _, run, version in found:
        median = statistics.median(times[name])
        against = statistics.median(times[base[kind]]) if base[kind] in times else None
        ratio = round(median / against, 3) if against else None
        low = round(min(times[name]), 3)
        rows.append({"engine": name, "version": version, "median_ms": round(median, 3), "min_ms": low,
                     "to": base[kind], "ratio": ratio})
        if isinstance(run, Posed):
            run.close()
    cpu = next((l.split(":", 1)[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "?")
    report = {"model": str(args.model), "cpu": cpu, "runs": args.runs, "load": os.getloadavg()[0],
              "realtime": args.realtime,
              "results": rows, "absent": absent}
    (args.out / "peers.json").write_text(json.dumps(report, indent=1) + "\n")
    lines = [f"# {args.model}, {cpu}, {args.runs} rounds, load {report['load']:.1f}"
             + (", real-time priority" if args.realtime else ""), "",
             "| engine | version | median ms | minimum ms | ratio | to |", "|---|---|---|---|---|---|"]
    lines += [f"| {r['engine']} | {r['version']} | {r['median_ms']:.2f} | {r['min_ms']:.2f} | {r['ratio']} | {r['to']} |"
              for r in rows]
    lines += ["", *(f"Absent: {k}: {v}" for k, v in absent.items())]
    (args.out / "peers.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    return 0 if any(r["engine"].startswith("posed") for r in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
