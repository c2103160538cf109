# Starts systemd as process 1 of a root file system of its own, which has the agent and no unit of the host but the journal's.
# Needs namespaces of its own for processes, mounts, names, IPC and control groups.
set -eu
root=$1 agent=$2
mount -t tmpfs -o mode=755 root "$root"
cd "$root"
mkdir -p usr/bin usr/lib usr/lib64 etc/systemd/system home root tmp var/tmp proc sys dev run old
for name in bin lib lib64; do ln -s "usr/$name" "$name"; done
bind() {
    touch "$2"
    mount --bind "$1" "$2"
}
bind "$agent" usr/bin/mermin-agent
for name in systemctl journalctl kill; do bind "/usr/bin/$name" "usr/bin/$name"; done
mount --rbind -o ro /usr/lib usr/lib
mount --rbind -o ro /usr/lib64 usr/lib64

units=usr/lib/systemd/system
mount -t tmpfs units "$units"
mount -t tmpfs generators usr/lib/systemd/system-generators
cp /usr/lib/systemd/system/systemd-journald.service /usr/lib/systemd/system/systemd-journald.socket \
    /usr/lib/systemd/system/systemd-journald-dev-log.socket "$units"
for name in sysinit basic sockets shutdown network-online multi-user; do
    printf '[Unit]\nDefaultDependencies=no\n' >"$units/$name.target"
done
printf 'Wants=systemd-journald.service\n' >>"$units/multi-user.target"
ln -s multi-user.target "$units/default.target"
printf 'root:x:0:0::/root:/bin/false\n' >etc/passwd
printf 'root:x:0:\n' >etc/group

# systemd sets variables of the kernel, which are the host's, unless it cannot.
mount -t proc proc proc
mount --bind -o ro proc/sys proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t bpf bpf sys/fs/bpf
mount -t tmpfs -o mode=755 dev dev
for name in null zero full random urandom tty; do bind "/dev/$name" "dev/$name"; done
mkdir dev/shm dev/pts
mount -t devpts -o newinstance,ptmxmode=0666 pts dev/pts
ln -s pts/ptmx dev/ptmx
mount -t tmpfs -o mode=755 run run

umount=$(command -v umount)
pivot_root . old
cd /
"/old$umount" --lazy /old
container=test exec /usr/lib/systemd/systemd --log-target=journal
