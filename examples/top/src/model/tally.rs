//! Sums and rates.

use std::time::Duration;

use super::history::History;

/// Octets and packets so far, and in the latest frame.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) octets: u64,
    pub(crate) packets: u64,
    /// Octets per second.
    pub(crate) rate: f64,
    /// Packets per second.
    pub(crate) packet_rate: f64,
    pub(crate) history: History,
    /// A sampled flow is in the sums, and stands for others that were left out.
    pub(crate) is_estimate: bool,
    /// Counts of the current frame.
    new: [u64; 2],
}

impl Tally {
    /// Adds octets and packets.
    pub(crate) fn add(&mut self, [octets, packets]: [u64; 2]) {
        self.add_earlier([octets, packets]);
        self.new[0] = self.new[0].saturating_add(octets);
        self.new[1] = self.new[1].saturating_add(packets);
    }

    /// Adds octets and packets from before the current frame.
    pub(crate) fn add_earlier(&mut self, [octets, packets]: [u64; 2]) {
        self.octets = self.octets.saturating_add(octets);
        self.packets = self.packets.saturating_add(packets);
    }

    /// Raises the sums to these, and returns the difference. Sums never decrease: a record may be older than a
    /// snapshot.
    pub(crate) fn raise(&mut self, [octets, packets]: [u64; 2]) -> [u64; 2] {
        let more = [
            octets.saturating_sub(self.octets),
            packets.saturating_sub(self.packets),
        ];
        self.add(more);
        more
    }

    /// Ends a frame of this duration.
    pub(crate) fn end_frame(&mut self, took: Duration) {
        let [octets, packets] = std::mem::take(&mut self.new);
        let seconds = took.as_secs_f64().max(1e-3);
        #[expect(
            clippy::cast_precision_loss,
            reason = "a rate is shown with four digits"
        )]
        let rate = |count: u64| count as f64 / seconds;
        self.rate = rate(octets);
        self.packet_rate = rate(packets);
        self.history.push(self.rate);
    }
}
