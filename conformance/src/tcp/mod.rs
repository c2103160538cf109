//! TCP analysis: this project's beside tshark's, segment by segment.
//!
//! Both see the same segments. The analysis is the code of the kernel program and of capture files. Where the two say different things
//! of a segment, a rule says why, computed of what passed before and not of the analysis.

mod field;
mod frame;
mod handshake;
mod ports;
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
    frame::{Frame, LeftOut},
    ports::Ports,
    rules::Side,
    stream::{Step, Stream},
};
use crate::fields::End;

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
    /// Captures that tshark does not read to the end.
    not_whole: u64,
    segments: u64,
    left_out: BTreeMap<LeftOut, u64>,
    ports: Ports,
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
        let mut left_out = BTreeMap::<LeftOut, u64>::new();
        let end = frame::each(path, |line| {
            let frame = match line {
                Ok(frame) => frame,
                Err(why) => return *left_out.entry(why).or_default() += 1,
            };
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
        for (stream, it) in &streams {
            let handshake = &it.handshake;
            if let Some(ports) = handshake.ports.filter(|_| !is_changed) {
                self.ports.add(ports);
            }
            let rule = rules::initial_round_trip(handshake);
            let side = self.note(
                Field::InitialRoundTrip,
                [handshake.ours, handshake.theirs],
                |_| rule.or(changed(is_changed)),
            );
            if let Some(side) = side {
                told += 1;
                if told <= TOLD {
                    let name = Field::InitialRoundTrip.name();
                    println!(
                        "{}: stream {stream}: {name} {side:?} alone: {handshake:?}",
                        path.display()
                    );
                }
            }
        }
        for (why, frames) in left_out {
            *self.left_out.entry(why).or_default() += frames;
        }
        self.not_whole += u64::from(end != End::Whole);
        self.captures += u64::from(number != 0);
        self.segments += number;
        Ok(())
    }

    /// Counts a field of which either side has a value; returns the side of a difference without a rule.
    fn note<T: PartialOrd>(
        &mut self,
        field: Field,
        [ours, theirs]: [Option<T>; 2],
        rule: impl FnOnce(Side) -> Option<&'static str>,
    ) -> Option<Side> {
        if ours.is_none() && theirs.is_none() {
            return None;
        }
        let agreement = self.fields.entry(field).or_default();
        if ours == theirs {
            agreement.same += 1;
            return None;
        }
        // None is less than any value.
        let side = if ours > theirs {
            Side::Here
        } else {
            Side::Tshark
        };
        if let Some(rule) = rule(side) {
            agreement.explained.entry(rule).or_default()[side as usize] += 1;
            return None;
        }
        agreement.unexplained[side as usize] += 1;
        Some(side)
    }

    /// Counts a segment; returns the fields that differ without a rule.
    fn compare(&mut self, frame: &Frame, step: &Step, is_changed: bool) -> Vec<(Field, Side)> {
        let bits = Field::BITS.map(|field| {
            let has = |it: bool| it.then_some(1);
            (
                field,
                [has(step.ours.has(field)), has(frame.theirs.has(field))],
            )
        });
        let again = if frame.theirs.retransmission {
            frame.segment.payload.into()
        } else {
            0
        };
        let some = |octets: u64| (octets != 0).then_some(octets);
        let octets = (Field::RetransmittedOctets, [some(step.octets), some(again)]);
        let mut all: Vec<_> = bits.into_iter().chain([octets]).collect();
        // Here a round trip at a time is timed, and tshark times them all: one here is one there, with the same time.
        if step.round_trip.is_some() {
            let theirs = frame.ack_rtt.filter(|it| step.round_trip == Some(*it));
            all.push((Field::RoundTrip, [step.round_trip, theirs]));
        }
        let mut unexplained = Vec::new();
        for (field, values) in all {
            let rule = |side| rules::explain(field, side, frame, step).or(changed(is_changed));
            unexplained.extend(self.note(field, values, rule).map(|side| (field, side)));
        }
        unexplained
    }

    /// Differences without a rule.
    pub(crate) fn unexplained(&self) -> u64 {
        let fields = self.fields.values();
        fields.flat_map(|field| field.unexplained).sum()
    }
}

/// The rule for a capture whose octets were changed at random.
fn changed(is_changed: bool) -> Option<&'static str> {
    is_changed.then_some("a capture with changed octets")
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} captures, {} segments; {} captures damaged or unknown to tshark",
            self.captures, self.segments, self.not_whole
        )?;
        for (why, frames) in &self.left_out {
            writeln!(f, "{frames} frames left out: {}", why.words())?;
        }
        writeln!(f, "{}", self.ports)?;
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
