//! Generates traffic on a quiet machine: two network namespaces joined by a veth pair, with programs that talk over
//! it.
//!
//! This thread enters one of the namespaces, so the source watches there. Nothing of the host is changed, and both
//! namespaces end with the process.

mod client;
mod namespace;
mod ping;
mod route;
mod server;

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::fd::OwnedFd,
    sync::mpsc,
    thread,
};

use crate::failure::Failure;
use route::Route;

/// Interface of the watched side.
const NEAR: &str = "demo0";
/// Interface of the other side.
const FAR: &str = "demo1";

/// Addresses of both sides, from the documentation ranges (RFC 5737, RFC 3849).
const IPV4: Link = Link {
    near: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    far: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)),
    prefix: 24,
};
const IPV6: Link = Link {
    near: IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
    far: IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2)),
    prefix: 64,
};

/// One network between the two sides.
#[derive(Clone, Copy)]
struct Link {
    near: IpAddr,
    far: IpAddr,
    prefix: u8,
}

/// Both namespaces, with servers in the far one.
pub(crate) struct Demo {
    servers: Vec<IpAddr>,
}

impl Demo {
    /// Moves this thread into a new namespace, and joins it to another one with servers.
    ///
    /// # Errors
    /// A missing privilege, or a kernel without network namespaces or veth.
    pub(crate) fn prepare() -> Result<Self, Failure> {
        namespace::enter_new().map_err(|error| {
            Failure::new(
                "cannot create a network namespace for the demonstration",
                &error,
            )
            .with_remedy("run as root, or with the capabilities SYS_ADMIN and NET_ADMIN")
        })?;
        Self::build().map_err(|error| {
            Failure::new("cannot prepare the demonstration's network", &error)
                .with_remedy("see whether the kernel has veth (`modprobe veth`)")
        })
    }

    fn build() -> io::Result<Self> {
        let (namespace, far) = mpsc::channel();
        let (joined, wait_for_join) = mpsc::channel();
        let (listening, wait_for_servers) = mpsc::channel();
        thread::Builder::new()
            .name("demo-far".to_owned())
            .spawn(move || {
                let entered = namespace::enter_new().and_then(|()| namespace::current());
                let entered = namespace.send(entered).is_ok();
                if entered && wait_for_join.recv().is_ok() {
                    let _ = listening.send(serve());
                }
            })?;
        let far: OwnedFd = answer(&far)??;
        let route = Route::open()?;
        route.add_veth(NEAR, FAR, &far)?;
        configure(&route, NEAR, |link| link.near)?;
        // Tells the far side to continue. If it has ended, the next receive fails.
        let _ = joined.send(());
        let servers = answer(&wait_for_servers)??;
        Ok(Self { servers })
    }

    /// Starts the clients, which run until the process ends.
    pub(crate) fn make_traffic(&self) {
        for &server in &self.servers {
            // If a thread cannot start, only one kind of traffic is missing.
            let _ = thread::Builder::new()
                .name("demo-client".to_owned())
                .spawn(move || client::talk(server));
            let _ = thread::Builder::new()
                .name("demo-ping".to_owned())
                .spawn(move || ping::ping(server));
        }
    }
}

fn answer<T>(from: &mpsc::Receiver<T>) -> io::Result<T> {
    from.recv()
        .map_err(|_| io::Error::other("the thread of the far side ended"))
}

/// Gives the far side its addresses, and starts servers on each.
fn serve() -> io::Result<Vec<IpAddr>> {
    let links = configure(&Route::open()?, FAR, |link| link.far)?;
    for link in &links {
        server::listen(link.far)?;
    }
    Ok(links.into_iter().map(|link| link.far).collect())
}

/// Sets addresses, then sets the interface up. IPv6 is skipped if the kernel lacks it.
fn configure(
    route: &Route,
    interface: &str,
    address: impl Fn(&Link) -> IpAddr,
) -> io::Result<Vec<Link>> {
    route.add_address(interface, address(&IPV4), IPV4.prefix)?;
    let mut links = vec![IPV4];
    if route
        .add_address(interface, address(&IPV6), IPV6.prefix)
        .is_ok()
    {
        links.push(IPV6);
    }
    route.set_up(interface)?;
    Ok(links)
}
