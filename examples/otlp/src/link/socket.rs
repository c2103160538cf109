//! A TCP connection that detects a lost peer.

use std::{
    hash::{BuildHasher, RandomState},
    io,
    net::SocketAddr,
    time::Duration,
};

use rustix::net::sockopt;
use tokio::{net::TcpStream, time::timeout};

/// Connects to one of the addresses of a name, in random order, so that exporters spread over receivers that share a
/// name.
pub(super) async fn connect(
    host: &str,
    port: u16,
    within: Duration,
    keep_alive: Duration,
) -> io::Result<TcpStream> {
    let mut addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.collect();
    let count = addresses.len();
    if count == 0 {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            "the name has no address",
        ));
    }
    let drawn = RandomState::new().hash_one(0_u8);
    addresses.rotate_left(usize::try_from(drawn % count as u64).unwrap_or(0));
    // An address without an answer leaves time for the others.
    let each = within / u32::try_from(count).unwrap_or(u32::MAX);
    let mut last = io::Error::from(io::ErrorKind::TimedOut);
    for address in addresses {
        match timeout(each, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true)?;
                watch(&stream, keep_alive)?;
                return Ok(stream);
            }
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}

/// Sends three probes within a third of the time. The connection ends if none is answered, or if sent data is not
/// acknowledged for that long.
fn watch(stream: &TcpStream, keep_alive: Duration) -> io::Result<()> {
    const QUESTIONS: u32 = 3;
    let second = Duration::from_secs(1);
    let pause = (keep_alive / (3 * QUESTIONS)).max(second);
    let patience = keep_alive + pause * QUESTIONS;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, keep_alive.max(second))?;
    sockopt::set_tcp_keepintvl(stream, pause)?;
    sockopt::set_tcp_keepcnt(stream, QUESTIONS)?;
    let milliseconds = u32::try_from(patience.as_millis()).unwrap_or(u32::MAX);
    sockopt::set_tcp_user_timeout(stream, milliseconds)?;
    Ok(())
}
