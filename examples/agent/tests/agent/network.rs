//! A veth pair between this network namespace and another, and packets over it.

use std::{
    net::{SocketAddr, UdpSocket},
    thread,
    time::Duration,
};

use mermin_testing::apart::command;

/// Address of the near end.
const NEAR: &str = "10.9.0.1";

/// Makes the pair `near0` and `far0` in this namespace. The far end has an address of its own network and no route back, so
/// the near end sees only what it sends: the neighbour is set by hand.
pub(crate) fn make() {
    // The process itself is in a network namespace of its own, and its mounts are private.
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

/// Sends UDP datagrams from ports of their own, `each` from every port, with pauses.
pub(crate) fn send(flows: u16, each: u32, pause: Duration) -> u64 {
    let to: SocketAddr = "10.9.0.2:9".parse().unwrap();
    let sockets: Vec<_> = (0..flows)
        .map(|number| UdpSocket::bind((NEAR, 20_000 + number)).unwrap())
        .collect();
    for _ in 0..each {
        for socket in &sockets {
            socket.send_to(b"datagram", to).unwrap();
        }
        thread::sleep(pause);
    }
    u64::from(flows) * u64::from(each)
}
