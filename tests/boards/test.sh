#!/usr/bin/env bash
# usage: tests/boards/test.sh [TARGET...]
# Builds posed for boards and proves it under qemu-user: the kernels' own tests, then the programs (boards.py).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cd "$root"
[ $# -gt 0 ] || set -- aarch64 armhf
"$here/kernels.sh"
# By way of a test: the dependencies are then those that the other tests have built.
${CARGO:-cargo} test --locked --no-run --test service
programs=()
for board in "$@"; do programs+=("$board=$(cross/build.sh "$board")"); done
python3 "$here/boards.py" --native target/debug/posed "${programs[@]}"
