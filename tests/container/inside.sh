#!/bin/bash
# Runs inside the container, as root, under a real systemd. Stops at the first failure.
set -euo pipefail
. /test/lib.sh
touch /out/started
cd /
# The minimal system cannot resolve any name.
echo '127.0.0.1 localhost' >/etc/hosts
find / -xdev -name '*posed*' -not -path '/test/*' 2>/dev/null | sort >/tmp/before
export DEBIAN_FRONTEND=noninteractive

# --- the package ----------------------------------------------------------------------------------
dpkg -i /test/posed.deb >/tmp/dpkg 2>&1 || { cat /tmp/dpkg; fail "the package does not install"; }
grep -q 'posed check' /tmp/dpkg || fail "the installation does not say what to do next"
is ActiveState inactive || fail "the service was started with an unedited configuration"
! systemctl is-enabled posed >/dev/null || fail "the service would start with an unedited configuration at the next boot"
for file in /usr/bin/posed /etc/posed/posed.toml /usr/share/posed/schema.json /usr/share/posed/models/lpn50-256x192/model.onnx \
    /usr/share/bash-completion/completions/posed /usr/share/zsh/vendor-completions/_posed \
    /usr/share/fish/vendor_completions.d/posed.fish; do
    [ -s "$file" ] || fail "$file is missing"
done
dpkg -L posed | grep -q '/usr/share/man/man1/posed.1.gz' || fail "no man page in the package"
dpkg-query -W -f '${Conffiles}' posed | grep -q /etc/posed/posed.toml || fail "the configuration is not a conffile"
[ -n "$(getent group render)" ] || fail "the group render is missing"
posed --version
posed check || [ $? -eq 78 ] || fail "posed check"
ok "installs, says what to do next, does not start with an unedited configuration"

said=$(systemd-analyze verify /lib/systemd/system/posed.service --man=no 2>&1) && [ -z "$said" ] || fail "systemd-analyze verify: $said"
ok "systemd-analyze verify is silent"

posed doctor --config /nonexistent --json >/tmp/doctor 2>/tmp/said && fail "the doctor accepts a missing configuration"
[ "$(jq -r .worst /tmp/doctor)" = fault ] || { cat /tmp/said; fail "the doctor's JSON does not report a fault"; }

# --- the service ----------------------------------------------------------------------------------
systemctl start mosquitto
clip hall | config
systemctl start posed || fail "the service does not start"
is ActiveState active || fail "the service is not active"
is Type notify && is NotifyAccess main || fail "the unit is not Type=notify"
poses hall || fail "no poses"
eventually 20 "a status line with cameras and rates" bash -c "systemctl show posed -p StatusText | grep -E '1 of 1 cameras online .hall [1-9][0-9.]* fps., broker connected'"
ok "active by READY=1, poses arrive; $(show StatusText)"
uid=$(stat -c %u "/proc/$(show MainPID)")
[ "$uid" -ge 61184 ] && [ "$uid" -le 65519 ] || fail "runs as user $uid, which is not a dynamic user"
posed doctor >/tmp/doctor || { cat /tmp/doctor; fail "the doctor finds a fault"; }
grep -Eq '^camera +ok +hall: first frame after' /tmp/doctor || fail "the doctor saw no frame"
grep -Eq '^broker +ok +mqtt://localhost:1883: accepts us' /tmp/doctor || fail "the doctor did not reach the broker"
ok "posed doctor: gets a frame from the camera and reaches the broker"

# The default models, the finder included, on every frame.
printf '[mqtt]\nurl = "mqtt://localhost:1883"\n[[camera]]\nname = "hall"\nsource = "file:///test/walk.mp4"\nloop = true\n' \
    >/etc/posed/posed.toml
systemctl restart posed
poses hall || fail "no poses with the models of the package"
# Long enough for the clip to play twice: people come and go.
sleep 30
resident=$(awk '/^Rss/ {print int($2 / 1024)}' "/proc/$(show MainPID)/smaps_rollup")
[ "$resident" -le 120 ] || fail "$resident MB resident with one 720p file camera; 120 is the limit"
ok "memory: $resident MB resident with one 720p file camera, person finder and lpn50-256x192"
clip hall | config
systemctl restart posed
poses hall || fail "no poses"

# --- reload ---------------------------------------------------------------------------------------
pid=$(show MainPID)
{ clip hall; clip more; } | config
systemctl reload posed
poses more || fail "no poses of the new camera"
echo 'nonsense = ' >/etc/posed/posed.toml
systemctl reload posed
eventually 20 "the refusal of a bad configuration" logged 'keeping the old configuration' -p err
poses hall || fail "a refused reload stopped a running camera"
clip hall | config
systemctl reload posed
eventually 20 "the removal of the camera" logged 'removed: more'
is MainPID "$pid" && is ActiveState active || fail "a reload restarted or stopped the process"
ok "systemctl reload adds and removes cameras; a bad file changes nothing"

for wanted in '6 .*: connected' '3 SIGHUP: keeping the old configuration' '6 SIGHUP: cameras added: more'; do
    journalctl -u posed -o json --no-pager | jq -r '"\(.PRIORITY) \(.MESSAGE)"' | grep -Eq "^$wanted" ||
        fail "no journal line with priority and text: $wanted"
done
ok "journal lines carry priorities"

# --- states are not hangs -------------------------------------------------------------------------
mkdir -p /run/systemd/system/posed.service.d
printf '[Service]\nWatchdogSec=8s\nRestartSec=1s\n' >/run/systemd/system/posed.service.d/test.conf
systemctl daemon-reload
{ clip hall; camera dead rtsp://127.0.0.1:9/none; camera gone v4l2:///dev/video99; } | config
systemctl restart posed
poses hall || fail "cameras that fail stop one that works"
systemctl stop mosquitto
pid=$(show MainPID)
sleep 30
is MainPID "$pid" && is NRestarts 0 || fail "a broker or camera that does not answer was taken for a hang"
systemctl start mosquitto
poses hall || fail "no poses after the broker came back"
is MainPID "$pid" || fail "the process was replaced"
ok "30 s without a broker and with cameras that do not answer, watchdog 8 s: no restart"

# --- recovery -------------------------------------------------------------------------------------
clip hall | config
systemctl restart posed
kill -9 "$(show MainPID)"
eventually 20 "a restart" is NRestarts 1
poses hall || fail "no poses after kill -9"
ok "kill -9: restarted, poses arrive"

printf '[[camera]]\nname = 7\n' >/etc/posed/posed.toml
! systemctl restart posed || fail "the service starts with a bad configuration"
sleep 3
is ActiveState failed && is NRestarts 0 && is ExecMainStatus 78 || fail "systemd restarts the service with a bad configuration"
ok "a bad configuration: exit 78, no restart"

# --- watchdog -------------------------------------------------------------------------------------
clip hall | config
# Only test builds know POSED_HANG.
printf '[Service]\nExecStart=\nExecStart=/test/posed-faulty run --config /etc/posed/posed.toml\nEnvironment=POSED_HANG=/run/posed-hang\n' \
    >>/run/systemd/system/posed.service.d/test.conf
systemctl daemon-reload
for stage in infer-0 mqtt state frames-hall cap-more; do
    mkdir -p /run/posed-hang
    systemctl reset-failed posed || true
    systemctl restart posed
    poses hall || fail "no poses before $stage hangs"
    restarts=$(show NRestarts) began=$SECONDS
    touch "/run/posed-hang/$stage"
    # A camera's supervisor works only on events, such as the camera's start.
    { clip hall; [ $stage != cap-more ] || clip more; } | config
    systemctl kill -s HUP posed
    eventually 75 "a log line about $stage" logged "$stage has made no progress"
    rm -r /run/posed-hang
    eventually 30 "a restart after $stage hung" bash -c "[ \$(systemctl show posed -p NRestarts --value) -gt $restarts ]"
    poses hall || fail "no poses after $stage hung"
    ok "watchdog: $stage hung, the service was restarted, poses arrive again after $((SECONDS - began)) s"
done
journalctl --no-pager | grep -q 'posed.service: Watchdog timeout' || fail "the restarts were not the watchdog's"
rm -r /run/systemd/system/posed.service.d
systemctl daemon-reload

# --- upgrade and removal --------------------------------------------------------------------------
systemctl reset-failed posed
systemctl restart posed
pid=$(show MainPID)
edited=$(sha256sum </etc/posed/posed.toml)
dpkg -i --force-confdef --force-confold /test/posed-newer.deb >/tmp/dpkg 2>&1 || { cat /tmp/dpkg; fail "the upgrade fails"; }
[ "$edited" = "$(sha256sum </etc/posed/posed.toml)" ] || fail "the upgrade changed an edited configuration"
grep -q 'A newer version' /etc/posed/posed.toml.dpkg-dist || fail "the new configuration is not beside the edited one"
eventually 20 "active after the upgrade" is ActiveState active
[ "$pid" != "$(show MainPID)" ] || fail "the old process still runs after the upgrade"
poses hall || fail "no poses after the upgrade"
ok "an upgrade keeps the edited configuration and restarts the service"

systemctl enable posed 2>/dev/null
dpkg -r posed >/dev/null 2>&1 || fail "the package cannot be removed"
[ -e /etc/posed/posed.toml ] || fail "removal deleted the configuration"
[ ! -e /usr/bin/posed ] && ! pgrep -x posed >/dev/null || fail "removal left the binary or a process"
mkdir -p /etc/credstore
echo secret >/etc/credstore/posed-mqtt-password
dpkg -P posed >/dev/null 2>&1 || fail "the package cannot be purged"
find / -xdev -name '*posed*' -not -path '/test/*' -not -path '/tmp/*' 2>/dev/null | sort >/tmp/after
left=$(comm -13 /tmp/before /tmp/after | grep -v '^/var/log/journal' || true)
[ -z "$left" ] || fail "purge left: $left"
systemctl daemon-reload
[ "$(show LoadState)" = not-found ] || fail "systemd still knows the unit"
ok "removal keeps the configuration; purge leaves nothing"

touch /out/passed
