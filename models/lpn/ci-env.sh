#!/usr/bin/env bash
# ci-env.sh VENV_DIR: makes a Python environment for the tests with Debian's CPU torch. PyPI's torch
# brings gigabytes of CUDA. Does nothing if the environment exists and suits the requirements.
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: $0 VENV_DIR" >&2; exit 64; }
here=$(cd "$(dirname "$0")" && pwd)
venv=$1
wanted=$(sha256sum < "$here/requirements-ci.txt")
if [ -x "$venv/bin/python" ] && [ "$(cat "$venv/.requirements" 2>/dev/null)" = "$wanted" ]; then
  exit 0
fi
if ! /usr/bin/python3 -c 'import torch, numpy' 2>/dev/null; then
  echo "$0: needs Debian's packages: apt-get install python3-venv python3-torch python3-numpy" >&2
  exit 1
fi
/usr/bin/python3 -m venv --system-site-packages --clear "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements-ci.txt"
"$venv/bin/python" -c 'import torch, onnx, onnxruntime, pycocotools, cv2, safetensors'
echo "$wanted" > "$venv/.requirements"
