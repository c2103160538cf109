//! Servers of the far side.

use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, TcpListener, TcpStream, UdpSocket},
    thread,
};

/// Sends back as many octets as it is asked for.
pub(super) const TCP_PORT: u16 = 8080;
/// Answers each datagram with one twice as long.
pub(super) const UDP_PORT: u16 = 5300;

/// Octets written at once.
const CHUNK: usize = 16 * 1_024;

/// Serves both on this address for as long as the process lives.
pub(super) fn listen(address: IpAddr) -> io::Result<()> {
    let tcp = TcpListener::bind((address, TCP_PORT))?;
    let udp = UdpSocket::bind((address, UDP_PORT))?;
    thread::Builder::new()
        .name("demo-tcp".to_owned())
        .spawn(move || {
            for connection in tcp.incoming().flatten() {
                // One that breaks is its client's loss; connections come one at a time.
                let _ = answer(connection);
            }
        })?;
    thread::Builder::new()
        .name("demo-udp".to_owned())
        .spawn(move || {
            let mut datagram = [0; 2_048];
            while let Ok((length, client)) = udp.recv_from(&mut datagram) {
                let answer = datagram[..length].repeat(2);
                let _ = udp.send_to(&answer, client);
            }
        })?;
    Ok(())
}

/// Reads a length and sends that many octets.
fn answer(mut connection: TcpStream) -> io::Result<()> {
    let mut length = [0; 8];
    connection.read_exact(&mut length)?;
    let mut left = usize::try_from(u64::from_be_bytes(length)).unwrap_or(usize::MAX);
    while left > 0 {
        let chunk = left.min(CHUNK);
        connection.write_all(&[0x6d; CHUNK][..chunk])?;
        left -= chunk;
    }
    Ok(())
}
