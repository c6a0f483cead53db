# Sourced by inside.sh: the state of the service.
. /test/steps.sh

shown=service_shown
service_shown() {
    systemctl status posed --no-pager -l 2>&1 | tail -25 || true
    journalctl --no-pager -o short-precise >/out/journal 2>&1
}

show() { systemctl show posed --property="$1" --value; }
is() { [ "$(show "$1")" = "$2" ]; }
logged() { journalctl -u posed --no-pager "${@:2}" --grep "$1" >/dev/null; }

clip() { camera "$1" file:///test/walk.mp4 'loop = true\nmax_fps = 5.0'; }
