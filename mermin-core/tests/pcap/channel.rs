//! A capture that is written while it is read.

use std::{
    io::{self, Read},
    sync::mpsc,
};

/// Reads the octets that are sent, and ends with the sender.
pub(crate) struct Channel {
    sent: mpsc::Receiver<Vec<u8>>,
    unread: Vec<u8>,
}

impl Channel {
    pub(crate) fn new() -> (mpsc::Sender<Vec<u8>>, Self) {
        let (sender, sent) = mpsc::channel();
        let unread = Vec::new();
        (sender, Self { sent, unread })
    }
}

impl Read for Channel {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.unread.is_empty() {
            self.unread = self.sent.recv().unwrap_or_default();
        }
        let read = (&self.unread[..]).read(buffer)?;
        self.unread.drain(..read);
        Ok(read)
    }
}
