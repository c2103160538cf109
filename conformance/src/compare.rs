//! Compares one capture between this project and tshark.

use std::{collections::BTreeSet, fmt, net::IpAddr, path::Path};

use anyhow::Result;

use crate::{
    captures,
    conversation::{Conversation, Conversations, Dates},
    link,
    ours::Ours,
    rules::{self, Fragments},
    tshark::{self, Frame},
};

/// Number of differences printed per capture.
const TOLD: usize = 8;

/// Result of a capture.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Every conversation has the same packets and octets.
    Same { packets: u64, conversations: usize },
    /// The same, up to damage at which both stop.
    SameToBreak { packets: u64, error: String },
    /// An unsupported link type; the same up to its first packet.
    NotRead { packets: u64, error: String },
    /// A link type that tshark does not know.
    NotTheirs { packets: u64 },
    /// Differences, in words.
    Differs(Vec<String>),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same {
                packets,
                conversations,
            } => write!(f, "same, {packets} packets, {conversations} conversations"),
            Self::SameToBreak { packets, error } => {
                write!(f, "same up to its break, {packets} packets; {error}")
            }
            Self::NotRead { packets, error } => write!(f, "not read, {packets} packets; {error}"),
            Self::NotTheirs { packets } => {
                write!(
                    f,
                    "{packets} packets of a link type that tshark does not know"
                )
            }
            Self::Differs(lines) => {
                f.write_str("DIFFERS")?;
                lines.iter().try_for_each(|line| write!(f, "\n  {line}"))
            }
        }
    }
}

/// Results of many captures.
#[derive(Debug, Default)]
pub(crate) struct Sum {
    same: u64,
    broken: u64,
    not_read: u64,
    not_theirs: u64,
    differ: u64,
    packets: u64,
}

impl Sum {
    pub(crate) fn add(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Same { packets, .. } => {
                self.same += 1;
                self.packets += packets;
            }
            Verdict::SameToBreak { packets, .. } => {
                self.broken += 1;
                self.packets += packets;
            }
            Verdict::NotRead { packets, .. } => {
                self.not_read += 1;
                self.packets += packets;
            }
            Verdict::NotTheirs { .. } => self.not_theirs += 1,
            Verdict::Differs(_) => self.differ += 1,
        }
    }

    pub(crate) fn differ(&self) -> u64 {
        self.differ
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let captures = self.same + self.broken + self.not_read + self.not_theirs + self.differ;
        write!(
            f,
            "{captures} captures: {} same, {} same up to their break, {} of a link type that is not read, {} of one \
             that tshark does not know, {} differ; {} packets compared",
            self.same, self.broken, self.not_read, self.not_theirs, self.differ, self.packets
        )
    }
}

/// Compares a capture.
pub(crate) fn capture(path: &Path, kept: &Path) -> Result<Verdict> {
    let ours = Ours::read(path);
    if ours.is_of_another_link() && ours.stats.packets == 0 {
        return Ok(Verdict::NotRead {
            packets: 0,
            error: ours.told_error(path),
        });
    }
    let mut theirs = Theirs::default();
    let most = match &ours.error {
        // Packets after damage are not compared.
        Some(_) => ours.stats.packets,
        None => u64::MAX,
    };
    let complaint = tshark::read(path, kept, |frame| {
        if theirs.frames < most {
            theirs.add(&frame);
        }
    })?;
    // tshark refuses such a file, or shows nothing of its frames.
    let unknown = complaint.contains("TShark doesn't support");
    if ours.error.is_none() && (unknown || (theirs.frames != 0 && !theirs.shown)) {
        return Ok(Verdict::NotTheirs {
            packets: ours.stats.packets,
        });
    }
    if captures::has_long_fraction(path) {
        theirs.dates.clear();
    }
    let differences = differences(&ours, &theirs, &complaint);
    let packets = theirs.frames;
    Ok(if !differences.is_empty() {
        Verdict::Differs(differences)
    } else if ours.error.is_some() {
        let error = ours.told_error(path);
        if ours.is_of_another_link() {
            Verdict::NotRead { packets, error }
        } else {
            Verdict::SameToBreak { packets, error }
        }
    } else {
        Verdict::Same {
            packets,
            conversations: ours.conversations.len(),
        }
    })
}

/// Sums of tshark's frames according to the rules.
#[derive(Debug, Default)]
struct Theirs {
    frames: u64,
    octets: u64,
    /// tshark knows a header of one of the frames.
    shown: bool,
    conversations: Conversations,
    dates: Dates,
    /// Conversations with a packet without a time, or with a time before that of the previous packet.
    undated: BTreeSet<Conversation>,
    fragments: Fragments,
    /// Frames that may contain IP where tshark does not look for it.
    missed: u64,
    /// Endpoints of packets that tshark does not dissect completely.
    given_up: Vec<[IpAddr; 2]>,
}

impl Theirs {
    fn add(&mut self, frame: &Frame) {
        self.frames += 1;
        self.shown |= !frame.layers.is_empty();
        self.octets += frame.length - link::capture_header(frame);
        if let Some((conversation, [packets, octets])) = self.fragments.conversation(frame) {
            let sum = self.conversations.entry(conversation).or_default();
            sum.add(packets, octets);
            let date = self.dates.entry(conversation).or_insert([frame.time; 2]);
            if frame.time == 0 || frame.time < date[1] {
                self.undated.insert(conversation);
            }
            date[1] = frame.time;
        } else if let Some(ends) = rules::given_up(frame) {
            self.given_up.push(ends);
        } else if rules::is_missed(frame) {
            self.missed += 1;
        }
    }
}

/// Returns true if the times are the same. tshark's output has seconds of 32 bits.
fn same_dates(ours: &[i64; 2], theirs: &[i64; 2]) -> bool {
    const ROUND: i64 = (1 << 32) * 1_000_000_000;
    ours.iter()
        .zip(theirs)
        .all(|(one, other)| (one - other) % ROUND == 0)
}

fn differences(ours: &Ours, theirs: &Theirs, complaint: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut unequal = |what: &str, ours: u64, theirs: u64| {
        if ours != theirs {
            lines.push(format!("{what}: {ours} here, {theirs} by tshark"));
        }
    };
    unequal("frames", ours.stats.packets, theirs.frames);
    unequal("octets of frames", ours.stats.frame_octets, theirs.octets);
    if complaint.is_empty() == ours.error.is_some() && !ours.is_of_another_link() {
        let error = ours.error.as_ref().map(ToString::to_string);
        lines.push(format!(
            "{} here; tshark says: {complaint}",
            error.as_deref().unwrap_or("whole")
        ));
    }
    let mut all: Vec<_> = ours.conversations.keys().collect();
    all.extend(theirs.conversations.keys());
    all.sort();
    all.dedup();
    for conversation in all {
        let unknown = theirs
            .given_up
            .iter()
            .filter(|ends| conversation.is_of(ends));
        let unknown = unknown.count() as u64 + theirs.missed;
        let [ours, theirs] = [&ours.conversations, &theirs.conversations]
            .map(|of| of.get(conversation).copied().unwrap_or_default());
        let more = ours.packets.saturating_sub(theirs.packets);
        if ours != theirs && (more == 0 || more > unknown) {
            lines.push(format!("{conversation}: {ours} here, {theirs} by tshark"));
        }
    }
    for (conversation, ours) in &ours.dates {
        if let Some(told) = theirs.dates.get(conversation)
            && !theirs.undated.contains(conversation)
            && !same_dates(ours, told)
        {
            lines.push(format!(
                "{conversation}: from and to {ours:?} here, {told:?} by tshark"
            ));
        }
    }
    let more = lines.len().saturating_sub(TOLD);
    if more != 0 {
        lines.truncate(TOLD);
        lines.push(format!("and {more} more"));
    }
    lines
}
