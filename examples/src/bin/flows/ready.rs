//! Notifies a script or a service manager that capturing has begun.

use std::{
    env,
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::{
        linux::net::SocketAddrExt as _,
        unix::{
            ffi::OsStrExt as _,
            net::{SocketAddr, UnixDatagram},
        },
    },
};

use crate::failure::Failure;

/// The receiver of the notification.
#[derive(Debug, Default)]
pub(crate) struct Ready(Option<File>);

impl Ready {
    /// Uses a descriptor that this process inherited, if one is given.
    ///
    /// # Errors
    /// A descriptor that is not open, or not writable.
    pub(crate) fn by(descriptor: Option<u32>) -> Result<Self, Failure> {
        let open = |number: u32| {
            OpenOptions::new()
                .write(true)
                .open(format!("/proc/self/fd/{number}"))
                .map_err(|error| {
                    Failure::new(format!("cannot write to the descriptor {number}"), &error)
                        .with_remedy(format!(
                            "open it for `flows`, as in `flows --ready-fd {number} {number}>FIFO`"
                        ))
                })
        };
        descriptor.map(open).transpose().map(Self)
    }

    /// Sends the notification, once.
    pub(crate) fn tell(self) {
        // An error is ignored: a program that has closed its end does not wait.
        if let Some(mut to) = self.0 {
            let _ = to.write_all(b"ready\n");
        }
        let _ = notify();
    }
}

/// Notifies as `sd_notify(3)` does: a datagram to the socket in the environment, if there is one.
fn notify() -> io::Result<()> {
    let Some(name) = env::var_os("NOTIFY_SOCKET") else {
        return Ok(());
    };
    let address = match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(&name)?,
    };
    UnixDatagram::unbound()?.send_to_addr(b"READY=1", &address)?;
    Ok(())
}
