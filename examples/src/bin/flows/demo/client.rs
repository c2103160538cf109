//! A client on the near side.

use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, SocketAddr, TcpStream, UdpSocket},
    thread,
    time::Duration,
};

use super::server::{TCP_PORT, UDP_PORT};

/// Octets requested, in turn: a small answer, a page, a picture.
const ANSWERS: [u64; 3] = [600, 40_000, 1_500_000];
/// Pause between two rounds.
const PAUSE: Duration = Duration::from_millis(400);
/// Longer than any exchange over a veth takes.
const PATIENCE: Duration = Duration::from_secs(1);

/// Makes one TCP connection and one UDP exchange per round, until the process ends.
pub(super) fn talk(server: IpAddr) {
    for answer in ANSWERS.into_iter().cycle() {
        // A failed download is visible as a flow, too.
        let _ = download(server, answer);
        let _ = query(server);
        thread::sleep(PAUSE);
    }
}

fn download(server: IpAddr, length: u64) -> io::Result<()> {
    let mut connection = TcpStream::connect_timeout(&SocketAddr::new(server, TCP_PORT), PATIENCE)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.write_all(&length.to_be_bytes())?;
    io::copy(&mut connection.take(length), &mut io::sink())?;
    Ok(())
}

fn query(server: IpAddr) -> io::Result<()> {
    let any: IpAddr = match server {
        IpAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect((server, UDP_PORT))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.send(b"which flows are there?")?;
    socket.recv(&mut [0; 2_048])?;
    Ok(())
}
