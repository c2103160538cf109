//! TCP segments as tshark shows them.

use std::{
    io::{BufRead as _, BufReader},
    net::IpAddr,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};
use mermin_bpf::track::tcp_analysis::Segment;

use super::field::Fields;

/// Fields that tshark prints: those of the segment first, then one for each bit of its analysis.
const ASKED: [&str; 22] = [
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
];

/// ICMP quotes segments, and a tunnel may have two.
const FILTER: &str = "tcp && !icmp && !icmpv6";

/// A segment.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) stream: u32,
    /// 0 = lower endpoint to higher.
    pub(super) direction: u8,
    /// Time of capture, ns since 1970.
    pub(super) time: u64,
    pub(super) segment: Segment,
    /// Meanings by tshark.
    pub(super) theirs: Fields,
    /// It is the octet before the next one, or a probe of a closed window.
    pub(super) is_probe: bool,
    /// tshark's time from the acknowledged segment, ns.
    pub(super) ack_rtt: Option<u64>,
}

/// Calls `take` with each segment of a capture, in order.
///
/// # Errors
/// tshark cannot be run.
pub(super) fn each(path: &Path, mut take: impl FnMut(&Frame)) -> Result<()> {
    let mut command = Command::new("tshark");
    command
        .args(["-n", "-r"])
        .arg(path)
        .args(["-Y", FILTER, "-T", "fields", "-E", "occurrence=a"])
        .args(["-o", "tcp.desegment_tcp_streams:FALSE"]);
    for field in ASKED {
        command.args(["-e", field]);
    }
    let mut tshark = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start `tshark`")?;
    let output = tshark.stdout.take().context("tshark has no output")?;
    for line in BufReader::new(output).lines() {
        if let Some(frame) = read(&line?) {
            take(&frame);
        }
    }
    tshark.wait()?;
    Ok(())
}

/// Reads a line. `None` for a frame with several segments, and for one whose header is cut.
fn read(line: &str) -> Option<Frame> {
    let values: Vec<&str> = line.split('\t').collect();
    let value = |field: &str| {
        let place = ASKED.iter().position(|asked| *asked == field)?;
        values.get(place).copied().filter(|value| !value.is_empty())
    };
    let number = |field: &str| -> Option<u32> {
        let text = value(field)?;
        match text.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        }
    };
    // Of addresses in a tunnel, the innermost.
    let address = |end: &str| -> Option<IpAddr> {
        let text = value(&format!("ip.{end}")).or_else(|| value(&format!("ipv6.{end}")))?;
        text.rsplit(',').next()?.parse().ok()
    };
    let end = |address_of: &str, port: &str| Some((address(address_of)?, number(port)?));
    let (source, destination) = (end("src", "tcp.srcport")?, end("dst", "tcp.dstport")?);
    let is = |field: &str| value(&format!("tcp.analysis.{field}")).is_some();
    let segment = Segment {
        sequence: number("tcp.seq_raw")?,
        acknowledgment: number("tcp.ack_raw")?,
        window: u16::try_from(number("tcp.window_size_value")?).ok()?,
        flags: u8::try_from(number("tcp.flags")? & 0xff).ok()?,
        payload: number("tcp.len")?,
    };
    Some(Frame {
        stream: number("tcp.stream")?,
        direction: u8::from(source > destination),
        time: nanoseconds(value("frame.time_epoch")?)?,
        theirs: Fields {
            retransmission: is("retransmission")
                || is("fast_retransmission")
                || is("spurious_retransmission"),
            out_of_order: is("out_of_order"),
            duplicate_ack: is("duplicate_ack"),
            zero_window: is("zero_window"),
        },
        is_probe: is("keep_alive") || is("zero_window_probe"),
        ack_rtt: value("tcp.analysis.ack_rtt").and_then(nanoseconds),
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
