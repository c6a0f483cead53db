#!/usr/bin/env bash
# usage: cross/run.sh TARGET PROGRAM [ARGUMENT...]
# Runs a program built for TARGET under qemu-user. QEMU_CPU=cortex-a72 chooses the processor.
# QEMU_PLUGIN_OPTIONS="-d plugin -plugin FILE" loads a plugin, which needs the non-static qemu-user.
. "$(dirname "$0")/lib.sh"
name=${1:?usage: cross/run.sh TARGET PROGRAM [ARGUMENT...]}
target "$name"
shift
if [ "$arch" = amd64 ]; then
    [ -n "${QEMU_CPU:-}" ] || exec "$@"
    emulator() { echo "$qemu"; }
else
    "$here/sysroot.sh" "$name" >/dev/null
fi
need qemu-user-static >&2
if [ -n "${QEMU_PLUGIN_OPTIONS:-}" ]; then
    need qemu-user >&2
    qemu="${qemu%-static} $QEMU_PLUGIN_OPTIONS"
fi
# shellcheck disable=SC2046
exec $(emulator) "$@"
