//! Looks up a collector's name, and again while it exports.

use std::{
    io,
    net::{SocketAddr, ToSocketAddrs as _},
    thread::{self, JoinHandle},
};

pub(super) struct Lookup {
    target: String,
    addresses: Vec<SocketAddr>,
    running: Option<JoinHandle<io::Result<Vec<SocketAddr>>>>,
}

impl Lookup {
    pub(super) fn new(target: String) -> Self {
        Self {
            target,
            addresses: Vec::new(),
            running: None,
        }
    }

    /// Returns the latest addresses. The first call waits for them.
    pub(super) fn addresses(&mut self) -> io::Result<&[SocketAddr]> {
        if self.addresses.is_empty() {
            self.addresses = addresses(&self.target)?;
        }
        Ok(&self.addresses)
    }

    /// Begins another lookup, in a thread, because the caller may be an executor's. A target that is an address needs none.
    pub(super) fn begin(&mut self) {
        if self.running.is_some() || self.target.parse::<SocketAddr>().is_ok() {
            return;
        }
        let target = self.target.clone();
        let name = "mermin-ipfix-dns".to_owned();
        let begun = thread::Builder::new().name(name);
        // Without a thread, the addresses stay as they are.
        self.running = begun.spawn(move || addresses(&target)).ok();
    }

    /// Returns the addresses of a lookup that has ended since the last call. A name that has none for now keeps its last ones.
    pub(super) fn end(&mut self) -> Option<&[SocketAddr]> {
        let ended = self.running.take_if(|running| running.is_finished())?;
        let found = ended.join().ok()?.ok()?;
        if found.is_empty() {
            return None;
        }
        self.addresses = found;
        Some(&self.addresses)
    }
}

fn addresses(target: &str) -> io::Result<Vec<SocketAddr>> {
    Ok(target.to_socket_addrs()?.collect())
}
