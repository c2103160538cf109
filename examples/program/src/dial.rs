//! Connecting, within a time.

use std::{
    io,
    net::{TcpStream, ToSocketAddrs as _},
    time::Duration,
};

/// Connects by TCP to `host:port`, at the first of its addresses that answers. `patience` is for each of them, and for what is
/// written afterwards. Small messages are sent at once.
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
/// The look-up of the name; the system's words for the last address; that there is none.
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
