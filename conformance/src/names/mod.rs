//! Names in payloads: those of this project's records beside those that tshark shows.

mod ours;
mod rules;
mod shown;
mod theirs;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::Path,
};

use anyhow::Result;
use mermin_bpf::abi::section::OCTETS;

use self::rules::{Capture, Difference, explain};
use crate::conversation::Conversation;

/// Fields that are compared.
const FIELDS: [&str; 7] = [
    "tls.client.server_name",
    "tls.alpn",
    "dns.question.name",
    "dns.question.type",
    "dns.response_code",
    "http.host",
    "quic.version",
];

/// A value of a field, and whose it is.
type Named = BTreeSet<(Conversation, String)>;

/// Values by field.
type Values = BTreeMap<&'static str, Named>;

/// How the captures came out.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    captures: u64,
    /// Values that both have.
    same: BTreeMap<&'static str, u64>,
    /// By rule: values that are here alone, and at tshark alone.
    explained: BTreeMap<&'static str, [u64; 2]>,
    unexplained: [u64; 2],
    cut: u64,
    malformed: u64,
    /// Captures that tshark does not read to the end.
    not_whole: u64,
    /// Frames with a name, without ports or IP addresses.
    without_ends: u64,
}

impl Outcome {
    /// Compares a capture.
    ///
    /// # Errors
    /// tshark cannot be run.
    pub(crate) fn add(&mut self, path: &Path) -> Result<()> {
        let theirs = theirs::theirs(path)?;
        let [whole, ours] = [usize::MAX, OCTETS].map(|octets| ours::ours(path, octets));
        self.captures += 1;
        self.cut += ours.cut;
        self.malformed += ours.malformed;
        self.not_whole += u64::from(theirs.is_cut);
        self.without_ends += theirs.without_ends;
        let capture = Capture {
            path,
            whole: &whole,
            ours: &ours,
            theirs: &theirs,
        };
        for field in FIELDS {
            self.compare(&capture, field);
        }
        Ok(())
    }

    fn compare(&mut self, capture: &Capture<'_>, field: &'static str) {
        let none = Named::new();
        let [ours, theirs] =
            [&capture.ours.values, &capture.theirs.values].map(|it| it.get(field).unwrap_or(&none));
        *self.same.entry(field).or_default() += ours.intersection(theirs).count() as u64;
        for (is_here, one, other) in [(true, ours, theirs), (false, theirs, ours)] {
            for (conversation, value) in one.difference(other) {
                let difference = Difference {
                    field,
                    conversation: *conversation,
                    value,
                    is_here,
                };
                let place = usize::from(!is_here);
                if let Some(rule) = explain(capture, &difference) {
                    self.explained.entry(rule).or_default()[place] += 1;
                } else {
                    self.unexplained[place] += 1;
                    let whose = if is_here { "here" } else { "at tshark" };
                    let path = capture.path.display();
                    println!("{path}: {field} {whose} alone: {value:?} of {conversation}");
                }
            }
        }
    }

    /// Values that differ without a rule, and all values.
    pub(crate) fn unexplained(&self) -> [u64; 2] {
        let unexplained = self.unexplained.iter().sum();
        let explained: u64 = self.explained.values().flatten().sum();
        let same: u64 = self.same.values().sum();
        [unexplained, unexplained + explained + same]
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} captures, {} of them damaged or unknown to tshark; {} messages cut, {} malformed; {} frames without ports or addresses",
            self.captures, self.not_whole, self.cut, self.malformed, self.without_ends
        )?;
        for (field, same) in &self.same {
            writeln!(f, "{field}: {same} the same")?;
        }
        for (rule, [here, tshark]) in &self.explained {
            writeln!(f, "{here} here alone, {tshark} at tshark alone: {rule}")?;
        }
        let [here, tshark] = self.unexplained;
        let [unexplained, all] = self.unexplained();
        let thousandths = (unexplained * 100_000).checked_div(all).unwrap_or(0);
        write!(
            f,
            "{here} here alone and {tshark} at tshark alone without a rule: {}.{:03} % of {all} values",
            thousandths / 1000,
            thousandths % 1000
        )
    }
}
