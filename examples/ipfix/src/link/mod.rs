//! Transports of messages.

mod file;
mod lookup;
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

    /// Returns the octets of the longest message that the path takes without fragmentation, as far as the kernel knows.
    /// `None` if there is no such limit.
    fn longest_message(&self) -> Option<usize> {
        None
    }

    /// Returns true if sent messages may get lost, so that templates must be sent again regularly.
    fn needs_template_refresh(&self) -> bool {
        false
    }

    /// Looks up the collector's name again, without waiting. The next opening connects anew if it has moved.
    fn look_up_again(&mut self) {}

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
