//! Gives the same frames to the kernel program and to this process.

use std::{collections::HashMap, fmt, io, os::fd::AsFd, time::Duration};

use mermin_bpf::abi::{fragment::FragmentKey, key::KeyWords, ledger::HookDirection, names};

use super::{Context, Lab, kernel_info};
use crate::{
    error::{Error, ErrorKind},
    report::Ignored,
    source::FrameCounter,
    sys::{bpf::delete_batch, bpf_trial::first_key},
    table::snapshot::FlowSnapshot,
};

/// Time between two frames in this process. The kernel has its own clock, so times are not compared.
const APART: Duration = Duration::from_micros(1);
/// With more open flows than this, flows are not compared after each frame.
const MOST_AT_ONCE: usize = 64;

/// Runs each frame through both sides and compares everything except times: every flow's key, counters, flags and
/// first fields, and the ledger's reasons.
///
/// Counters of flows only grow. So if one side counts a packet elsewhere, two flows differ for good.
#[derive(Debug)]
pub struct Differential {
    lab: Lab,
    frame_counter: FrameCounter,
    room: u32,
    frames: u32,
    /// Counts of earlier captures in the ledger.
    before: Vec<Ignored>,
}

/// The results of both sides for the same frames.
#[derive(Debug)]
pub struct Difference(String);

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Differential {
    /// Loads the programs with room for this many flows.
    ///
    /// # Errors
    /// Those of opening a source.
    pub fn open(max_flows: u32) -> Result<Self, Error> {
        Ok(Self {
            lab: Lab::open(max_flows)?,
            frame_counter: FrameCounter::new(max_flows),
            room: max_flows,
            frames: 0,
            before: Vec::new(),
        })
    }

    /// Gives an Ethernet frame to both sides. Returns `None` if they agree.
    ///
    /// # Errors
    /// The error of the system call: EINVAL for fewer than 15 octets, or for too many. Then neither side has counted
    /// the frame.
    pub fn frame(&mut self, octets: &[u8]) -> io::Result<Option<Difference>> {
        self.lab
            .run(HookDirection::Ingress, octets, &Context::default(), 1)?;
        self.frames += 1;
        self.frame_counter.frame(octets, APART * self.frames);
        let open = self.frame_counter.open().count();
        let often = open <= MOST_AT_ONCE || (self.frames as usize).is_multiple_of(open / 8);
        Ok(self
            .ledger()
            .or_else(|| often.then(|| self.flows()).flatten()))
    }

    /// Compares once more, ends every flow on both sides, and starts again.
    ///
    /// # Errors
    /// Those of a source's stream.
    pub fn finish(&mut self) -> Result<Option<Difference>, Error> {
        let difference = self.ledger().or_else(|| self.flows());
        self.lab.close_all()?;
        self.lab.take();
        forget_fragments(&self.lab).map_err(cannot_forget)?;
        self.frame_counter = FrameCounter::new(self.room);
        self.frames = 0;
        self.before = self.lab.stats().ignored();
        Ok(difference)
    }

    fn ledger(&self) -> Option<Difference> {
        let kernel = reasons(self.lab.stats().ignored(), &self.before);
        let here = reasons(self.frame_counter.ignored(), &[]);
        (kernel != here).then(|| {
            Difference(format!(
                "ledger of {} frames: kernel {kernel:?}, here {here:?}",
                self.frames
            ))
        })
    }

    fn flows(&self) -> Option<Difference> {
        let mut kernel: HashMap<KeyWords, FlowSnapshot> = HashMap::new();
        for flow in self.lab.harness.flows() {
            kernel.insert(flow.key, timeless(&flow));
        }
        for flow in self.frame_counter.open() {
            let here = timeless(flow);
            let there = kernel.remove(&flow.key);
            if there != Some(here) {
                return Some(Difference(format!(
                    "a flow after {} frames:\nkernel {there:?}\nhere {here:?}",
                    self.frames
                )));
            }
        }
        kernel.values().next().map(|flow| {
            Difference(format!(
                "a flow that only the kernel has after {} frames: {flow:?}",
                self.frames
            ))
        })
    }
}

/// Forgets fragmented packets, because the next capture reuses their identifiers.
fn forget_fragments(lab: &Lab) -> io::Result<()> {
    let maps = kernel_info::by_name(lab.all_programs())?;
    for map in [names::MAP_FRAGMENTS, names::MAP_EARLY].map(|name| maps.get(name)) {
        let map = map.ok_or_else(|| io::Error::other("no map of fragments"))?;
        while let Some(key) = first_key::<FragmentKey>(map.as_fd())? {
            delete_batch(map.as_fd(), &[key]).map_err(|(_, error)| error)?;
        }
    }
    Ok(())
}

fn cannot_forget(error: io::Error) -> Error {
    Error::new(ErrorKind::System, "cannot forget fragments").with_source(error)
}

fn reasons(found: Vec<Ignored>, before: &[Ignored]) -> Vec<(&'static str, u64, u64)> {
    let mut all: Vec<_> = found
        .into_iter()
        .map(|found| {
            let of = before.iter().find(|known| known.reason == found.reason);
            let [packets, octets] = of.map_or([0, 0], |known| [known.packets, known.frame_octets]);
            (
                found.reason,
                found.packets - packets,
                found.frame_octets - octets,
            )
        })
        .filter(|&(_, packets, _)| packets != 0)
        .collect();
    all.sort_unstable();
    all
}

/// Returns a flow without its times, which come from two clocks, and without its hook, which a capture does not have.
fn timeless(flow: &FlowSnapshot) -> FlowSnapshot {
    let mut flow = *flow;
    flow.first_seen = 0;
    for side in &mut flow.sides {
        side.last_seen = u64::from(side.last_seen != 0);
        side.syn_at = u64::from(side.syn_at != 0);
        side.hook = None;
    }
    flow
}
