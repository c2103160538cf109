//! The reading thread: reads, counts, and waits for the consumer.

use std::{collections::VecDeque, io, sync::Arc, time::Duration};

use super::reading::{Reading, Stop};
use crate::{
    error::Error,
    pcap::Broken,
    source::{control::Control, queue::Queue},
};

/// Requests wake the thread; this is how long it would sleep without any.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// All that the thread owns.
#[derive(Debug)]
pub(super) struct Work<R> {
    pub(super) reading: Reading<R>,
    /// As errors call the capture.
    pub(super) name: String,
    pub(super) control: Arc<Control>,
    pub(super) queue: Arc<Queue>,
}

impl<R: io::Read> Work<R> {
    /// Reads until the end, the break, or until closed; then ends what is open. Without a consumer it gives up.
    pub(super) fn run(mut self) -> Result<(), Error> {
        let result = self.read();
        loop {
            let done = self.reading.empty();
            self.deliver();
            if done || self.control.is_abandoned() {
                break;
            }
        }
        result.map_err(|broken| broken.into_error(&self.name))
    }

    fn read(&mut self) -> Result<(), Broken> {
        while !self.control.is_closing() && !self.control.is_abandoned() {
            let stop = self.reading.go_through()?;
            self.deliver();
            match stop {
                Stop::Starved => self.reading.fill()?,
                Stop::Records => {}
                Stop::End => break,
            }
        }
        Ok(())
    }

    /// Hands over the records made so far; waits until there is room for them.
    fn deliver(&mut self) {
        let Reading { flows, shared, .. } = &mut self.reading;
        shared.lock().records += flows.out.len() as u64;
        while !flows.out.is_empty() && !self.control.is_abandoned() {
            let room = self.queue.room().min(flows.out.len());
            if room != 0 {
                let rest = flows.out.split_off(room);
                let mut batch: VecDeque<_> = std::mem::replace(&mut flows.out, rest);
                self.queue.put(&mut batch);
            } else if self.queue.want_room() {
                self.control.wait(LONGEST_WAIT);
            }
        }
    }
}
