#!/usr/bin/env bash
# usage: tests/boards/test.sh [TARGET...]
# Builds posed for boards and tests it under qemu-user: first the kernels, then the programs
# (boards.py).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cd "$root"
[ $# -gt 0 ] || set -- aarch64 armhf
"$here/kernels.sh"
# Built through a test, which shares the dependencies of the other tests.
${CARGO:-cargo} test --locked --no-run --test service
programs=()
for board in "$@"; do programs+=("$board=$(cross/build.sh "$board")"); done
python3 "$here/boards.py" --native target/debug/posed "${programs[@]}"
