//! Selects the columns that fit a terminal, and their widths.

/// Optional columns. The least important one is dropped first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Optional {
    Interface,
    Duration,
    Packets,
    Reason,
    Time,
}

impl Optional {
    const ALL: [Self; 5] = [
        Self::Interface,
        Self::Duration,
        Self::Packets,
        Self::Reason,
        Self::Time,
    ];

    /// Returns the width, including the space that follows.
    const fn width(self) -> usize {
        match self {
            Self::Interface => INTERFACE + 1,
            Self::Duration => DURATION + 1,
            Self::Packets => 2 * (AMOUNT + 1),
            Self::Reason => REASON + 1,
            Self::Time => TIME + 1,
        }
    }

    /// Returns the width that each endpoint needs before this column is shown.
    const fn leaves(self) -> usize {
        match self {
            Self::Time => SHORT_ENDPOINT,
            _ => IPV4_ENDPOINT,
        }
    }
}

/// The selected columns and the width of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) endpoint: usize,
    /// Number of columns dropped from the start of [`Optional::ALL`].
    dropped: usize,
}

/// Width of the time, including the time zone.
pub(super) const TIME: usize = 9;
pub(super) const PROTOCOL: usize = 6;
pub(super) const ARROW: usize = 1;
pub(super) const AMOUNT: usize = 6;
pub(super) const DURATION: usize = 6;
pub(super) const STATE: usize = 12;
pub(super) const REASON: usize = 7;
pub(super) const INTERFACE: usize = 10;
/// `255.255.255.255:65535`.
const IPV4_ENDPOINT: usize = 21;
/// Enough to distinguish most addresses.
const SHORT_ENDPOINT: usize = 16;
/// `[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535`.
const LONGEST_ENDPOINT: usize = 47;

impl Layout {
    /// Selects as many columns as possible beside the endpoints.
    pub(super) fn for_width(columns: usize) -> Self {
        let fits = |dropped: &usize| {
            let first = Optional::ALL.get(*dropped);
            first.is_none_or(|first| room(columns, *dropped) >= first.leaves())
        };
        let dropped = (0..=Optional::ALL.len()).find(fits).unwrap_or_default();
        Self {
            endpoint: room(columns, dropped).clamp(1, LONGEST_ENDPOINT),
            dropped,
        }
    }

    pub(super) fn shows(self, column: Optional) -> bool {
        Optional::ALL[self.dropped..].contains(&column)
    }
}

/// Returns the width left for each endpoint with this many optional columns dropped.
fn room(columns: usize, dropped: usize) -> usize {
    // The other columns have six spaces between them.
    let always = PROTOCOL + ARROW + 2 * AMOUNT + STATE + 6;
    let optional: usize = Optional::ALL[dropped..]
        .iter()
        .map(|column| column.width())
        .sum();
    columns.saturating_sub(always + optional) / 2
}
