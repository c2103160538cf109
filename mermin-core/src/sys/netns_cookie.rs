//! The number that names a network namespace for as long as the machine runs.
#![expect(unsafe_code, reason = "rustix does not have this socket option")]

use std::{io, os::fd::AsRawFd};

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

/// `SO_NETNS_COOKIE`, Linux 5.14.
const SO_NETNS_COOKIE: libc::c_int = 71;

/// The cookie of the calling thread's network namespace. Unlike an inode, it is never reused.
///
/// # Errors
/// The kernel's.
pub(crate) fn current() -> io::Result<u64> {
    let socket = socket_with(
        AddressFamily::UNIX,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        None,
    )?;
    let mut cookie = 0_u64;
    let mut length = libc::socklen_t::try_from(size_of::<u64>()).map_err(io::Error::other)?;
    // SAFETY: the kernel writes `length` octets at most to `cookie`, which is that long.
    let status = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            SO_NETNS_COOKIE,
            (&raw mut cookie).cast(),
            &raw mut length,
        )
    };
    if status == 0 {
        Ok(cookie)
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_namespace_has_a_cookie_of_its_own() {
        let here = current().unwrap();
        assert_eq!(current().unwrap(), here);
        let other = std::thread::spawn(|| {
            crate::sys::netns::enter_new().ok()?;
            current().ok()
        });
        if let Some(other) = other.join().unwrap() {
            assert_ne!(other, here);
        }
    }
}
