//! The reason for a record.

use std::fmt;

/// The reason for a record. The numbers are those of IANA's IPFIX `flowEndReason` registry.
///
/// ```
/// use mermin_core::flow::EndReason;
///
/// assert_eq!(EndReason::IdleTimeout.number(), 1);
/// assert_eq!(EndReason::IdleTimeout.as_str(), "idle timeout");
/// // Of all reasons, only this one leaves the flow open.
/// assert!(EndReason::ActiveTimeout.goes_on());
/// assert!(!EndReason::ForcedEnd.goes_on());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum EndReason {
    /// No packet arrived for the idle timeout of the protocol. The flow has ended.
    IdleTimeout = 1,
    /// The active timeout passed. The flow continues.
    ActiveTimeout = 2,
    /// The connection ended: by TCP FIN in both directions or RST, by ABORT or SHUTDOWN COMPLETE of SCTP, by Reset of
    /// DCCP, or because a new connection uses the same ports.
    EndOfFlow = 3,
    /// The source was closed, or the interface was removed or is not selected any more, or a process that took over had to
    /// close the flow.
    ForcedEnd = 4,
    /// [Sampling](crate::FlowSourceBuilder::sampling) now keeps a larger share of flows than when this flow began. The flow continues
    /// under another id, with a smaller [`sampling_interval`](crate::Flow::sampling_interval). In records of other programs, which you can
    /// [replay](crate::FlowSource::replay): the table was full, and this flow was evicted.
    LackOfResources = 5,
}

impl EndReason {
    pub(crate) const ALL: [Self; 5] = [
        Self::IdleTimeout,
        Self::ActiveTimeout,
        Self::EndOfFlow,
        Self::ForcedEnd,
        Self::LackOfResources,
    ];

    /// Returns the number in IANA's `flowEndReason` registry.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Returns the reason with this [`number`](Self::number).
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|reason| reason.number() == number)
    }

    /// Returns the registry's words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::IdleTimeout => "idle timeout",
            Self::ActiveTimeout => "active timeout",
            Self::EndOfFlow => "end of flow detected",
            Self::ForcedEnd => "forced end",
            Self::LackOfResources => "lack of resources",
        }
    }

    /// Returns true if more records of this flow may follow.
    #[must_use]
    pub const fn goes_on(self) -> bool {
        matches!(self, Self::ActiveTimeout)
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_registry() {
        let registry = [
            (1, "idle timeout", EndReason::IdleTimeout),
            (2, "active timeout", EndReason::ActiveTimeout),
            (3, "end of flow detected", EndReason::EndOfFlow),
            (4, "forced end", EndReason::ForcedEnd),
            (5, "lack of resources", EndReason::LackOfResources),
        ];
        for (number, words, reason) in registry {
            assert_eq!((reason.number(), reason.as_str()), (number, words));
            assert_eq!(reason.goes_on(), number == 2);
        }
    }
}
