#!/usr/bin/env bash
# usage: tests/boards/kernels.sh
# Builds the kernels' own tests for every target, and runs them under qemu-user on processors with
# and without each extension. They check that every kernel set gives the bytes of the generic one,
# and that the generic one follows its definition.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target/cross/kernels}

# check TARGET CPU SETS: the tests pass on that processor, and compare exactly these kernel sets.
check() {
    local log
    log=$(cd "$here/kernels" && QEMU_CPU=$2 "$root/cross/env.sh" "$1" cargo test --release --locked -- --nocapture 2>&1) ||
        { echo "$log" | tail -40 >&2; echo "boards: the kernels fail on $1, $2" >&2; exit 1; }
    local sets
    sets=$(grep -o 'kernels: .*' <<<"$log" | sed 's/kernels: //')
    [ "$sets" = "$3" ] || { echo "boards: $1 on $2 runs '$sets', not '$3'" >&2; exit 1; }
    echo "boards: $1, $2: $(grep -o '[0-9]* passed' <<<"$log") with $sets"
}

# Intel's small processors have no AVX. The oldest that can start the program have no SSE4.1.
check x86_64 core2duo "generic"
check x86_64 Denverton "sse41 generic"
check armhf cortex-a7 "neon generic"
check aarch64 cortex-a53 "neon generic"
check aarch64 cortex-a72 "neon generic"
check aarch64 cortex-a76 "dotprod neon generic"
