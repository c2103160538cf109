//! Hosts: network namespaces, and the links between them.

use std::{
    fs::File,
    io::{self, Write},
    os::fd::{AsFd, AsRawFd, OwnedFd},
    process::{Command, Stdio},
    thread,
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::Value;

use super::{raw, skip::skip, wait::until_true};

/// A network namespace; it goes when nothing is left in it.
pub(crate) struct Host {
    namespace: OwnedFd,
}

/// An interface's own counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counters {
    pub(crate) packets: u64,
    pub(crate) octets: u64,
}

impl Host {
    pub(crate) fn new() -> Self {
        Self::try_new().unwrap()
    }

    pub(crate) fn try_new() -> io::Result<Self> {
        let thread = thread::spawn(|| {
            raw::unshare_network()?;
            Ok(Self {
                namespace: File::open("/proc/thread-self/ns/net")?.into(),
            })
        });
        thread.join().unwrap()
    }

    /// Returns the host whose namespace is at a path.
    pub(crate) fn at(path: &str) -> Self {
        let namespace = File::open(path).unwrap().into();
        Self { namespace }
    }

    /// Where other processes find its namespace while this one lives.
    pub(crate) fn path(&self) -> String {
        let own = std::process::id();
        format!("/proc/{own}/fd/{}", self.namespace.as_raw_fd())
    }

    /// Works in a thread of this host.
    pub(crate) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let work = || {
            move_into_link_name_space(self.namespace.as_fd(), Some(LinkNameSpaceType::Network))
                .unwrap();
            work()
        };
        match thread::scope(|scope| scope.spawn(work).join()) {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    /// Runs a command line; it must succeed.
    pub(crate) fn shell(&self, line: &str) -> String {
        let mut words = line.split_whitespace();
        let program = words.next().unwrap();
        let mut command = Command::new(program);
        let output = match self.run(|| command.args(words).output()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                skip(format!("`{program}` is not installed"));
            }
            output => output.unwrap(),
        };
        assert!(output.status.success(), "{line}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Adds a device with `ip link add`; false if the kernel has no such kind.
    pub(crate) fn adds(&self, device: &str) -> bool {
        let mut command = Command::new("ip");
        command
            .args(["link", "add"])
            .args(device.split_whitespace());
        let output = self.run(|| command.output()).unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let unknown = ["Unknown device type", "Operation not supported"];
        let lacking = unknown.iter().any(|words| said.contains(words));
        assert!(output.status.success() || lacking, "{device}: {said}");
        output.status.success()
    }

    /// Runs commands of ip(8), one a line, in one process.
    pub(crate) fn batch(&self, lines: &str) {
        let mut command = Command::new("ip");
        command.args(["-batch", "-"]).stdin(Stdio::piped());
        let mut child = self.run(|| command.spawn()).unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(lines.as_bytes()).unwrap();
        drop(stdin);
        assert!(child.wait().unwrap().success(), "{lines}");
    }

    /// Takes all programs away from the TCX hooks of an interface, as `bpftool link detach` does.
    pub(crate) fn detach_tcx(&self, interface: &str) {
        let index = self.index(interface);
        self.run(|| raw::detach_tcx(index)).unwrap();
    }

    /// Sets a network setting of this host.
    pub(crate) fn set(&self, setting: &str, value: &str) {
        self.run(|| std::fs::write(format!("/proc/sys/net/{setting}"), value))
            .unwrap();
    }

    /// Waits until an interface that was set up carries packets.
    pub(crate) fn await_carrier(&self, name: &str) {
        until_true(&format!("{name} to carry packets"), || {
            let link = self.link(name);
            link["operstate"] == "UP" && link["qdisc"] != "noop"
        });
    }

    /// True if an interface of this name exists.
    pub(crate) fn has(&self, name: &str) -> bool {
        let path = format!("/proc/sys/net/ipv4/conf/{name}");
        self.run(|| std::path::Path::new(&path).exists())
    }

    fn link(&self, name: &str) -> Value {
        let shown = self.shell(&format!("ip -json -statistics link show dev {name}"));
        let mut links: Vec<Value> = serde_json::from_str(&shown).unwrap();
        links.remove(0)
    }

    pub(crate) fn index(&self, name: &str) -> u32 {
        u32::try_from(self.link(name)["ifindex"].as_u64().unwrap()).unwrap()
    }

    /// Counters of an interface for received packets.
    pub(crate) fn received(&self, name: &str) -> Counters {
        counters(&self.link(name)["stats64"]["rx"])
    }

    /// Counters of an interface for sent packets.
    pub(crate) fn sent(&self, name: &str) -> Counters {
        counters(&self.link(name)["stats64"]["tx"])
    }
}

fn counters(side: &Value) -> Counters {
    Counters {
        packets: side["packets"].as_u64().unwrap(),
        octets: side["bytes"].as_u64().unwrap(),
    }
}

/// Two hosts joined by a pair of veth interfaces: `v0` of the near one (10.0.0.1), `v1` of the far one (10.0.0.2).
/// Neighbours are known and IPv6 is off, so that nothing is sent that a test does not send.
pub(crate) struct Pair {
    pub(crate) near: Host,
    pub(crate) far: Host,
}

pub(crate) const NEAR_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 1];
pub(crate) const FAR_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 2];

impl Pair {
    pub(crate) fn new() -> Self {
        let pair = Self {
            near: Host::new(),
            far: Host::new(),
        };
        for host in [&pair.near, &pair.far] {
            host.set("ipv6/conf/default/disable_ipv6", "1");
            host.set("ipv6/conf/default/accept_dad", "0");
            host.set("ipv6/conf/default/router_solicitations", "0");
        }
        pair.join(0);
        pair
    }

    /// Adds a link without addresses, its ends up.
    pub(crate) fn link(&self, near: &str, far: &str) {
        let far_host = self.far.path();
        self.near.shell(&format!(
            "ip link add {near} up type veth peer name {far} netns {far_host}"
        ));
        self.far.shell(&format!("ip link set {far} up"));
    }

    /// Adds the link of this number: `v<2n>` (10.0.n.1) of the near host, `v<2n+1>` (10.0.n.2) of the far one.
    pub(crate) fn join(&self, number: u32) {
        self.join_as(number, None);
    }

    /// As [`join`](Self::join), with an index for the near end.
    pub(crate) fn join_as(&self, number: u32, index: Option<u32>) {
        let index = index.map_or_else(String::new, |index| format!("index {index}"));
        let names = [format!("v{}", 2 * number), format!("v{}", 2 * number + 1)];
        let [near, far] = &names;
        let [near_mac, far_mac] = [NEAR_MAC, FAR_MAC].map(shown);
        let far_host = self.far.path();
        self.near.shell(&format!(
            "ip link add {near} {index} address {near_mac} type veth peer name {far} address {far_mac} netns {far_host}"
        ));
        for (host, name, own, other, mac) in [
            (&self.near, near, 1, 2, &far_mac),
            (&self.far, far, 2, 1, &near_mac),
        ] {
            let net = format!("10.0.{number}");
            host.shell(&format!("ip link set {name} up"));
            host.shell(&format!("ip addr add {net}.{own}/24 dev {name}"));
            host.shell(&format!(
                "ip neigh replace {net}.{other} lladdr {mac} dev {name} nud permanent"
            ));
        }
        // The kernel notices the carrier when it gets to it, and drops what is sent before.
        for (host, name) in [(&self.near, near), (&self.far, far)] {
            host.await_carrier(name);
        }
    }

    /// Gives `v0` the address `fd00::1` and `v1` `fd00::2`. From now on the kernel sends ICMPv6 of its own.
    pub(crate) fn add_ipv6(&self) {
        for (host, name, own, other, mac) in [
            (&self.near, "v0", 1, 2, FAR_MAC),
            (&self.far, "v1", 2, 1, NEAR_MAC),
        ] {
            host.set(&format!("ipv6/conf/{name}/disable_ipv6"), "0");
            host.shell(&format!("ip addr add fd00::{own}/64 dev {name} nodad"));
            host.shell(&format!(
                "ip neigh replace fd00::{other} lladdr {} dev {name} nud permanent",
                shown(mac)
            ));
        }
    }
}

fn shown(mac: [u8; 6]) -> String {
    mac.map(|octet| format!("{octet:02x}")).join(":")
}
