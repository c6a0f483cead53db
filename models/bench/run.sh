#!/bin/sh
# Compares posed with other engines: models/bench/run.sh OUT [MODEL] [OPTION OF peers.py...]
# Writes peers.md and peers.json to OUT. The first run installs Python wheels in target/bench-env.
set -eu
cd "$(dirname "$0")/../.."
out=${1:-target/bench}
env=target/bench-env
[ -x "$env/bin/python" ] || python3 -m venv "$env"
# ncnn lacks wheels for some Pythons: a peer that cannot be installed is reported as absent.
install() {
    "$env/bin/pip" install -q --disable-pip-version-check "$@" || echo "cannot install $*" >&2
}
for package in numpy onnx onnxruntime openvino ncnn; do
    install "$package"
done
# ncnn's converter is a separate program; its package would depend on gigabytes of PyTorch.
install --no-deps pnnx
model=${2:-models/lpn50-256x192}
[ $# -le 2 ] && set -- || shift 2
exec "$env/bin/python" models/bench/peers.py --out "$out" --model "$model" "$@"
