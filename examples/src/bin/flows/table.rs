//! Flows in aligned columns that fit the terminal.

use std::{
    fmt::Write as _,
    time::{SystemTime, UNIX_EPOCH},
};

use mermin_core::{
    Flow,
    flow::{EndReason, Protocol, Uniflow},
};

/// Columns and rows of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
}

impl Default for Size {
    /// That of a VT100, which stands for unknown.
    fn default() -> Self {
        Self {
            columns: 80,
            rows: 24,
        }
    }
}

/// Columns that a narrow terminal does without; the one that tells least goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Optional {
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

    /// With the space that follows.
    const fn width(self) -> usize {
        match self {
            Self::Interface => INTERFACE + 1,
            Self::Duration => DURATION + 1,
            Self::Packets => 2 * (AMOUNT + 1),
            Self::Reason => REASON + 1,
            Self::Time => TIME + 1,
        }
    }

    /// What each endpoint must have for this column to be there too.
    const fn leaves(self) -> usize {
        match self {
            Self::Time => SHORT_ENDPOINT,
            _ => IPV4_ENDPOINT,
        }
    }
}

/// Which columns there are, and how wide an endpoint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    endpoint: usize,
    /// Of [`Optional::ALL`], this many from the start are left out.
    dropped: usize,
}

const TIME: usize = 8;
const PROTOCOL: usize = 6;
const ARROW: usize = 1;
const AMOUNT: usize = 6;
const DURATION: usize = 6;
const STATE: usize = 12;
const REASON: usize = 7;
const INTERFACE: usize = 10;
/// `255.255.255.255:65535`.
const IPV4_ENDPOINT: usize = 21;
/// Enough to tell most addresses apart.
const SHORT_ENDPOINT: usize = 16;
/// `[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535`.
const LONGEST_ENDPOINT: usize = 47;

impl Layout {
    /// The most columns that leave room for endpoints.
    fn for_width(columns: usize) -> Self {
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

    fn shows(self, column: Optional) -> bool {
        Optional::ALL[self.dropped..].contains(&column)
    }
}

/// What is left for each of the two endpoints without this many optional columns.
fn room(columns: usize, dropped: usize) -> usize {
    // Those that are always there have six spaces between them.
    let always = PROTOCOL + ARROW + 2 * AMOUNT + STATE + 6;
    let optional: usize = Optional::ALL[dropped..]
        .iter()
        .map(|column| column.width())
        .sum();
    columns.saturating_sub(always + optional) / 2
}

/// One line's worth of text, column by column.
struct Cells {
    time: String,
    protocol: String,
    source: String,
    arrow: &'static str,
    destination: String,
    sent: [String; 2],
    received: [String; 2],
    duration: String,
    state: String,
    reason: String,
    interface: String,
}

impl Cells {
    fn header(endpoint: usize) -> Self {
        let amounts = |packets: &str, bytes: &str| [packets.to_owned(), bytes.to_owned()];
        Self {
            time: "UTC TIME".to_owned(),
            protocol: "PROTO".to_owned(),
            source: shortened("SOURCE", endpoint),
            arrow: "→",
            destination: shortened("DESTINATION", endpoint),
            sent: amounts("PKTS→", "BYTES→"),
            received: amounts("←PKTS", "←BYTES"),
            duration: "TIME".to_owned(),
            state: "STATE".to_owned(),
            reason: "RECORD".to_owned(),
            interface: "INTERFACE".to_owned(),
        }
    }

    fn of(flow: &Flow, layout: Layout) -> Self {
        let endpoint = layout.endpoint;
        // Where there is no room for both, a flow without a state has the reason in its place.
        let stateless = if layout.shows(Optional::Reason) {
            ""
        } else {
            reason(flow.end_reason)
        };
        let amounts = |way: &Uniflow| [amount(way.packets.delta), amount(way.octets.delta)];
        Self {
            time: clock(flow.end),
            protocol: match flow.protocol {
                Protocol::ICMPV6 => "icmp6".to_owned(),
                other => shortened(&other.to_string(), PROTOCOL),
            },
            source: shortened(&flow.source.to_string(), endpoint),
            arrow: "→",
            destination: shortened(&flow.destination.to_string(), endpoint),
            sent: amounts(&flow.forward),
            received: amounts(&flow.reverse),
            duration: duration(flow.duration().as_secs_f64()),
            state: shortened(state(flow).unwrap_or(stateless), STATE),
            reason: reason(flow.end_reason).to_owned(),
            interface: shortened(&flow.interface.name, INTERFACE),
        }
    }

    fn line(&self, layout: Layout) -> String {
        let mut line = String::with_capacity(128);
        let mut left = |there: bool, text: &str, width: usize| {
            if there {
                // Writing to a string cannot fail.
                let _ = write!(line, "{text:<width$} ");
            }
        };
        left(layout.shows(Optional::Time), &self.time, TIME);
        left(true, &self.protocol, PROTOCOL);
        left(true, &self.source, layout.endpoint);
        left(true, self.arrow, ARROW);
        left(true, &self.destination, layout.endpoint);
        for [packets, bytes] in [&self.sent, &self.received] {
            left(
                layout.shows(Optional::Packets),
                &format!("{packets:>AMOUNT$}"),
                AMOUNT,
            );
            left(true, &format!("{bytes:>AMOUNT$}"), AMOUNT);
        }
        left(
            layout.shows(Optional::Duration),
            &format!("{:>DURATION$}", self.duration),
            DURATION,
        );
        left(true, &self.state, STATE);
        left(layout.shows(Optional::Reason), &self.reason, REASON);
        left(
            layout.shows(Optional::Interface),
            &self.interface,
            INTERFACE,
        );
        line.truncate(line.trim_end().len());
        line.push('\n');
        line
    }
}

/// Remembers when the header was last on the screen.
#[derive(Debug, Default)]
pub(crate) struct Table {
    layout: Option<Layout>,
    rows: usize,
}

impl Table {
    /// A flow's line, after a header when there is none on the screen or the columns changed.
    pub(crate) fn lines(&mut self, flow: &Flow, size: Size) -> String {
        let layout = Layout::for_width(size.columns);
        let mut lines = String::new();
        // One row for the header and one for the cursor.
        let page = size.rows.saturating_sub(2).max(1);
        if self.layout != Some(layout) || self.rows >= page {
            lines = Cells::header(layout.endpoint).line(layout);
            self.layout = Some(layout);
            self.rows = 0;
        }
        self.rows += 1;
        lines + &Cells::of(flow, layout).line(layout)
    }
}

/// Hours, minutes and seconds of the day, UTC.
fn clock(time: SystemTime) -> String {
    let seconds = time
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    format!(
        "{:02}:{:02}:{:02}",
        seconds / 3_600 % 24,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// Exact up to 9,999, then in thousands, millions and so on: six characters at most.
fn amount(number: u64) -> String {
    if number < 10_000 {
        return number.to_string();
    }
    let mut tenths = number / 100;
    let mut units = ['k', 'M', 'G', 'T', 'P', 'E'].into_iter();
    let mut unit = units.next().unwrap_or('k');
    for next in units {
        if tenths < 10_000 {
            break;
        }
        tenths /= 1_000;
        unit = next;
    }
    format!("{}.{}{unit}", tenths / 10, tenths % 10)
}

/// Six characters at most.
fn duration(seconds: f64) -> String {
    if seconds < 99.95 {
        format!("{seconds:.1}s")
    } else if seconds < 100.0 * 60.0 {
        format!("{:.0}m", seconds / 60.0)
    } else {
        format!("{:.0}h", seconds / 3_600.0)
    }
}

/// A TCP state, or what an ICMP flow is about.
fn state(flow: &Flow) -> Option<&'static str> {
    if let Some(tcp) = &flow.tcp {
        return Some(tcp.state.as_str());
    }
    let message = flow.forward.icmp.or(flow.reverse.icmp)?;
    message.kind_name(flow.protocol)
}

/// Why the record was made, in a word.
const fn reason(reason: EndReason) -> &'static str {
    match reason {
        EndReason::ActiveTimeout => "active",
        EndReason::IdleTimeout => "idle",
        EndReason::EndOfFlow => "ended",
        EndReason::ForcedEnd => "forced",
        EndReason::LackOfResources => "evicted",
        _ => "other",
    }
}

/// At most `width` characters: both ends, so that the port stays.
fn shortened(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    let kept = width.saturating_sub(1);
    let tail = kept.div_ceil(2);
    let head = text.chars().take(kept - tail);
    head.chain(['…'])
        .chain(text.chars().skip(length - tail))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::{
        net::{Ipv4Addr, Ipv6Addr},
        time::Duration,
    };

    use mermin_core::flow::{Endpoint, FlowId, Interface, Tcp, TcpState};

    use super::*;

    fn flow(source: Endpoint, destination: Endpoint) -> Flow {
        let mut flow = Flow::new(
            FlowId::from_u128(1),
            Protocol::TCP,
            source,
            destination,
            Interface::new(2, "enp0s31f6"),
            UNIX_EPOCH + Duration::from_secs(3_600 + 61),
        );
        flow.end = flow.start + Duration::from_millis(1_500);
        flow.forward.packets.delta = 7;
        flow.forward.octets.delta = 12_345;
        flow.reverse.octets.delta = u64::MAX;
        flow.tcp = Some(Tcp {
            state: TcpState::SynReceived,
            handshake_latency: None,
        });
        flow
    }

    fn v4() -> Flow {
        flow(
            Endpoint::new(Ipv4Addr::BROADCAST, 65_535),
            Endpoint::new(Ipv4Addr::new(10, 0, 0, 1), 443),
        )
    }

    fn v6() -> Flow {
        let longest = Ipv6Addr::from_bits(u128::MAX);
        flow(Endpoint::new(longest, 65_535), Endpoint::new(longest, 443))
    }

    fn rows(columns: usize) -> Vec<String> {
        let mut table = Table::default();
        let size = Size { columns, rows: 50 };
        let text = table.lines(&v4(), size) + &table.lines(&v6(), size);
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for columns in 44..250 {
            for row in rows(columns) {
                assert!(row.chars().count() <= columns, "{columns}: {row}");
            }
        }
    }

    #[test]
    fn columns_stand_below_their_headers() {
        for columns in [60, 80, 100, 120, 140, 200] {
            let rows = rows(columns);
            assert_eq!(rows.len(), 3);
            let at = |row: &str, text: &str| {
                let byte = row
                    .find(text)
                    .unwrap_or_else(|| panic!("{columns}: {text} in {row}"));
                row[..byte].chars().count()
            };
            for row in &rows[1..] {
                assert_eq!(at(row, "tcp"), at(&rows[0], "PROTO"));
                assert_eq!(at(row, " → "), at(&rows[0], " → "));
                assert_eq!(at(row, "syn_received"), at(&rows[0], "STATE"));
            }
        }
    }

    #[test]
    fn a_wide_terminal_shows_more() {
        assert!(!rows(60)[0].contains("TIME"));
        assert!(rows(80)[0].starts_with("UTC TIME PROTO"));
        assert!(!rows(80)[0].contains("PKTS"));
        assert!(rows(112)[0].contains("PKTS"));
        let widest = rows(200);
        assert!(widest[0].ends_with("INTERFACE"));
        assert!(widest[1].starts_with("01:01:02 tcp    255.255.255.255:65535 "));
        assert!(widest[2].contains(&v6().source.to_string()));
    }

    #[test]
    fn an_ipv4_endpoint_is_whole_from_a_hundred_columns() {
        assert!(rows(100)[1].contains("255.255.255.255:65535"));
        assert!(rows(80)[1].contains(":65535"));
    }

    #[test]
    fn a_narrow_terminal_shows_the_reason_where_there_is_no_state() {
        let mut stateless = v4();
        stateless.tcp = None;
        let shown = |columns| {
            let size = Size { columns, rows: 50 };
            Table::default()
                .lines(&stateless, size)
                .matches("forced")
                .count()
        };
        assert_eq!((shown(80), shown(120)), (1, 1));
    }

    #[test]
    fn the_header_comes_again_with_each_screen_and_new_width() {
        let headers = |text: &str| text.matches("PROTO").count();
        let mut table = Table::default();
        let mut size = Size {
            columns: 80,
            rows: 12,
        };
        let screens: String = (0..30).map(|_| table.lines(&v4(), size)).collect();
        assert_eq!(headers(&screens), 3);
        size.columns = 140;
        assert_eq!(headers(&table.lines(&v4(), size)), 1);
        assert_eq!(headers(&table.lines(&v4(), size)), 0);
    }

    #[test]
    fn amounts_and_durations_fit_six_characters() {
        for (number, text) in [
            (0, "0"),
            (9_999, "9999"),
            (10_000, "10.0k"),
            (999_999, "999.9k"),
            (1_000_000, "1.0M"),
            (12_345_678, "12.3M"),
            (u64::MAX, "18.4E"),
        ] {
            assert_eq!(amount(number), text);
        }
        for power in 0..20 {
            assert!(amount(10_u64.pow(power)).len() <= AMOUNT);
        }
        for (seconds, text) in [
            (0.0, "0.0s"),
            (99.9, "99.9s"),
            (99.96, "2m"),
            (7_200.0, "2h"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn a_shortened_text_keeps_both_ends() {
        assert_eq!(shortened("[2001:db8::1]:443", 11), "[2001…]:443");
        assert_eq!(shortened("short", 5), "short");
        assert_eq!(shortened("longer", 1), "…");
    }
}
