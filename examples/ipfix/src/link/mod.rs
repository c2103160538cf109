//! The links that messages go through.

mod file;
mod tcp;
mod udp;

use std::io;

pub(crate) use self::{file::File, tcp::Tcp, udp::Udp};
use crate::encode::Messages;

/// A way to a collector. Its calls may block: they are made by a thread of their own.
pub(crate) trait Link: Send {
    /// Makes it ready to send. True for a new transport session, in which nothing was told.
    fn open(&mut self) -> io::Result<bool>;

    /// Sends messages.
    fn send(&mut self, messages: &Messages) -> Result<(), Unsent>;

    /// Octets of the longest message that the way takes in one piece, as far as the kernel knows. None: there is no such limit.
    fn longest(&self) -> Option<usize> {
        None
    }

    /// True if what was told may be lost on the way, so that it has to be told again by and by.
    fn forgets(&self) -> bool {
        false
    }

    fn close(&mut self) -> io::Result<()>;
}

/// Not all could be sent.
#[derive(Debug)]
pub(crate) struct Unsent {
    /// Messages that were.
    pub(crate) sent: usize,
    pub(crate) error: io::Error,
}

/// Names what failed.
pub(crate) fn cannot(what: &str, target: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot {what} `{target}`: {error}"))
}
