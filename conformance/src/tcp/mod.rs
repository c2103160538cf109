//! TCP analysis: this project's beside tshark's, segment by segment.
//!
//! Both see the same segments. The analysis is the code of the kernel program and of capture files. Where the two say different things
//! of a segment, a rule says why, computed of what passed before and not of the analysis.

mod field;
mod frame;
mod rules;
mod stream;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    path::Path,
};

use anyhow::Result;

use self::{
    field::Field,
    frame::Frame,
    rules::Side,
    stream::{Step, Stream},
};

/// Differences without a rule that are shown of a capture.
const TOLD: usize = 4;

/// Of one field.
#[derive(Clone, Debug, Default)]
struct Agreement {
    same: u64,
    /// By rule: segments that have it here alone, and at tshark alone.
    explained: BTreeMap<&'static str, [u64; 2]>,
    unexplained: [u64; 2],
}

/// How the captures came out.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    captures: u64,
    segments: u64,
    fields: BTreeMap<Field, Agreement>,
}

impl Outcome {
    /// Compares a capture.
    ///
    /// # Errors
    /// tshark cannot be run.
    pub(crate) fn add(&mut self, path: &Path) -> Result<()> {
        let mut streams: HashMap<u32, Stream> = HashMap::new();
        let mut number = 0;
        let mut told = 0;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_changed = name.starts_with("fuzz");
        frame::each(path, |frame| {
            number += 1;
            let step = streams.entry(frame.stream).or_default().add(frame);
            for (field, side) in self.compare(frame, &step, is_changed) {
                told += 1;
                if told <= TOLD {
                    println!(
                        "{}: segment {number}: {} {side:?} alone: {frame:?} {step:?}",
                        path.display(),
                        field.name()
                    );
                }
            }
        })?;
        self.captures += u64::from(number != 0);
        self.segments += number;
        Ok(())
    }

    /// Counts a segment; returns the fields that differ without a rule.
    fn compare(&mut self, frame: &Frame, step: &Step, is_changed: bool) -> Vec<(Field, Side)> {
        let mut unexplained = Vec::new();
        let bits = Field::BITS.map(|field| (field, step.ours.has(field), frame.theirs.has(field)));
        let has_trip = step.round_trip.is_some();
        // Here a round trip at a time is timed, and tshark times them all: one here is one there, with the same time.
        let same_trip = step.round_trip == frame.ack_rtt;
        let trip = has_trip.then_some((Field::RoundTrip, true, same_trip));
        for (field, ours, theirs) in bits.into_iter().chain(trip) {
            let side = match (ours, theirs) {
                (false, false) => continue,
                (true, true) => {
                    self.fields.entry(field).or_default().same += 1;
                    continue;
                }
                (true, false) => Side::Here,
                (false, true) => Side::Tshark,
            };
            let agreement = self.fields.entry(field).or_default();
            let changed = is_changed.then_some("a capture with changed octets");
            if let Some(rule) = rules::explain(field, side, frame, step).or(changed) {
                agreement.explained.entry(rule).or_default()[side as usize] += 1;
            } else {
                agreement.unexplained[side as usize] += 1;
                unexplained.push((field, side));
            }
        }
        unexplained
    }

    /// Differences without a rule.
    pub(crate) fn unexplained(&self) -> u64 {
        let fields = self.fields.values();
        fields.flat_map(|field| field.unexplained).sum()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} captures, {} segments", self.captures, self.segments)?;
        for (field, it) in &self.fields {
            let explained: u64 = it.explained.values().flatten().sum();
            let [here, tshark] = it.unexplained;
            writeln!(
                f,
                "{}: {} the same, {explained} explained, {here} here alone and {tshark} at tshark alone without a rule",
                field.name(),
                it.same
            )?;
            for (rule, [here, tshark]) in &it.explained {
                writeln!(f, "  {here} here alone, {tshark} at tshark alone: {rule}")?;
            }
        }
        write!(f, "without a rule: {}", self.unexplained())
    }
}
