//! Unacknowledged octets of a TCP connection.

use std::{ffi::c_int, io, net::TcpStream};

use rustix::ioctl::{Getter, Opcode, ioctl};

/// `SIOCOUTQ` of `linux/sockios.h` (tcp(7)): octets in the send queue, including those in transit.
const SIOCOUTQ: Opcode = 0x5411;

/// Returns the octets that were written and that the peer's kernel has not acknowledged.
#[expect(unsafe_code, reason = "rustix has no safe call for SIOCOUTQ")]
pub(crate) fn unacknowledged(stream: &TcpStream) -> io::Result<u64> {
    // SAFETY: of a TCP socket this operation writes one int, which `Getter` provides.
    let octets = unsafe { ioctl(stream, Getter::<SIOCOUTQ, c_int>::new())? };
    Ok(u64::try_from(octets).unwrap_or(0))
}
