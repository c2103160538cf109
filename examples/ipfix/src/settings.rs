//! Settings of the exporter.

use std::time::Duration;

/// Smallest allowed message: room for its header and any template or record.
pub(crate) const SMALLEST_MESSAGE: usize = 512;

/// Shortest interval of templates. With zero, the thread would do nothing else.
const SHORTEST_REFRESH: Duration = Duration::from_millis(100);

/// Times in addition to those in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FineTimes {
    /// None.
    #[default]
    None,
    /// `flowStartMicroseconds` and `flowEndMicroseconds` (154, 155).
    Microseconds,
    /// `flowStartNanoseconds` and `flowEndNanoseconds` (156, 157).
    Nanoseconds,
}

/// Format of flows. `nfcapd`, `nfacctd`, `ipfixDump` and `tshark` all read the defaults correctly.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "give it to an exporter"]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Settings {
    pub(crate) domain: u32,
    pub(crate) biflow: bool,
    pub(crate) fine_times: FineTimes,
    pub(crate) wide_tcp_flags: bool,
    pub(crate) totals: bool,
    pub(crate) dot1q: bool,
    pub(crate) outer_addresses: bool,
    pub(crate) frame_octets: bool,
    pub(crate) message: usize,
    pub(crate) refresh: Duration,
    pub(crate) refresh_messages: u32,
    pub(crate) patience: Duration,
    pub(crate) own_thread: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            domain: 0,
            biflow: false,
            fine_times: FineTimes::None,
            wide_tcp_flags: false,
            totals: false,
            dot1q: false,
            outer_addresses: false,
            frame_octets: false,
            message: 1400,
            refresh: Duration::from_secs(30),
            refresh_messages: 200,
            patience: Duration::from_secs(10),
            own_thread: true,
        }
    }
}

impl Settings {
    /// Sets the observation domain. Default: 0. Collectors keep templates by exporter address and domain, so two
    /// exporters on one host need two domains.
    pub fn domain(mut self, domain: u32) -> Self {
        self.domain = domain;
        self
    }

    /// Writes one record for both directions (RFC 5103) instead of one for each. Default: no. `nfacctd` 1.7.7 drops
    /// the reverse counters. `nfcapd` 1.7.1 stores reverse flags and class of service in place of the forward ones if
    /// they come last; therefore reverse elements come first.
    pub fn biflow(mut self, biflow: bool) -> Self {
        self.biflow = biflow;
        self
    }

    /// Adds times beside those in milliseconds. Default: none. Times in milliseconds stay, because `nfcapd` 1.7.1
    /// would store 1970 otherwise.
    pub fn fine_times(mut self, fine_times: FineTimes) -> Self {
        self.fine_times = fine_times;
        self
    }

    /// Writes `tcpControlBits` in two octets, as in the registry, instead of one. Default: no, because `nfacctd`
    /// 1.7.7 reads two octets as 0.
    pub fn wide_tcp_flags(mut self, wide: bool) -> Self {
        self.wide_tcp_flags = wide;
        self
    }

    /// Writes `packetTotalCount` and `octetTotalCount` (86, 85) before the delta counts. Default: no. A collector
    /// that uses the last of both kinds adds up correctly only with deltas.
    pub fn totals(mut self, totals: bool) -> Self {
        self.totals = totals;
        self
    }

    /// Writes `dot1qVlanId` (243) for the outer tag instead of `vlanId` (58). The inner tag is `dot1qCustomerVlanId`
    /// (245) in either case. Default: no, because `nfcapd` 1.7.1 does not know 243.
    pub fn dot1q(mut self, dot1q: bool) -> Self {
        self.dot1q = dot1q;
        self
    }

    /// Writes the outer addresses of a tunnel, as a first pair of address elements before the inner pair (RFC 7011
    /// section 8). Default: no, because `nfcapd` 1.7.1 stores no address at all if outer and inner version differ.
    pub fn outer_addresses(mut self, outer: bool) -> Self {
        self.outer_addresses = outer;
        self
    }

    /// Writes `layer2OctetDeltaCount` (352): octets of whole frames, beside those of IP packets. Default: no, because most collectors
    /// have no field for it.
    pub fn frame_octets(mut self, frame_octets: bool) -> Self {
        self.frame_octets = frame_octets;
        self
    }

    /// Octets of a message at most. Default: 1400. At least 512 and at most 65,535. Over UDP a message is one datagram, and is
    /// shorter where the MTU of the path to the collector asks for it, but for the least of 512. Some routers that drop a
    /// datagram do not say so, and the kernel does not learn the path's MTU then: 1400 passes through most tunnels.
    pub fn message(mut self, octets: usize) -> Self {
        self.message = octets.clamp(SMALLEST_MESSAGE, usize::from(u16::MAX));
        self
    }

    /// Sets how often templates and options are sent again over UDP: after this time, or this many messages,
    /// whichever comes first. Default: 30 s, 200 messages. At least 100 ms and one message.
    pub fn refresh(mut self, time: Duration, messages: u32) -> Self {
        self.refresh = time.max(SHORTEST_REFRESH);
        self.refresh_messages = messages.max(1);
        self
    }

    /// Sets the timeout of a TCP connection for connecting and for acknowledgements. Default: 10 s.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience.max(Duration::from_millis(1));
        self
    }

    /// Sends datagrams from a thread of the exporter. Default: yes. Without it, `export` blocks its caller while it looks up the
    /// collector's name and sends. That is for a task that has its executor's thread to itself: no record is copied then, and no thread
    /// woken for a batch. Over TCP and to files there always is a thread, because acknowledgements and files can block for long, and a
    /// blocked task does not heed a time limit of closing.
    pub fn own_thread(mut self, own_thread: bool) -> Self {
        self.own_thread = own_thread;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn template_interval_has_a_minimum() {
        let settings = Settings::default().refresh(Duration::ZERO, 0);
        assert_eq!(settings.refresh, SHORTEST_REFRESH);
        assert_eq!(settings.refresh_messages, 1);
    }
}
