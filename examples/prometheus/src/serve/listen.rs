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

/// Listens on an address, without blocking.
///
/// # Errors
/// The port is in use, or this user may not use it.
///
/// ```
/// let listener = mermin_prometheus::listen("127.0.0.1:0".parse()?)?;
/// let error = mermin_prometheus::listen(listener.local_addr()?).unwrap_err();
/// assert!(error.remedy().is_some_and(|it| it.starts_with("choose another port")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn listen(address: SocketAddr) -> Result<TcpListener, ListenError> {
    let listener = TcpListener::bind(address);
    let made = listener.and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    made.map_err(|cause| ListenError::new(address, cause))
}
