//! Shows flows in aligned columns that fit the terminal.

mod cells;
mod layout;
mod units;

use mermin_core::Flow;

use cells::Cells;
use layout::Layout;

/// Columns and rows of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
}

impl Default for Size {
    /// The size of a VT100, for an unknown terminal.
    fn default() -> Self {
        Self {
            columns: 80,
            rows: 24,
        }
    }
}

/// Tracks when the header was last on the screen.
#[derive(Debug, Default)]
pub(crate) struct Table {
    layout: Option<Layout>,
    rows: usize,
}

impl Table {
    /// Returns a flow's line. A header precedes it if none is on the screen or the columns changed.
    pub(crate) fn lines(&mut self, flow: &Flow, size: Size) -> String {
        let layout = Layout::for_width(size.columns);
        let mut lines = String::new();
        // One row is for the header, one for the cursor.
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

#[cfg(test)]
mod tests {
    use std::{
        net::{Ipv4Addr, Ipv6Addr},
        time::{Duration, UNIX_EPOCH},
    };

    use mermin_core::flow::{Count, Endpoint, FlowId, Interface, Protocol, Tcp, TcpState};

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
        flow.forward.packets = Count { delta: 7, total: 9 };
        flow.forward.octets.total = 12_345;
        flow.reverse.octets.total = u64::MAX;
        flow.tcp = Some(Tcp::new(TcpState::SynReceived));
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
    fn totals_of_unchanged_flows_are_marked() {
        let row = rows(200).swap_remove(1);
        assert!(row.contains(" 9 ") && row.contains("12.3k"), "{row}");
        let mut last = v4();
        last.forward.packets.delta = 0;
        let size = Size {
            columns: 200,
            rows: 50,
        };
        let text = Table::default().lines(&last, size);
        assert_eq!(
            text.lines().nth(1).unwrap().matches(" = ").count(),
            4,
            "{text}"
        );
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
    fn columns_align_with_headers() {
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
    fn wide_terminal_shows_more_columns() {
        assert!(!rows(60)[0].contains("TIME"));
        assert!(rows(80)[0].starts_with("UTC TIME  PROTO"));
        assert!(!rows(80)[0].contains("PKTS"));
        assert!(rows(112)[0].contains("PKTS"));
        let widest = rows(200);
        assert!(widest[0].ends_with("INTERFACE") && widest[0].contains(" LASTED "));
        assert!(widest[1].starts_with("01:01:02Z tcp    255.255.255.255:65535 "));
        assert!(widest[2].contains(&v6().source.to_string()));
    }

    #[test]
    fn ipv4_endpoint_is_complete_from_100_columns() {
        assert!(rows(100)[1].contains("255.255.255.255:65535"));
        assert!(rows(80)[1].contains(":65535"));
    }

    #[test]
    fn narrow_terminal_shows_the_end_reason_if_no_tcp_state() {
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
    fn header_is_repeated_per_screen_and_after_resize() {
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
}
