//! Encodes flows as requests of OTLP.

use std::time::{Duration, SystemTime};

use mermin_core::Flow;

use super::{
    envelope::{Envelope, Request},
    log::put_log,
    span::put_span,
};
use crate::settings::Settings;

/// Encodes requests of OTLP directly from flows.
///
/// ```
/// use std::time::SystemTime;
/// use mermin_core::Flow;
/// use mermin_otlp::{Encoder, Settings};
///
/// # fn flows() -> Vec<Flow> { Vec::new() }
/// let encoder = Encoder::new(&Settings::default());
/// // An `ExportTraceServiceRequest`.
/// let octets: Vec<u8> = encoder.spans(&flows());
/// let octets: Vec<u8> = encoder.logs(&flows(), SystemTime::now());
/// # assert!(!octets.is_empty());
/// ```
#[derive(Clone, Debug)]
pub struct Encoder {
    envelope: Envelope,
    community_id_seed: u16,
    trace_id_timeout: Duration,
}

/// The item for each record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Span,
    /// Log records observed at this time.
    Log(SystemTime),
}

impl Encoder {
    /// Creates an encoder with the resource and the ids of these settings.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self {
            envelope: Envelope::new(&settings.resource),
            community_id_seed: settings.community_id_seed,
            trace_id_timeout: settings.trace_id_timeout,
        }
    }

    /// Returns an `ExportTraceServiceRequest` of these records.
    #[must_use]
    pub fn spans(&self, flows: &[Flow]) -> Vec<u8> {
        self.whole(flows, Item::Span)
    }

    /// Returns an `ExportLogsServiceRequest` of these records, observed at this time.
    #[must_use]
    pub fn logs(&self, flows: &[Flow], now: SystemTime) -> Vec<u8> {
        self.whole(flows, Item::Log(now))
    }

    fn whole(&self, flows: &[Flow], item: Item) -> Vec<u8> {
        let mut request = Request::default();
        self.encode(flows, item, usize::MAX, &mut request);
        request.as_bytes().to_vec()
    }

    /// Encodes as many of the first records as fit into this many octets, at least one; returns their number.
    pub(crate) fn encode(
        &self,
        flows: &[Flow],
        item: Item,
        most: usize,
        request: &mut Request,
    ) -> usize {
        self.envelope.begin(request);
        let mut written = 0;
        for flow in flows {
            let before = request.len();
            let (seed, timeout) = (self.community_id_seed, self.trace_id_timeout);
            let out = request.items();
            match item {
                Item::Span => put_span(out, Request::ITEM, flow, seed, timeout),
                Item::Log(now) => put_log(out, Request::ITEM, flow, seed, timeout, now),
            }
            if request.len() > most && written != 0 {
                request.truncate(before);
                break;
            }
            written += 1;
        }
        self.envelope.end(request);
        written
    }

    pub(crate) fn envelope(&self) -> &Envelope {
        &self.envelope
    }
}
