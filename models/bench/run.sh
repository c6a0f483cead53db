#!/bin/sh
# Compares posed with other engines on this machine: models/bench/run.sh OUT [MODEL]
# OUT gets peers.md and peers.json. Python wheels go into target/bench-env, once.
set -eu
cd "$(dirname "$0")/../.."
out=${1:-target/bench}
env=target/bench-env
[ -x "$env/bin/python" ] || python3 -m venv "$env"
# ncnn has no wheel for every Python: a peer that cannot be installed is reported as absent.
for package in numpy onnx onnxruntime openvino ncnn pnnx; do
    "$env/bin/pip" install -q --disable-pip-version-check "$package" || echo "no $package here" >&2
done
exec "$env/bin/python" models/bench/peers.py --out "$out" ${2:+--model "$2"}
