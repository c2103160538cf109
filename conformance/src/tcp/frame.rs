//! TCP segments as tshark shows them.

use std::{net::IpAddr, path::Path};

use anyhow::{Result, bail};
use mermin_bpf::track::tcp_analysis::Segment;

use super::field::Fields;
use crate::fields::{self, End};

/// Fields that tshark prints: those of the segment first, then one for each bit of its analysis.
const ASKED: [&str; 24] = [
    "tcp.stream",
    "ip.src",
    "ip.dst",
    "ipv6.src",
    "ipv6.dst",
    "tcp.srcport",
    "tcp.dstport",
    "frame.time_epoch",
    "tcp.seq_raw",
    "tcp.ack_raw",
    "tcp.flags",
    "tcp.window_size_value",
    "tcp.len",
    "tcp.analysis.retransmission",
    "tcp.analysis.fast_retransmission",
    "tcp.analysis.spurious_retransmission",
    "tcp.analysis.out_of_order",
    "tcp.analysis.duplicate_ack",
    "tcp.analysis.zero_window",
    "tcp.analysis.keep_alive",
    "tcp.analysis.zero_window_probe",
    "tcp.analysis.ack_rtt",
    "tcp.analysis.initial_rtt",
    "tcp.flags.reset",
];

/// Those that a whole header has.
const HEADER: [&str; 7] = [
    "tcp.srcport",
    "tcp.dstport",
    "tcp.seq_raw",
    "tcp.ack_raw",
    "tcp.flags",
    "tcp.window_size_value",
    "tcp.len",
];

/// ICMP quotes segments, and a tunnel may have two.
const FILTER: &str = "tcp && !icmp && !icmpv6";

/// A segment.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) stream: u32,
    /// 0 = lower endpoint to higher.
    pub(super) direction: u8,
    /// Ports of source and destination.
    pub(super) ports: [u16; 2],
    /// Time of capture, ns since 1970.
    pub(super) time: u64,
    pub(super) segment: Segment,
    /// Meanings by tshark.
    pub(super) theirs: Fields,
    /// It is the octet before the next one, or a probe of a closed window.
    pub(super) is_probe: bool,
    /// tshark's time from the acknowledged segment, ns.
    pub(super) ack_rtt: Option<u64>,
    /// tshark's time from the first segment of the handshake to its last, ns.
    pub(super) initial_rtt: Option<u64>,
}

/// A line of tshark.
#[derive(Debug)]
enum Line {
    Segment(Box<Frame>),
    LeftOut(LeftOut),
}

/// Why a frame is not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LeftOut {
    /// It has several segments, one in another.
    Several,
    /// Its TCP header is not there as a whole.
    Cut,
    /// It has no IP addresses.
    NoAddress,
}

impl LeftOut {
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Several => "several segments in a frame",
            Self::Cut => "a header that is cut",
            Self::NoAddress => "no IP address",
        }
    }
}

/// Calls `take` with each segment of a capture, in order, and with the reason why one is left out.
///
/// # Errors
/// tshark cannot be run, or what it says cannot be read.
pub(super) fn each(path: &Path, mut take: impl FnMut(Result<&Frame, LeftOut>)) -> Result<End> {
    let mut arguments = vec!["-Y", FILTER, "-T", "fields", "-E", "occurrence=a"];
    arguments.extend(["-o", "tcp.desegment_tcp_streams:FALSE"]);
    arguments.extend(ASKED.iter().flat_map(|field| ["-e", field]));
    fields::each_line(path, arguments, |line| {
        match read(line)? {
            Line::Segment(frame) => take(Ok(&frame)),
            Line::LeftOut(why) => take(Err(why)),
        }
        Ok(())
    })
}

/// The values of a line.
struct Values<'a>(Vec<&'a str>);

impl<'a> Values<'a> {
    fn text(&self, field: &str) -> Option<&'a str> {
        let place = ASKED.iter().position(|asked| *asked == field)?;
        self.0.get(place).copied().filter(|value| !value.is_empty())
    }

    fn number(&self, field: &str) -> Option<u32> {
        let text = self.text(field)?;
        match text.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        }
    }

    fn time(&self, field: &str) -> Option<u64> {
        self.text(field).and_then(nanoseconds)
    }

    /// Of addresses in a tunnel, the innermost.
    fn address(&self, end: &str) -> Option<IpAddr> {
        let text = self.text(&format!("ip.{end}"));
        let text = text.or_else(|| self.text(&format!("ipv6.{end}")))?;
        text.rsplit(',').next()?.parse().ok()
    }

    fn is(&self, field: &str) -> bool {
        self.text(&format!("tcp.analysis.{field}")).is_some()
    }
}

fn read(line: &str) -> Result<Line> {
    let values = Values(line.split('\t').collect());
    if values.text("tcp.stream").is_some_and(|it| it.contains(',')) {
        return Ok(Line::LeftOut(LeftOut::Several));
    }
    if ["src", "dst"]
        .iter()
        .any(|end| values.address(end).is_none())
    {
        return Ok(Line::LeftOut(LeftOut::NoAddress));
    }
    // tshark shows fields as far as there are octets.
    if HEADER.iter().any(|field| values.text(field).is_none()) {
        return Ok(Line::LeftOut(LeftOut::Cut));
    }
    match segment(&values) {
        Some(frame) => Ok(Line::Segment(Box::new(frame))),
        None => bail!("a line of it is no segment: {line:?}"),
    }
}

fn segment(values: &Values<'_>) -> Option<Frame> {
    let end = |end: &str, port: &str| Some((values.address(end)?, values.number(port)?));
    let (source, destination) = (end("src", "tcp.srcport")?, end("dst", "tcp.dstport")?);
    let ports = [source.1, destination.1].map(|port| u16::try_from(port).ok());
    let [Some(from), Some(to)] = ports else {
        return None;
    };
    let segment = Segment {
        sequence: values.number("tcp.seq_raw")?,
        acknowledgment: values.number("tcp.ack_raw")?,
        window: u16::try_from(values.number("tcp.window_size_value")?).ok()?,
        flags: u8::try_from(values.number("tcp.flags")? & 0xff).ok()?,
        payload: values.number("tcp.len")?,
    };
    Some(Frame {
        stream: values.number("tcp.stream")?,
        direction: u8::from(source > destination),
        ports: [from, to],
        time: values.time("frame.time_epoch")?,
        theirs: Fields {
            retransmission: values.is("retransmission")
                || values.is("fast_retransmission")
                || values.is("spurious_retransmission"),
            out_of_order: values.is("out_of_order"),
            duplicate_ack: values.is("duplicate_ack"),
            zero_window: values.is("zero_window"),
            reset: matches!(values.text("tcp.flags.reset"), Some("1" | "True")),
        },
        is_probe: values.is("keep_alive") || values.is("zero_window_probe"),
        ack_rtt: values.time("tcp.analysis.ack_rtt"),
        initial_rtt: values.time("tcp.analysis.initial_rtt"),
        segment,
    })
}

/// Seconds with a fraction.
fn nanoseconds(text: &str) -> Option<u64> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut digits = fraction.to_owned();
    digits.truncate(9);
    while digits.len() < 9 {
        digits.push('0');
    }
    let seconds: u64 = seconds.parse().ok()?;
    seconds
        .checked_mul(1_000_000_000)?
        .checked_add(digits.parse().ok()?)
}
