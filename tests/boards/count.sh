#!/usr/bin/env bash
# usage: tests/boards/count.sh [PROGRAM]
# Counts the instructions of one inference of lpn50-256x192 on 64 bit ARM: qemu-user runs `posed bench` once and three
# times, the plugin count.c counts, and half the difference is an inference. No times: an emulator has none to tell.
# Ends with 1 where the dot product kernels need more than 0.4 of tract's own f32 path.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
program=${1:-$("$root/cross/build.sh" aarch64)}
out=$root/target/bench
model=$root/models/lpn50-256x192
mkdir -p "$out"
gcc -O2 -Wall -Werror -shared -fPIC -o "$out/libcount.so" "$here/count.c"
export QEMU_PLUGIN_OPTIONS="-d plugin -plugin $out/libcount.so"

# total RUNS CPU OPTION...: instructions of a bench of so many runs.
total() {
    local runs=$1 cpu=$2 said
    shift 2
    said=$(seq "$runs" | QEMU_CPU=$cpu "$root/cross/run.sh" aarch64 "$program" bench --follow --model "$model" "$@" 2>&1) ||
        { echo "$said" >&2; exit 1; }
    sed -n 's/^instructions: //p' <<<"$said"
}

# count CPU OPTION...: instructions of one inference.
count() { echo $((($(total 3 "$@") - $(total 1 "$@")) / 2)); }

# A program whose count is known: 3 instructions, a million times, and a few around them.
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
[ "$counted" = 3000004 ] || { echo "boards: the plugin counts $counted instructions of 3000004" >&2; exit 1; }

tract=$(count cortex-a76 --kernels tract --onnx "$model/float.onnx")
{
    echo "| What runs | Processor emulated | Instructions an inference | of tract's f32 |"
    echo "|---|---|---|---|"
    row() { awk -v n="$3" -v t="$tract" -v w="$1" -v c="$2" 'BEGIN { printf "| %s | %s | %.1f M | %.3f |\n", w, c, n / 1e6, n / t }'; }
    row "f32, tract alone" cortex-a76 "$tract"
    row "f32, tract with our depthwise and doubling" cortex-a76 "$(count cortex-a76 --onnx "$model/float.onnx")"
    row "int8, generic" cortex-a72 "$(count cortex-a72 --kernels generic)"
    row "int8, neon" cortex-a72 "$(count cortex-a72)"
    dotprod=$(count cortex-a76)
    row "int8, dotprod" cortex-a76 "$dotprod"
} | tee "$out/boards.md"
dotprod=$(sed -n 's/.*dotprod.* \([0-9.]*\) |$/\1/p' "$out/boards.md")
awk -v r="$dotprod" 'BEGIN { exit !(r <= 0.4) }' || { echo "boards: dotprod needs $dotprod of tract's f32; 0.4 is the bar" >&2; exit 1; }
