# Process 1 of the virtual machine: starts what cameras need, runs the test, and powers off.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
ip link set lo up
echo '127.0.0.1 localhost' >/etc/hosts
/lib/systemd/systemd-udevd --daemon
bash /test/inside.sh >/out/report 2>&1
sync
echo o >/proc/sysrq-trigger
# The kernel panics if process 1 ends before the power is off.
while :; do :; done
