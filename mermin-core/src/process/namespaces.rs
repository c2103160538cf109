//! Sockets of all network namespaces.

use std::{
    collections::HashMap,
    fs::{self, File},
    io,
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    os::fd::AsFd as _,
    path::{Path, PathBuf},
};

use super::{
    addresses::Addresses,
    listening::{FIRST_CLIENT_PORT, Listening},
    socket::{OpenSocket, Question, Sockets},
};
use crate::{
    flow::Protocol,
    sys::{
        netlink::Netlink,
        netns::{self, NetnsId},
    },
};

/// Ports that the kernel assigns to sockets without a chosen port, in the thread's network namespace (`ip-sysctl`).
const LOCAL_PORTS: &str = "/proc/sys/net/ipv4/ip_local_port_range";
const USUAL_LOCAL_PORTS: RangeInclusive<u16> = FIRST_CLIENT_PORT..=60_999;

/// One network namespace.
struct Namespace {
    sockets: Sockets,
    netlink: Netlink,
    addresses: Addresses,
    local_ports: RangeInclusive<u16>,
}

impl Namespace {
    /// Opens the calling thread's namespace.
    fn open() -> io::Result<Self> {
        let netlink = Netlink::open()?;
        Ok(Self {
            sockets: Sockets::open()?,
            addresses: Addresses::read(&netlink)?,
            netlink,
            local_ports: fs::read_to_string(LOCAL_PORTS)
                .ok()
                .and_then(|text| range(&text))
                .unwrap_or(USUAL_LOCAL_PORTS),
        })
    }

    /// Returns true if packets to this address end here.
    fn has(&self, address: SocketAddr) -> bool {
        address.ip().is_loopback() || self.addresses.contains(address.ip())
    }

    /// Finds the socket of one side of a flow, seen at an interface of this namespace (0: of none).
    fn find(
        &mut self,
        protocol: Protocol,
        own: SocketAddr,
        other: SocketAddr,
        seen: u32,
    ) -> Option<OpenSocket> {
        let question = |interface| Question {
            protocol,
            own,
            other,
            interface,
        };
        let found = candidates(own.ip(), self.addresses.interfaces(own.ip()), seen)
            .find_map(|interface| self.sockets.find(&question(interface)).ok()?)?;
        // A socket bound to all addresses receives no forwarded packets.
        (found.bound.is_some() || self.has(own)).then_some(found)
    }

    /// Looks for a listener of one side. An unconnected UDP client has the same kind of socket as a server. A port that the kernel assigned is a
    /// client's; [`decide`](super::listening::decide) judges others by the peer's port.
    fn listening(&mut self, protocol: Protocol, end: SocketAddr, seen: u32) -> Listening {
        if protocol == Protocol::UDP && self.local_ports.contains(&end.port()) {
            return Listening::No;
        }
        let mut answer = Listening::No;
        for interface in candidates(end.ip(), self.addresses.interfaces(end.ip()), seen) {
            match self.sockets.is_listening(protocol, end, interface) {
                Ok(true) => return Listening::Yes,
                Ok(false) => {}
                Err(_) => answer = Listening::Unsure,
            }
        }
        answer
    }
}

/// Returns the interfaces at which a packet may have come in, each once: the one at which it was `seen`, and those that `have` its address.
/// They may differ, as the port of a bridge and the bridge do. Without any it is 0, and a socket bound to an interface is not found. A
/// link-local address is another one at each interface (RFC 4007), so only the one that was `seen` is asked if it has it.
fn candidates(address: IpAddr, have: &[u32], seen: u32) -> impl Iterator<Item = u32> {
    let is_scoped = matches!(address, IpAddr::V6(address) if address.is_unicast_link_local());
    let rest = if is_scoped && have.contains(&seen) {
        &[]
    } else {
        have
    };
    let rest = rest.iter().copied().filter(move |&it| it != seen);
    let first = (seen != 0 || have.is_empty()).then_some(seen);
    first.into_iter().chain(rest)
}

/// Parses the first and the last port of `ip_local_port_range`, separated by a tab.
fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let mut ends = text.split_whitespace().map(str::parse);
    Some(ends.next()?.ok()?..=ends.next()?.ok()?)
}

/// The watched network namespace and those of other processes.
pub(super) struct Namespaces {
    own: Namespace,
    own_id: NetnsId,
    home: File,
    others: HashMap<NetnsId, Namespace>,
}

impl Namespaces {
    /// Opens the calling thread's namespace. The thread may enter another one later.
    pub(super) fn open() -> io::Result<Self> {
        let (home, own_id) = netns::open(Path::new(netns::OWN))?;
        Ok(Self {
            own: Namespace::open()?,
            own_id,
            home,
            others: HashMap::new(),
        })
    }

    /// Returns true if the kernel can look up sockets of a protocol.
    pub(super) fn can_find(&mut self, protocol: Protocol) -> io::Result<bool> {
        self.own.sockets.can_find(protocol)
    }

    /// Returns true if sockets in other namespaces are open. Such a socket keeps its namespace alive.
    pub(super) fn has_others(&self) -> bool {
        !self.others.is_empty()
    }

    /// Updates the list of namespaces while `go_on` returns true. It skips namespaces that cannot be entered.
    pub(super) fn update(&mut self, found: &HashMap<NetnsId, PathBuf>, go_on: impl Fn() -> bool) {
        self.others.retain(|id, _| found.contains_key(id));
        for namespace in self.others.values_mut().chain([&mut self.own]) {
            if let Ok(all) = Addresses::read(&namespace.netlink) {
                namespace.addresses = all;
            }
        }
        for (id, path) in found {
            if *id == self.own_id || self.others.contains_key(id) {
                continue;
            }
            if !go_on() {
                break;
            }
            if let Ok(namespace) = enter(path, *id) {
                self.others.insert(*id, namespace);
            }
        }
        // A thread keeps its namespace alive, so it returns to its own. If it could enter the others, it can enter
        // this one.
        let _ = netns::enter(self.home.as_fd());
    }

    /// Returns the socket of one side of a flow: in the watched namespace, at one of whose interfaces the flow was
    /// `seen`, or in the only other namespace that has such a socket.
    pub(super) fn find(
        &mut self,
        protocol: Protocol,
        own: SocketAddr,
        other: SocketAddr,
        seen: u32,
    ) -> Option<u32> {
        if let Some(found) = self.own.find(protocol, own, other, seen) {
            return Some(found.inode);
        }
        let others = self.others.values_mut();
        let mut found = others.filter_map(|namespace| namespace.find(protocol, own, other, 0));
        let first = found.next()?;
        // Two containers may have the same address; then the process is unknown.
        found.next().is_none().then_some(first.inode)
    }

    /// Finds out if a socket listens at an endpoint, in the network namespace that has the address. The watched
    /// namespace comes first; the flow was `seen` at one of its interfaces.
    pub(super) fn listening(
        &mut self,
        protocol: Protocol,
        end: SocketAddr,
        seen: u32,
    ) -> Listening {
        if self.own.has(end) {
            return self.own.listening(protocol, end, seen);
        }
        let others = self.others.values_mut();
        let mut all = others
            .filter(|namespace| namespace.addresses.contains(end.ip()))
            .map(|namespace| namespace.listening(protocol, end, 0));
        let Some(first) = all.next() else {
            return Listening::Elsewhere;
        };
        if all.all(|other| other == first) {
            first
        } else {
            Listening::Unsure
        }
    }
}

fn enter(path: &Path, id: NetnsId) -> io::Result<Namespace> {
    let (file, opened) = netns::open(path)?;
    if opened != id {
        return Err(io::ErrorKind::NotFound.into());
    }
    netns::enter(file.as_fd())?;
    Namespace::open()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_local_address_is_of_the_interface_that_saw_it() {
        let asked = |address: &str, have: &[u32], seen| -> Vec<u32> {
            candidates(address.parse().unwrap(), have, seen).collect()
        };
        for address in ["fe80::1", "10.0.0.1", "fd00::1"] {
            assert_eq!(asked(address, &[], 0), [0]);
            assert_eq!(asked(address, &[], 7), [7]);
            assert_eq!(asked(address, &[3, 4], 0), [3, 4]);
            // The port of a bridge has no address.
            assert_eq!(asked(address, &[3, 4], 7), [7, 3, 4]);
        }
        assert_eq!(asked("fe80::1", &[3, 4], 4), [4]);
        assert_eq!(asked("10.0.0.1", &[3, 4], 4), [4, 3]);
    }
}
