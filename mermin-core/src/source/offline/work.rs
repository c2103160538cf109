//! The reading thread: reads, counts, and waits for the consumer.

use std::{collections::VecDeque, io, sync::Arc, time::Duration};

use super::{flows::Flows, shared::Shared};
use crate::{
    error::Error,
    pcap::{Broken, Capture, Next, Packet},
    source::{control::Control, queue::Queue},
};

/// Records that are handed over at once.
const BATCH: usize = 512;
/// Requests wake the thread; this is how long it would sleep without any.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// All that the thread owns.
#[derive(Debug)]
pub(super) struct Work<R> {
    pub(super) capture: Capture<R>,
    /// As errors call the capture.
    pub(super) name: String,
    pub(super) flows: Flows,
    /// A packet that waits until what was due before it is told.
    pub(super) pending: Option<Packet>,
    pub(super) shared: Arc<Shared>,
    pub(super) control: Arc<Control>,
    pub(super) queue: Arc<Queue>,
}

/// Why going through what is in memory stopped.
enum Stop {
    /// All of it is counted.
    Starved,
    /// Records wait.
    Records,
    End,
}

impl<R: io::Read> Work<R> {
    /// Reads until the end, the break, or until closed; then ends what is open. Without a consumer it gives up.
    pub(super) fn run(mut self) -> Result<(), Error> {
        let result = self.read();
        loop {
            let done = {
                let mut counts = self.shared.lock();
                self.flows.empty(&mut counts, BATCH)
            };
            self.deliver();
            if done || self.control.is_abandoned() {
                break;
            }
        }
        result.map_err(|broken| broken.into_error(&self.name))
    }

    fn read(&mut self) -> Result<(), Broken> {
        while !self.control.is_closing() && !self.control.is_abandoned() {
            let stop = self.go_through()?;
            self.deliver();
            match stop {
                Stop::Starved => self.capture.fill()?,
                Stop::Records => {}
                Stop::End => break,
            }
        }
        Ok(())
    }

    /// Counts packets as long as they are in memory.
    fn go_through(&mut self) -> Result<Stop, Broken> {
        let mut counts = self.shared.lock();
        while self.flows.out.len() < BATCH {
            let packet = match self.pending.take() {
                Some(packet) => packet,
                None => match self.capture.next()? {
                    Next::Packet(packet) => packet,
                    Next::More => return Ok(Stop::Starved),
                    Next::End => return Ok(Stop::End),
                },
            };
            let at = self.flows.moment(&packet);
            if !self.flows.expire(&mut counts, BATCH) {
                self.pending = Some(packet);
                break;
            }
            if let Some(interface) = self.capture.interfaces().get(packet.interface) {
                let octets = self.capture.octets(&packet);
                self.flows
                    .packet(&mut counts, interface, &packet, at, octets);
            }
        }
        Ok(Stop::Records)
    }

    /// Hands over the records made so far; waits until there is room for them.
    fn deliver(&mut self) {
        let made = self.flows.out.len() as u64;
        self.shared.lock().records += made;
        while !self.flows.out.is_empty() && !self.control.is_abandoned() {
            let room = self.queue.room().min(self.flows.out.len());
            if room != 0 {
                let rest = self.flows.out.split_off(room);
                let mut batch: VecDeque<_> = std::mem::replace(&mut self.flows.out, rest);
                self.queue.put(&mut batch);
            } else if self.queue.want_room() {
                self.control.wait(LONGEST_WAIT);
            }
        }
    }
}
