//! Connects with a timeout.

use std::{
    io,
    net::{TcpStream, ToSocketAddrs as _},
    time::Duration,
};

/// Connects over TCP to `host:port`, to the first of its addresses that answers. `patience` is the timeout for each
/// address, and for later writes. Small messages are sent at once (`TCP_NODELAY`).
///
/// ```
/// use std::{net::TcpListener, time::Duration};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let address = listener.local_addr()?;
/// let stream = mermin_program::dial(&address.to_string(), Duration::from_secs(1))?;
/// assert_eq!(stream.peer_addr()?, address);
/// # Ok::<_, std::io::Error>(())
/// ```
///
/// # Errors
/// The error of the name look-up; the system's error for the last address; a name without an address.
pub fn dial(target: &str, patience: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in target.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, patience) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_write_timeout(Some(patience))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}
