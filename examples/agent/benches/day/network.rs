//! The interface that is watched.

use mermin_testing::apart::command;

/// Name of the watched interface.
pub(crate) const INTERFACE: &str = "near0";

/// Makes a pair of interfaces in this namespace. Packets leave by the near end for a neighbour that is not there: the far end drops
/// them, and nobody answers.
pub(crate) fn make() {
    command("mount -t sysfs none /sys");
    command("mount -t bpf none /sys/fs/bpf");
    command("ip link set lo up");
    command("ip link add near0 type veth peer name far0");
    for name in ["near0", "far0"] {
        let quiet = format!("/proc/sys/net/ipv6/conf/{name}/disable_ipv6");
        std::fs::write(quiet, "1").unwrap();
    }
    command("ip address add 10.9.0.1/24 dev near0");
    command("ip link set near0 up");
    command("ip link set far0 up");
    command("ip neighbour add 10.9.0.2 lladdr 02:00:00:00:00:02 nud permanent dev near0");
}
