//! Records as JSON lines.

use std::{
    error::Error,
    fmt,
    hint::black_box,
    io::{self, Write},
    time::{SystemTime, UNIX_EPOCH},
};

use futures::executor::block_on;
use mermin_benches::{Options, Report, Result, Row, cpu, summary};
use mermin_core::{
    Flow,
    flow::Value,
    sink::{FlowSink as _, JsonLines, testing::flows},
};
use serde::{Serialize, Serializer, ser::SerializeMap as _};

/// Records of a round of JSON. They and their lines fit into a cache of a megabyte, so memory does not dominate.
const RECORDS: u32 = 512;

/// Serialises a record with `serde_json`, with the same names and values: with a hand-written `Serialize`, and as a
/// `Value`.
struct ByHand<'a>(&'a Flow);

impl Serialize for ByHand<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let mut outcome = Ok(());
        self.0.attributes().for_each(|(name, value)| {
            let added = match value {
                Value::Text(text) => map.serialize_entry(name, &*text),
                Value::Texts(texts) => map.serialize_entry(name, &texts.collect::<Vec<_>>()),
                Value::Number(number) => map.serialize_entry(name, &number),
                Value::Numbers(numbers) => map.serialize_entry(name, &numbers.collect::<Vec<_>>()),
                Value::Time(time) => map.serialize_entry(name, &Shown(time)),
                _ => Ok(()),
            };
            if let Err(error) = added {
                outcome = Err(error);
            }
        });
        outcome?;
        map.end()
    }
}

/// Formats a time as RFC 3339.
struct Shown(SystemTime);

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = self.0.duration_since(UNIX_EPOCH).unwrap_or_default();
        let (seconds, nanos) = (since.as_secs(), since.subsec_nanos());
        let days = i64::try_from(seconds / 86_400).unwrap_or(0) + 719_468;
        let era = days.div_euclid(146_097);
        let day = days.rem_euclid(146_097);
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let of_year = day - (365 * year + year / 4 - year / 100);
        let march = (5 * of_year + 2) / 153;
        let month = if march < 10 { march + 3 } else { march - 9 };
        let year = year + era * 400 + i64::from(month <= 2);
        let of_month = of_year - (153 * march + 2) / 5 + 1;
        let of_day = seconds % 86_400;
        let [hour, minute, second] = [of_day / 3600, of_day / 60 % 60, of_day % 60];
        write!(
            f,
            "{year:04}-{month:02}-{of_month:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z"
        )
    }
}

/// Writes each record into `lines` with `serde_json`.
type Way = fn(&Flow, &mut Vec<u8>) -> serde_json::Result<()>;

const WAYS: [(&str, Way); 4] = [
    ("serde_json_by_hand", |flow, lines| {
        serde_json::to_writer(lines, &ByHand(flow))
    }),
    ("serde_json_writer", |flow, lines| {
        serde_json::to_writer(lines, flow)
    }),
    ("serde_json_vec", |flow, lines| {
        lines.extend_from_slice(&serde_json::to_vec(flow)?);
        Ok(())
    }),
    ("serde_json_value", |flow, lines| {
        serde_json::to_writer(lines, &serde_json::to_value(flow)?)
    }),
];

/// A writer that counts octets. All variants write pieces of 64 KiB to it from a reused buffer, because later copies
/// are not compared.
struct Count(usize);

impl Write for Count {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0 += black_box(octets).len();
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Octets of a piece.
const PIECE: usize = 64 << 10;

fn by_serde(records: &[Flow], way: Way, buffer: &mut Vec<u8>, out: &mut impl Write) -> Result<()> {
    for flow in records {
        way(flow, buffer)?;
        buffer.push(b'\n');
        if buffer.len() >= PIECE {
            out.write_all(buffer)?;
            buffer.clear();
        }
    }
    out.write_all(buffer)?;
    buffer.clear();
    Ok(())
}

/// Checks that all variants write the same; a `Value` has its members in another order. Returns the number of octets.
fn compare(records: &[Flow]) -> Result<usize> {
    let mut ours = JsonLines::new(Vec::new());
    let written = block_on(ours.export(records));
    written.map_err(|error| -> Box<dyn Error> { error })?;
    let ours = ours.into_inner();
    for (name, way) in WAYS {
        let mut theirs = Vec::new();
        by_serde(records, way, &mut Vec::new(), &mut theirs)?;
        if theirs.len() != ours.len() || name != "serde_json_value" && theirs != ours {
            return Err(format!("the lines of {name} differ").into());
        }
    }
    Ok(ours.len())
}

/// Measures this project's JSON and `serde_json`'s in the same rounds.
pub(crate) fn json(options: Options, report: &mut Report) -> Result<()> {
    let records: Vec<Flow> = flows(RECORDS);
    let octets = compare(&records)?;
    let mut ours = JsonLines::new(Count(0));
    let mut buffer = Vec::with_capacity(2 * PIECE);
    let mut own = Vec::new();
    let mut rounds = [const { Vec::new() }; WAYS.len()];
    for round in 0..=options.scaled(500) {
        let took = timed(|| block_on(ours.export(black_box(&records))).is_ok());
        if round != 0 {
            own.push(took);
        }
        for ((_, way), rounds) in WAYS.iter().zip(&mut rounds) {
            let mut out = Count(0);
            let took = timed(|| by_serde(black_box(&records), *way, &mut buffer, &mut out).is_ok());
            if round != 0 {
                rounds.push(took);
            }
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let octets = octets as f64;
    let own = summary(own).median;
    let row = |name: &str, seconds: f64| {
        Row::new(name)
            .with("mb_s", octets / seconds / 1e6)
            .with("ns_per_record", seconds * 1e9 / f64::from(RECORDS))
            .with("times_slower", seconds / own)
    };
    report.row(&row("json_lines", own).at_least("MB/s", octets / own / 1e6, 600.0));
    for ((name, _), rounds) in WAYS.iter().zip(rounds) {
        let median = summary(rounds).median;
        report.row(&row(name, median).at_least("times", median / own, 3.0));
    }
    Ok(())
}

/// Returns the seconds of CPU time.
fn timed(work: impl FnOnce() -> bool) -> f64 {
    let began = cpu::time();
    assert!(black_box(work()), "writing to memory does not fail");
    cpu::time().saturating_sub(began).as_secs_f64()
}
