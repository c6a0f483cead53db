#!/bin/sh
# Compares posed with other engines: models/bench/run.sh OUT [MODEL] [OPTION OF peers.py...]
# OUT gets peers.md and peers.json. Python wheels go into target/bench-env, once.
set -eu
cd "$(dirname "$0")/../.."
out=${1:-target/bench}
env=target/bench-env
[ -x "$env/bin/python" ] || python3 -m venv "$env"
# ncnn has no wheel for every Python: a peer that cannot be installed is reported as absent.
install() {
    "$env/bin/pip" install -q --disable-pip-version-check "$@" || echo "no $* here" >&2
}
for package in numpy onnx onnxruntime openvino ncnn; do
    install "$package"
done
# ncnn's converter is a program by itself; what its package depends on is gigabytes of PyTorch.
install --no-deps pnnx
model=${2:-models/lpn50-256x192}
[ $# -le 2 ] && set -- || shift 2
exec "$env/bin/python" models/bench/peers.py --out "$out" --model "$model" "$@"
