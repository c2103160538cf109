//! Counts, and the reasons why packets are in no record.

use std::fmt::Write as _;

use mermin_core::Stats;
use mermin_examples::shell::Program;

use crate::status::plural;

/// Formats one line of sums, and one for each reason.
pub(crate) fn of(stats: &Stats) -> String {
    let (records, packets) = (stats.records, stats.packets);
    let mut text = format!(
        "{records} {}, {packets} {}, {} frame octets\n",
        plural(records, "record"),
        plural(packets, "packet"),
        stats.frame_octets,
    );
    let ignored = stats.ignored();
    let sum: u64 = ignored.iter().map(|it| it.packets).sum();
    if sum > 0 {
        let verb = if sum == 1 { "is" } else { "are" };
        let _ = writeln!(text, "{sum} of these packets {verb} in no record:");
    }
    for it in ignored {
        let _ = write!(text, "  {} {}: {}", it.packets, it.reason, it.meaning());
        let _ = match it.remedy() {
            Some(remedy) => writeln!(text, "; to change that, {}", Program::Flows.words(remedy)),
            None => writeln!(text),
        };
    }
    text
}

/// Formats the number of records that `--where` rejects. The sums of [`of`] include them.
pub(crate) fn rejected(records: u64) -> String {
    match records {
        0 => String::new(),
        1 => "1 of the records is not shown: `--where` rejects it\n".to_owned(),
        _ => format!("{records} of the records are not shown: `--where` rejects them\n"),
    }
}

/// Formats the same for a running source.
pub(crate) fn so_far(stats: &Stats) -> String {
    let open = stats.flows_open;
    format!(
        "so far: {open} {} open, room for {}; {}",
        plural(open, "flow"),
        stats.flows_capacity,
        of(stats)
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::{StreamExt as _, executor::block_on};
    use mermin_core::FlowSource;

    use super::*;

    /// Builds a capture of Ethernet frames with these EtherTypes.
    fn capture(kinds: &[u16]) -> Vec<u8> {
        let mut octets = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0];
        octets.extend([0; 8]);
        octets.extend([0, 0, 4, 0, 1, 0, 0, 0]);
        for kind in kinds {
            octets.extend([0; 8]);
            octets.extend([60, 0, 0, 0, 60, 0, 0, 0]);
            octets.extend([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]);
            octets.extend(kind.to_be_bytes());
            octets.extend([0; 46]);
        }
        octets
    }

    #[test]
    fn reasons_are_sorted_by_size_with_remedies() {
        let capture = capture(&[0x0806, 0x0800, 0x88cc, 0x0806, 0x0806, 0x0800]);
        let builder = FlowSource::builder()
            .udp_timeout(Duration::from_secs(1))
            .pcap_reader(std::io::Cursor::new(capture));
        let mut source = block_on(builder.open()).unwrap();
        while block_on(source.next()).is_some() {}
        let said = of(&source.handle().stats());
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines[0], "0 records, 6 packets, 360 frame octets");
        assert_eq!(lines[1], "6 of these packets are in no record:");
        assert_eq!(lines[2], "  3 arp: address resolution, which is no IP");
        assert!(
            lines[3].starts_with("  2 malformed_ipv4: ")
                && lines[3].contains("; to change that, check"),
            "{said}"
        );
        assert!(lines[4].starts_with("  1 other_ethertype: "), "{said}");
        assert_eq!(
            of(&Stats::default()),
            "0 records, 0 packets, 0 frame octets\n"
        );
    }
}
