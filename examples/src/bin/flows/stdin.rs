//! A capture on standard input. A signal interrupts reading.

use std::{
    io::{self, Read},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::{Errno, read},
};

use crate::stop::Stop;

/// Interval between two checks for a signal while no data arrives.
const TICK: Duration = Duration::from_millis(50);

/// A source waits for its reader, and the writer of a pipe may never write again.
pub(crate) struct Stdin(pub(crate) Stop);

impl Read for Stdin {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let stdin = io::stdin();
        let tick = Timespec::try_from(TICK).ok();
        while !self.0.raised() {
            let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
            match poll(&mut fds, tick.as_ref()) {
                Ok(0) | Err(Errno::INTR) => {}
                // Reads without the standard library's buffer, whose contents `poll` does not see.
                Ok(_) => return Ok(read(&stdin, buffer)?),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(0)
    }
}
