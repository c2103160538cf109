//! Servers on the far side.

use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, TcpListener, TcpStream, UdpSocket},
    thread,
};

/// Sends as many octets as the client requests.
pub(super) const TCP_PORT: u16 = 8080;
/// Answers each datagram with one of twice its length.
pub(super) const UDP_PORT: u16 = 5300;

/// Octets per write.
const CHUNK: usize = 16 * 1_024;

/// Runs both servers on this address until the process ends.
pub(super) fn listen(address: IpAddr) -> io::Result<()> {
    let tcp = TcpListener::bind((address, TCP_PORT))?;
    let udp = UdpSocket::bind((address, UDP_PORT))?;
    thread::Builder::new()
        .name("demo-tcp".to_owned())
        .spawn(move || {
            for connection in tcp.incoming().flatten() {
                // Only the client is affected if a connection breaks. Connections are served one at a time.
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
