//! Opens a port for scrapers.

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

/// The reason why listening failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on `{address}`")]
pub struct ListenError {
    address: SocketAddr,
    #[source]
    cause: io::Error,
}

impl ListenError {
    pub(super) fn new(address: SocketAddr, cause: io::Error) -> Self {
        Self { address, cause }
    }

    /// Returns an object that prints the error, its cause and its remedy, one per line.
    #[must_use]
    pub fn in_words(&self) -> String {
        let remedy = self.remedy();
        let remedy = remedy.map_or(String::new(), |it| format!("\n  what to do: {it}"));
        format!("{self}\n  because: {}{remedy}", self.cause)
    }

    /// Returns the remedy.
    #[must_use]
    pub fn remedy(&self) -> Option<String> {
        let port = self.address.port();
        match self.cause.kind() {
            io::ErrorKind::AddrInUse => Some(format!(
                "choose another port, or see who has this one: `ss -ltnp 'sport = :{port}'`"
            )),
            io::ErrorKind::AddrNotAvailable => {
                Some("choose an address of this host: `ip address` shows them".to_owned())
            }
            io::ErrorKind::PermissionDenied => {
                Some("choose a port of 1024 or above, or run as root".to_owned())
            }
            _ => None,
        }
    }
}

/// Binds at once, so that the caller gets an error.
pub(super) fn listen(address: SocketAddr) -> Result<TcpListener, ListenError> {
    let listener = TcpListener::bind(address);
    let made = listener.and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    made.map_err(|cause| ListenError::new(address, cause))
}
