//! Timeouts in nanoseconds.

use mermin_bpf::{
    track::tcp::{ended, flags_from_bytes, flags_to_bytes},
    wire::{protocol, tcp::flag},
};

use super::{
    expiry_state::ExpiryState,
    timeouts::{Timeouts, nanoseconds},
};

/// [`Timeouts`] in ns: a sweep compares two of them for each flow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) active: u64,
    tcp: u64,
    tcp_fin: u64,
    tcp_half_closed: u64,
    tcp_rst: u64,
    udp: u64,
    icmp: u64,
    other: u64,
}

impl From<Timeouts> for Limits {
    fn from(timeouts: Timeouts) -> Self {
        Self {
            active: nanoseconds(timeouts.active),
            tcp: nanoseconds(timeouts.tcp),
            tcp_fin: nanoseconds(timeouts.tcp_fin),
            tcp_half_closed: nanoseconds(timeouts.tcp_half_closed),
            tcp_rst: nanoseconds(timeouts.tcp_rst),
            udp: nanoseconds(timeouts.udp),
            icmp: nanoseconds(timeouts.icmp),
            other: nanoseconds(timeouts.other),
        }
    }
}

impl Limits {
    /// Time without a packet after which this flow ends.
    pub(crate) fn idle(&self, flow: &ExpiryState) -> u64 {
        let [one, other] = flow.tcp_flags;
        let seen = one | other;
        match flow.protocol {
            protocol::TCP | protocol::SCTP | protocol::DCCP
                if seen & flags_to_bytes(flag::RST) != 0 =>
            {
                self.tcp_rst
            }
            protocol::TCP if one & other & flags_to_bytes(flag::FIN) != 0 => self.tcp_fin,
            protocol::TCP if seen & flags_to_bytes(flag::FIN) != 0 => self.tcp_half_closed,
            protocol::TCP => self.tcp,
            protocol::UDP => self.udp,
            protocol::ICMP | protocol::ICMPV6 => self.icmp,
            _ => self.other,
        }
    }
}

/// True if the flow's protocol has closed the connection.
pub(crate) fn is_over(flow: &ExpiryState) -> bool {
    let [one, other] = flow.tcp_flags.map(flags_from_bytes);
    protocol::has_connections(flow.protocol) && ended(one, other)
}
