//! Sends ICMP and ICMPv6 echo requests, as `ping` does.

use std::{
    io,
    net::{IpAddr, UdpSocket},
    process, thread,
    time::Duration,
};

use rustix::net::{AddressFamily, SocketType, ipproto, socket};

const ICMP_ECHO: u8 = 8;
const ICMPV6_ECHO: u8 = 128;
/// Payload after the header, of the same length as that of `ping`.
const PAYLOAD: [u8; 56] = [0x70; 56];
/// Pause between two requests.
const PAUSE: Duration = Duration::from_millis(500);

/// Sends requests with one identifier until the process ends. The far side's kernel replies.
pub(super) fn ping(host: IpAddr) {
    if let Ok(socket) = open(host) {
        // The lower half of the process id, as in `ping`.
        let identifier = process::id().to_be_bytes();
        let identifier = [identifier[2], identifier[3]];
        for sequence in 0..=u16::MAX {
            // A lost request is visible in the flow's counts.
            let _ = socket.send(&echo(host, identifier, sequence));
            thread::sleep(PAUSE);
        }
    }
}

/// Opens a raw socket, because ping sockets are off in a new namespace (`net.ipv4.ping_group_range`). The type is
/// `UdpSocket`, because `send` is the same call on both.
fn open(host: IpAddr) -> io::Result<UdpSocket> {
    let raw = match host {
        IpAddr::V4(_) => socket(AddressFamily::INET, SocketType::RAW, Some(ipproto::ICMP))?,
        IpAddr::V6(_) => socket(AddressFamily::INET6, SocketType::RAW, Some(ipproto::ICMPV6))?,
    };
    let socket = UdpSocket::from(raw);
    socket.connect((host, 0))?;
    Ok(socket)
}

fn echo(host: IpAddr, identifier: [u8; 2], sequence: u16) -> Vec<u8> {
    let kind = if host.is_ipv4() {
        ICMP_ECHO
    } else {
        ICMPV6_ECHO
    };
    let mut message = vec![kind, 0, 0, 0];
    message.extend(identifier);
    message.extend(sequence.to_be_bytes());
    message.extend(PAYLOAD);
    // For ICMPv6, the kernel computes the checksum (RFC 3542 section 3.1).
    if host.is_ipv4() {
        let sum = checksum(&message);
        message[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    message
}

/// Computes the Internet checksum (RFC 1071) of a message of even length.
fn checksum(message: &[u8]) -> u16 {
    let words = message.chunks_exact(2);
    let sum: u32 = words
        .map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])))
        .sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    !u16::try_from(folded).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    #[test]
    fn checksum_of_message_with_checksum_is_zero() {
        for sequence in [0, 1, 0xffff] {
            let message = echo(Ipv4Addr::LOCALHOST.into(), [0xab, 0xcd], sequence);
            assert_eq!(message.len(), 64);
            assert_eq!(checksum(&message), 0);
        }
        assert_eq!(
            echo(Ipv6Addr::LOCALHOST.into(), [0, 1], 0)[..4],
            [128, 0, 0, 0]
        );
    }
}
