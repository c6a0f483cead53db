#!/usr/bin/env bash
# usage: tests/boards/count.sh
# Counts the instructions of one inference of lpn50-256x192 on emulated processors: 64-bit ARM, and
# x86 without AVX. qemu-user runs `posed bench follow` with one and with three inferences, the
# plugin count.c counts, and half the difference is one inference. It measures no times: an
# emulator's mean nothing.
#
# Exits with 1 if the dotprod kernels need more than 0.4 of the instructions of tract's own f32
# path, or the SSE4.1 kernels more than ONNX Runtime on the same file.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
arm=$("$root/cross/build.sh" aarch64) x86=$("$root/cross/build.sh" x86_64)
out=$root/target/bench
model=$root/models/lpn50-256x192
mkdir -p "$out"
gcc -O2 -Wall -Werror -shared -fPIC -o "$out/libcount.so" "$here/count.c"
export QEMU_PLUGIN_OPTIONS="-d plugin -plugin $out/libcount.so"

# total TARGET CPU RUNS COMMAND...: instructions of a command that runs one inference for each line
# of its input.
total() {
    local target=$1 cpu=$2 runs=$3 said
    shift 3
    said=$(seq "$runs" | QEMU_CPU=$cpu "$root/cross/run.sh" "$target" "$@" 2>&1) || { echo "$said" >&2; exit 1; }
    sed -n 's/^instructions: //p' <<<"$said"
}

# inference TARGET CPU COMMAND...: instructions of one inference.
inference() {
    local target=$1 cpu=$2
    shift 2
    echo $((($(total "$target" "$cpu" 3 "$@") - $(total "$target" "$cpu" 1 "$@")) / 2))
}
arm() { inference aarch64 "$1" "$arm" bench follow --model "$model" "${@:2}"; }
x86() { inference x86_64 "$1" "$x86" bench follow --model "$model" "${@:2}"; }

# row WHAT CPU COUNT OF
row() { awk -v n="$3" -v of="$4" -v w="$1" -v c="$2" 'BEGIN { printf "| %s | %s | %.1f M | %.3f |\n", w, c, n / 1e6, n / of }'; }
# within ROW LIMIT OF: fails if the last column of row ROW exceeds LIMIT.
within() {
    local ratio
    ratio=$(awk -F ' *[|] *' -v row="$1" '$2 == row { print $5 }' "$out/boards.md")
    awk -v r="$ratio" -v l="$2" 'BEGIN { exit !(r != "" && r <= l) }' || { echo "boards: $1 needs $ratio of $3; the limit is $2" >&2; exit 1; }
}

# Checks the plugin with a known count: 3 instructions, a million times, and a few around them.
cat >"$out/loop.s" <<'S'
    .globl _start
_start: movz x0, #0x4240
    movk x0, #0xf, lsl #16
1:  nop
    subs x0, x0, #1
    b.ne 1b
    mov x8, #94
    svc #0
S
aarch64-linux-gnu-gcc -nostdlib -static -o "$out/loop" "$out/loop.s"
counted=$("$root/cross/run.sh" aarch64 "$out/loop" 2>&1 | sed -n 's/^instructions: //p')
[ "$counted" = 3000004 ] || { echo "boards: the plugin counts $counted instructions, not 3000004" >&2; exit 1; }

float=$(cd "$root/models/lpn" && "${POSED_PYTHON:-$root/target/py/bin/python}" -m lpn float "$model")
tract=$(arm cortex-a76 --kernels tract --onnx "$float")
{
    echo "| What runs | Processor emulated | Instructions an inference | of tract's f32 |"
    echo "|---|---|---|---|"
    row "f32, tract alone" cortex-a76 "$tract" "$tract"
    row "f32, tract with our depthwise and doubling" cortex-a76 "$(arm cortex-a76 --onnx "$float")" "$tract"
    row "int8, generic" cortex-a72 "$(arm cortex-a72 --kernels generic)" "$tract"
    row "int8, neon" cortex-a72 "$(arm cortex-a72)" "$tract"
    row "int8, dotprod" cortex-a76 "$(arm cortex-a76)" "$tract"
} | tee "$out/boards.md"
within "int8, dotprod" 0.4 "tract's f32"

python=${POSED_PYTHON:-$root/target/py/bin/python}
[ -x "$python" ] || { echo "boards: x86 skipped: no $python to run ONNX Runtime with (make test-python installs it)" >&2; exit 0; }
onnxruntime='
import sys, numpy, onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
feed = {session.get_inputs()[0].name: numpy.zeros((1, 3, 256, 192), numpy.float32)}
for _ in sys.stdin:
    session.run(None, feed)'
peer=$(inference x86_64 Denverton "$python" -c "$onnxruntime" "$model/model.onnx")
{
    echo
    echo "| What runs | Processor emulated | Instructions an inference | of ONNX Runtime's |"
    echo "|---|---|---|---|"
    row "int8, ONNX Runtime" Denverton "$peer" "$peer"
    row "int8, plain Rust" Denverton "$(x86 Denverton --kernels generic)" "$peer"
    row "int8, sse41" Denverton "$(x86 Denverton)" "$peer"
} | tee -a "$out/boards.md"
within "int8, sse41" 1.0 "ONNX Runtime's"
