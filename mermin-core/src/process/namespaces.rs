//! Sockets of all network namespaces.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, File},
    io,
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    os::fd::AsFd as _,
    path::{Path, PathBuf},
};

use super::{
    addresses,
    listening::Listening,
    socket::{OpenSocket, Sockets},
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
const USUAL_LOCAL_PORTS: RangeInclusive<u16> = 32_768..=60_999;

/// One network namespace.
struct Namespace {
    sockets: Sockets,
    netlink: Netlink,
    addresses: HashSet<IpAddr>,
    local_ports: RangeInclusive<u16>,
}

impl Namespace {
    /// Opens the calling thread's namespace.
    fn open() -> io::Result<Self> {
        let netlink = Netlink::open()?;
        Ok(Self {
            sockets: Sockets::open()?,
            addresses: addresses::all(&netlink)?,
            netlink,
            local_ports: fs::read_to_string(LOCAL_PORTS)
                .ok()
                .and_then(|text| range(&text))
                .unwrap_or(USUAL_LOCAL_PORTS),
        })
    }

    fn find(
        &mut self,
        protocol: Protocol,
        own: SocketAddr,
        other: SocketAddr,
    ) -> Option<OpenSocket> {
        let found = self.sockets.find(protocol, own, other).ok()??;
        // A socket bound to all addresses receives no forwarded packets.
        let is_own = own.ip().is_loopback() || self.addresses.contains(&own.ip());
        (found.bound.is_some() || is_own).then_some(found)
    }

    /// An unconnected UDP client looks like a server. The only difference is that the kernel assigned its port.
    fn listening(&mut self, protocol: Protocol, end: SocketAddr) -> Listening {
        if protocol == Protocol::UDP && self.local_ports.contains(&end.port()) {
            return Listening::No;
        }
        match self.sockets.is_listening(protocol, end) {
            Ok(true) => Listening::Yes,
            Ok(false) => Listening::No,
            Err(_) => Listening::Unsure,
        }
    }
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

    /// Returns true if sockets in other namespaces are open. Such a socket keeps its namespace alive.
    pub(super) fn has_others(&self) -> bool {
        !self.others.is_empty()
    }

    /// Updates the list of namespaces while `go_on` returns true. It skips namespaces that cannot be entered.
    pub(super) fn update(&mut self, found: &HashMap<NetnsId, PathBuf>, go_on: impl Fn() -> bool) {
        self.others.retain(|id, _| found.contains_key(id));
        for namespace in self.others.values_mut().chain([&mut self.own]) {
            if let Ok(all) = addresses::all(&namespace.netlink) {
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

    /// Returns the socket of one side of a flow: in the watched namespace, or in the only other namespace that has
    /// such a socket.
    pub(super) fn find(
        &mut self,
        protocol: Protocol,
        own: SocketAddr,
        other: SocketAddr,
    ) -> Option<u32> {
        if let Some(found) = self.own.find(protocol, own, other) {
            return Some(found.inode);
        }
        let others = self.others.values_mut();
        let mut found = others.filter_map(|namespace| namespace.find(protocol, own, other));
        let first = found.next()?;
        // Two containers may have the same address; then the process is unknown.
        found.next().is_none().then_some(first.inode)
    }

    /// Finds out if a socket listens at an endpoint, in the network namespace that has the address. The watched
    /// namespace comes first.
    pub(super) fn listening(&mut self, protocol: Protocol, end: SocketAddr) -> Listening {
        let address = end.ip();
        if address.is_loopback() || self.own.addresses.contains(&address) {
            return self.own.listening(protocol, end);
        }
        let others = self.others.values_mut();
        let mut all = others
            .filter(|namespace| namespace.addresses.contains(&address))
            .map(|namespace| namespace.listening(protocol, end));
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
