//! Transports of messages.

mod file;
mod tcp;
mod udp;

use std::io;

pub(crate) use self::{file::File, tcp::Tcp, udp::Udp};
use crate::encode::Messages;

/// A transport to a collector. Its calls may block, so a thread of their own makes them.
pub(crate) trait Link: Send {
    /// Prepares for sending. Returns true for a new transport session, in which nothing was sent.
    fn open(&mut self) -> io::Result<bool>;

    /// Sends messages.
    fn send(&mut self, messages: &Messages) -> Result<(), Unsent>;

    /// Octets of the longest message that the way takes in one piece, as far as the kernel knows. None: there is no such limit.
    fn longest(&self) -> Option<usize> {
        None
    }

    /// Returns true if sent messages may get lost, so that templates must be sent again regularly.
    fn forgets(&self) -> bool {
        false
    }

    fn close(&mut self) -> io::Result<()>;
}

/// Not all messages were sent.
#[derive(Debug)]
pub(crate) struct Unsent {
    /// Number of sent messages.
    pub(crate) sent: usize,
    pub(crate) error: io::Error,
}

/// Creates an error that names the failed action.
pub(crate) fn cannot(what: &str, target: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot {what} `{target}`: {error}"))
}
