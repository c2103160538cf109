//! Fields that only TCP flows have.

use std::{fmt, time::Duration};

use mermin_bpf::track::tcp::State;

/// Fields that only TCP flows have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Tcp {
    /// State at the time of this record.
    pub state: TcpState,
    /// Time from SYN to SYN-ACK on this interface; absent unless both were seen.
    pub handshake_latency: Option<Duration>,
}

impl Tcp {
    /// Creates the fields of a connection in this state, without a handshake latency.
    #[must_use]
    pub const fn new(state: TcpState) -> Self {
        Self {
            state,
            handshake_latency: None,
        }
    }
}

/// States of RFC 9293 section 3.3.2, as seen from the side that opened the connection, as far as the segments seen show them.
///
/// If only one side is seen, the connection is [`Established`](Self::Established) from that side's first segment that has ACK and no SYN. The
/// unseen side would acknowledge the seen side's FIN. That acknowledgment is never seen, so after the FIN the state stays
/// [`FinWait1`](Self::FinWait1) or [`CloseWait`](Self::CloseWait).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TcpState {
    /// SYN sent.
    SynSent,
    /// SYN-ACK sent and not acknowledged.
    SynReceived,
    /// Open, or the capture began during the connection.
    Established,
    /// The opener sent FIN.
    FinWait1,
    /// The opener's FIN was acknowledged; the other side's FIN, if it was seen, was not.
    FinWait2,
    /// The other side sent FIN.
    CloseWait,
    /// Both sides sent FIN; the opener closed first or at the same time, and its FIN is not acknowledged.
    Closing,
    /// The other side closed first, then the opener; the opener's FIN is not acknowledged.
    LastAck,
    /// The opener closed first, and both FINs are acknowledged.
    TimeWait,
    /// Reset, or the other side closed first and both FINs are acknowledged.
    Closed,
}

impl TcpState {
    /// All states, in the order of a connection.
    pub(crate) const ALL: [Self; 10] = [
        Self::SynSent,
        Self::SynReceived,
        Self::Established,
        Self::FinWait1,
        Self::FinWait2,
        Self::CloseWait,
        Self::Closing,
        Self::LastAck,
        Self::TimeWait,
        Self::Closed,
    ];

    /// Returns the text used in attributes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SynSent => "syn_sent",
            Self::SynReceived => "syn_received",
            Self::Established => "established",
            Self::FinWait1 => "fin_wait_1",
            Self::FinWait2 => "fin_wait_2",
            Self::CloseWait => "close_wait",
            Self::Closing => "closing",
            Self::LastAck => "last_ack",
            Self::TimeWait => "time_wait",
            Self::Closed => "closed",
        }
    }

    pub(crate) const fn from_track(state: State) -> Self {
        match state {
            State::SynSent => Self::SynSent,
            State::SynReceived => Self::SynReceived,
            State::FinWait1 => Self::FinWait1,
            State::FinWait2 => Self::FinWait2,
            State::CloseWait => Self::CloseWait,
            State::Closing => Self::Closing,
            State::LastAck => Self::LastAck,
            State::TimeWait => Self::TimeWait,
            State::Closed => Self::Closed,
            // `State` may get new variants. A connection that is neither opening nor closing is open.
            _ => Self::Established,
        }
    }
}

impl fmt::Display for TcpState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// TCP control bits (RFC 9293 section 3.1). `Display` prints `SYN|ACK`.
///
/// ```
/// use mermin_core::flow::TcpFlags;
///
/// let flags = TcpFlags(0x12);
/// assert_eq!(flags.to_string(), "SYN|ACK");
/// assert_eq!(flags.tags().collect::<Vec<_>>(), ["SYN", "ACK"]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// Names of the bits, the lowest bit first.
    pub const TAGS: [&'static str; 8] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];

    /// Returns the names of the bits that are set, the lowest bit first.
    pub fn tags(self) -> impl Iterator<Item = &'static str> {
        Self::TAGS
            .into_iter()
            .enumerate()
            .filter_map(move |(bit, tag)| (self.0 >> bit & 1 == 1).then_some(tag))
    }
}

impl fmt::Display for TcpFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, tag) in self.tags().enumerate() {
            if at > 0 {
                f.write_str("|")?;
            }
            f.write_str(tag)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_state_keeps_its_name() {
        let states = [
            (State::SynSent, "syn_sent"),
            (State::SynReceived, "syn_received"),
            (State::Established, "established"),
            (State::FinWait1, "fin_wait_1"),
            (State::FinWait2, "fin_wait_2"),
            (State::CloseWait, "close_wait"),
            (State::Closing, "closing"),
            (State::LastAck, "last_ack"),
            (State::TimeWait, "time_wait"),
            (State::Closed, "closed"),
        ];
        let converted: HashSet<_> = states
            .iter()
            .map(|&(state, name)| {
                let public = TcpState::from_track(state);
                assert_eq!(public.as_str(), name);
                public
            })
            .collect();
        assert_eq!(converted.len(), states.len());
    }

    #[test]
    fn flags_are_named_from_the_lowest_bit() {
        assert_eq!(TcpFlags(0x12).to_string(), "SYN|ACK");
        assert_eq!(TcpFlags(0).to_string(), "");
        assert_eq!(TcpFlags(0xff).tags().count(), 8);
        assert_eq!(TcpFlags(0x80).to_string(), "CWR");
    }
}
