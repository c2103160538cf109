//! Runs each packet through the kernel program and through this process.
//!
//! **Input of the kernel call**: Ethernet frames with a payload (a whole IP header, if the EtherType announces one)
//! that fit into a page. So packets of raw IP, Linux cooked and BSD loopback get an Ethernet header with zero
//! addresses instead of their own. Links that no kernel hook has are left out. The captured octets count as the whole
//! frame. Frames that the call refuses are counted.

use std::{fmt, fs::File, io, path::Path};

use anyhow::{Context as _, Result};
use mermin_core::lab::{Captured, Difference, Differential, for_each_captured};

/// Size of the flow table; the largest captures have a fifth of it.
const ROOM: u32 = 1 << 16;
/// A refused frame of at most this many octets is too short: headers of Ethernet and IPv6.
const SHORT: usize = 54;

/// Results for the packets of captures.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) captures: u64,
    pub(crate) same: u64,
    pub(crate) too_short: u64,
    pub(crate) too_long: u64,
    /// Octets of the shortest of these.
    pub(crate) long_from: Option<usize>,
    pub(crate) no_ethernet: u64,
    /// Packets of links that only captures have.
    pub(crate) other_links: u64,
    pub(crate) difference: Option<String>,
}

impl Outcome {
    pub(crate) fn add(&mut self, other: &Self) {
        self.captures += 1;
        self.same += other.same;
        self.too_short += other.too_short;
        self.too_long += other.too_long;
        self.long_from = self.long_from.into_iter().chain(other.long_from).min();
        self.no_ethernet += other.no_ethernet;
        self.other_links += other.other_links;
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} packets the same, {} of them behind an Ethernet header that they got here; left out: {} of other links, {} too short, \
             {} too long",
            self.same, self.no_ethernet, self.other_links, self.too_short, self.too_long
        )?;
        if let Some(octets) = self.long_from {
            write!(f, " (from {octets} octets on)")?;
        }
        match &self.difference {
            Some(difference) => write!(f, "; DIFFERS: {difference}"),
            None => Ok(()),
        }
    }
}

/// Both sides.
pub(crate) struct Kernel {
    differential: Differential,
}

impl Kernel {
    pub(crate) fn open() -> Result<Self> {
        let differential = Differential::open(ROOM).context("cannot run the kernel program")?;
        Ok(Self { differential })
    }

    /// Runs a capture up to its end, to damage, or to the first difference.
    pub(crate) fn capture(&mut self, path: &Path) -> Result<Outcome> {
        let file = File::open(path).with_context(|| format!("cannot open `{}`", path.display()))?;
        let mut outcome = Outcome::default();
        let mut failed = None;
        // The comparison with tshark reports damage.
        let _ = for_each_captured(file, |packet| {
            if outcome.difference.is_none() && failed.is_none() {
                failed = self.packet(packet, &mut outcome).err();
            }
        });
        if let Some(error) = failed {
            return Err(error).context("the kernel refuses a frame");
        }
        let last = self.differential.finish().context("cannot end the flows")?;
        let difference = last.map(|difference| difference.to_string());
        outcome.difference = outcome.difference.or(difference);
        Ok(outcome)
    }

    fn packet(&mut self, packet: &Captured<'_>, outcome: &mut Outcome) -> io::Result<()> {
        if !matches!(
            packet.link,
            0 | 1 | 12 | 14 | 101 | 108 | 113 | 228 | 229 | 276
        ) {
            outcome.other_links += 1;
            return Ok(());
        }
        let Some(frame) = ethernet(packet) else {
            outcome.too_short += 1;
            return Ok(());
        };
        match self.differential.frame(&frame) {
            Ok(None) => {
                outcome.same += 1;
                outcome.no_ethernet += u64::from(packet.link != 1);
            }
            Ok(Some(difference)) => outcome.difference = Some(explain(&difference, &frame)),
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                if frame.len() < SHORT {
                    outcome.too_short += 1;
                } else {
                    outcome.too_long += 1;
                    let shortest = outcome.long_from.unwrap_or(usize::MAX);
                    outcome.long_from = Some(shortest.min(frame.len()));
                }
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

fn explain(difference: &Difference, frame: &[u8]) -> String {
    let octets: Vec<String> = frame.iter().map(|octet| format!("{octet:02x}")).collect();
    format!("{difference}\n  {}", octets.join(""))
}

/// Returns the packet as an Ethernet frame. `None` if it has no complete header of its own.
fn ethernet(packet: &Captured<'_>) -> Option<Vec<u8>> {
    let octets = packet.octets;
    let (kind, rest) = match packet.link {
        1 => return Some(octets.to_vec()),
        0 | 108 => by_version(octets.get(4..)?)?,
        113 => ([*octets.get(14)?, *octets.get(15)?], octets.get(16..)?),
        276 => ([*octets.first()?, *octets.get(1)?], octets.get(20..)?),
        _ => by_version(octets)?,
    };
    Some([&[0; 12][..], &kind, rest].concat())
}

fn by_version(packet: &[u8]) -> Option<([u8; 2], &[u8])> {
    Some(match packet.first()? >> 4 {
        6 => ([0x86, 0xdd], packet),
        _ => ([0x08, 0x00], packet),
    })
}
