//! From the octets of a capture to records, without a thread and without a consumer.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{flows::Flows, shared::Shared};
use crate::{
    pcap::{Capture, Next, Packet, PcapError},
    source::{pace::Pace, pages::PageRequest},
};

/// Records that are made before somebody has to take them.
const BATCH: usize = 512;

/// A capture that is being counted. Records gather in `flows.out`.
#[derive(Debug)]
pub(super) struct CaptureReader<R: io::Read> {
    pub(super) capture: Capture<R>,
    pub(super) flows: Flows,
    pub(super) shared: Arc<Shared>,
    /// A packet that waits until what was due before it is told.
    pending: Option<Packet>,
    pace: Option<Pace>,
    /// Nothing of what was read last has been looked at.
    unseen: bool,
    /// Interfaces that are not read, as the report says.
    unread: usize,
    /// Time of the first packet of what was read last, ns since 1970.
    pub(super) first: Option<i64>,
}

/// Why going through what is in memory stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// All of it is counted: [`CaptureReader::fill`].
    Starved,
    /// Records wait to be taken.
    Records,
    /// A packet has to wait so long.
    Early(Duration),
    /// There is no more.
    End,
}

impl<R: io::Read> CaptureReader<R> {
    pub(super) fn new(capture: Capture<R>, flows: Flows, shared: Arc<Shared>) -> Self {
        Self {
            capture,
            flows,
            shared,
            pending: None,
            pace: None,
            // Finding out the format has read some.
            unseen: true,
            unread: 0,
            first: None,
        }
    }

    /// No faster than this.
    pub(super) fn paced(self, pace: Option<Pace>) -> Self {
        if let Some(pace) = &pace {
            pace.begin();
        }
        Self { pace, ..self }
    }

    /// Reads once. Blocks as long as the input does.
    pub(super) fn fill(&mut self) -> Result<(), PcapError> {
        self.unseen = true;
        self.capture.fill()
    }

    /// Counts packets as long as they are in memory and few records wait.
    pub(super) fn go_through(&mut self) -> Result<Stop, PcapError> {
        let stop = self.count();
        self.shared.tell(&mut self.unread);
        stop
    }

    fn count(&mut self) -> Result<Stop, PcapError> {
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
            if let Some(wait) = self.wait(&packet) {
                self.pending = Some(packet);
                return Ok(Stop::Early(wait));
            }
            if std::mem::take(&mut self.unseen) {
                self.first = packet.time.map(|time| time.at);
            }
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

    /// How long a packet has to wait, if it has.
    fn wait(&self, packet: &Packet) -> Option<Duration> {
        let pace = self.pace.as_ref()?;
        match packet.time {
            Some(time) => pace.wait(time.at, Instant::now()),
            None => pace.wait_without_time(),
        }
    }

    /// Fills a page of open flows.
    pub(super) fn fill_page(&self, request: PageRequest) {
        self.flows.fill(&self.shared.lock(), request);
    }

    /// Lets time pass up to this moment (ns since 1970) without a packet. `true` when all records that are due by then are made.
    pub(super) fn pass(&mut self, until: i64) -> bool {
        let mut counts = self.shared.lock();
        self.flows.pass(until);
        self.flows.expire(&mut counts, BATCH)
    }

    /// Ends flows that are still open, as many as may wait. `true` when none is left.
    pub(super) fn empty(&mut self) -> bool {
        let mut counts = self.shared.lock();
        self.flows.empty(&mut counts, BATCH)
    }
}
