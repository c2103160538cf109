//! Reads the octets of a capture and makes records, without a thread or a consumer.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    flows::Flows,
    shared::{Reported, Shared},
};
use crate::{
    pcap::{Capture, Next, Packet, PcapError},
    source::{pace::Pace, pages::PageRequest},
};

/// Number of records after which the caller has to take them.
pub(super) const BATCH: usize = 512;

/// A capture that is being counted. Its records are in `flows.out`.
#[derive(Debug)]
pub(super) struct CaptureReader<R: io::Read> {
    pub(super) capture: Capture<R>,
    pub(super) flows: Flows,
    pub(super) shared: Arc<Shared>,
    /// A packet that waits for the records that are due before it.
    pending: Option<Packet>,
    pace: Option<Pace>,
    /// No packet of the last read was processed yet.
    unseen: bool,
    /// As the report is.
    reported: Reported,
    /// Time of the first packet of the last read, ns since 1970.
    pub(super) first: Option<i64>,
}

/// Reason why processing the packets in memory stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// All packets in memory are counted. [`CaptureReader::fill`] reads more.
    Starved,
    /// The records have to be taken first.
    Records,
    /// A packet has to wait this long, by the pace of playback.
    Early(Duration),
    /// The capture has ended.
    End,
}

impl<R: io::Read> CaptureReader<R> {
    pub(super) fn new(capture: Capture<R>, flows: Flows, shared: Arc<Shared>) -> Self {
        shared.lock().sampling = flows.sampling_shift();
        Self {
            capture,
            flows,
            shared,
            pending: None,
            pace: None,
            // Detecting the format has read some octets.
            unseen: true,
            reported: Reported::default(),
            first: None,
        }
    }

    /// Limits the speed of playback.
    pub(super) fn paced(self, pace: Option<Pace>) -> Self {
        if let Some(pace) = &pace {
            pace.begin();
        }
        Self { pace, ..self }
    }

    /// Reads once. Blocks while the input blocks.
    pub(super) fn fill(&mut self) -> Result<(), PcapError> {
        self.unseen = true;
        self.capture.fill()
    }

    /// Counts the packets in memory until enough records wait.
    pub(super) fn go_through(&mut self) -> Result<Stop, PcapError> {
        let stop = self.count();
        self.shared.tell(&mut self.reported);
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

    /// The time that a packet has to wait, if any.
    fn wait(&self, packet: &Packet) -> Option<Duration> {
        let pace = self.pace.as_ref()?;
        match packet.time {
            Some(time) => pace.wait(time.at, Instant::now()),
            None => pace.wait_without_time(),
        }
    }

    /// Fills a page of open flows.
    pub(super) fn fill_page(&self, request: PageRequest) {
        let filled = self.flows.fill(&self.shared.lock(), request);
        filled.send();
    }

    /// Advances the time to this moment (ns since 1970) without a packet. `true` if all records due by then are made.
    pub(super) fn pass(&mut self, until: i64) -> bool {
        let mut counts = self.shared.lock();
        self.flows.pass(until);
        self.flows.expire(&mut counts, BATCH)
    }

    /// Ends open flows, up to the number of records that may wait. `true` if no flow is left.
    pub(super) fn empty(&mut self) -> bool {
        let mut counts = self.shared.lock();
        self.flows.empty(&mut counts, BATCH)
    }
}
