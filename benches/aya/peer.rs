//! Another flow program beside this project's: known flows, new flows one at a time, and bursts of new flows, in the same rounds and
//! by the same method.
//!
//! | variable | value |
//! |---|---|
//! | `PEER_OBJECT` | path of an object file with a classifier (`tc`, `classifier`) |
//! | `PEER_PROGRAM` | the classifier's name |
//! | `PEER_MAPS` | numbers of elements: `flows=131072,events=1`; others are as in the object |
//! | `PEER_GLOBALS` | 32-bit constants: `sampling=0` |

use std::{
    env,
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
    process::ExitCode,
};

use aya::{Ebpf, EbpfLoader, programs::SchedClassifier};
use mermin_benches::{Options, Report, Result, Row, cpu, frames::udp4, summary};
use mermin_core::lab::{Context, Driver, HookDirection, Lab, Least, Order};

const HERE: Context = Context {
    ifindex: 1,
    ingress_ifindex: 0,
    gso_segs: 0,
    gso_size: 0,
};
/// Room in the table of this project.
const ROOM: u32 = 1 << 17;
/// New flows one at a time, whose distribution counts.
const SHOTS: u32 = 20_000;
/// New flows of a burst.
const BURST: u32 = 4096;
/// Packets of a known flow.
const KNOWN: u32 = 100_000;

fn main() -> ExitCode {
    mermin_benches::main("peer", |options, report| {
        let (Some(object), Ok(program)) = (env::var_os("PEER_OBJECT"), env::var("PEER_PROGRAM"))
        else {
            report.row(&Row::new("peer").note("skipped: PEER_OBJECT and PEER_PROGRAM are not set"));
            return Ok(());
        };
        cpu::pin(*cpu::allowed()?.last().unwrap_or(&0))?;
        compare(options, report, Path::new(&object), &program)
    })
}

/// A directory of a BPF file system for maps that the object wants pinned.
struct Pins(PathBuf);

impl Drop for Pins {
    fn drop(&mut self) {
        // Pins that stay are in a directory with this process's number.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The other program, and what keeps its maps.
struct Peer {
    program: Least,
    _object: Ebpf,
    _pins: Pins,
}

impl Peer {
    fn load(object: &Path, program: &str) -> Result<Self> {
        let pins = Pins(format!("/sys/fs/bpf/mermin-peer-{}", std::process::id()).into());
        std::fs::create_dir_all(&pins.0)?;
        let mut loader = EbpfLoader::new();
        loader.default_map_pin_directory(&pins.0);
        let lengths = assignments("PEER_MAPS")?;
        for (name, length) in &lengths {
            loader.map_max_entries(name, *length);
        }
        let globals = assignments("PEER_GLOBALS")?;
        for (name, value) in &globals {
            loader.override_global(name, value, true);
        }
        let mut object = loader.load_file(object)?;
        let found = object
            .program_mut(program)
            .ok_or("cannot find PEER_PROGRAM")?;
        let found: &mut SchedClassifier = found.try_into()?;
        found.load()?;
        let fd: OwnedFd = found.fd()?.as_fd().try_clone_to_owned()?;
        Ok(Self {
            program: Least::foreign(fd),
            _object: object,
            _pins: pins,
        })
    }
}

/// Reads `name=number,name=number` of a variable.
fn assignments(variable: &str) -> Result<Vec<(String, u32)>> {
    let text = env::var(variable).unwrap_or_default();
    text.split(',')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (name, number) = part
                .split_once('=')
                .ok_or_else(|| format!("cannot read `{part}` of {variable}: type `name=number`"))?;
            Ok((name.to_owned(), number.parse()?))
        })
        .collect()
}

/// Each of the two in turn; each round loads both anew, because the memory that they get matters.
fn compare(options: Options, report: &mut Report, object: &Path, program: &str) -> Result<()> {
    let mut shots = [const { Vec::new() }; 3];
    let mut bursts = [const { Vec::new() }; 3];
    let mut known = [const { Vec::new() }; 3];
    let frame = udp4(0);
    for round in 0..=options.scaled(10) {
        let lab = Lab::open(ROOM)?;
        let peer = Peer::load(object, program)?;
        let drivers: [Driver; 3] = [
            lab.empty_driver(Order::Sequence, BURST)?,
            lab.driver(Order::Sequence, BURST)?,
            peer.program.driver(Order::Sequence, BURST)?,
        ];
        let counted = round != 0;
        for (driver, figures) in drivers.iter().zip(&mut bursts) {
            let run = driver.run(&frame, &HERE, BURST)?;
            figures.extend(counted.then_some(run.nanoseconds));
        }
        for number in 0..options.scaled(SHOTS) {
            // Other flows than those of the bursts.
            let port = 20_000 + u16::try_from(number)?;
            let frame = udp4(port);
            let runs = [
                lab.run_empty(&frame, &HERE, 1)?,
                lab.run(HookDirection::Ingress, &frame, &HERE, 1)?,
                peer.program.run(&frame, &HERE, 1)?,
            ];
            for (run, figures) in runs.iter().zip(&mut shots) {
                figures.extend(counted.then_some(f64::from(run.kernel_nanoseconds)));
            }
        }
        let frame = udp4(20_000);
        let runs = [
            lab.run_empty(&frame, &HERE, KNOWN)?,
            lab.run(HookDirection::Ingress, &frame, &HERE, KNOWN)?,
            peer.program.run(&frame, &HERE, KNOWN)?,
        ];
        for (run, figures) in runs.iter().zip(&mut known) {
            figures.extend(counted.then_some(run.nanoseconds));
        }
    }
    for (name, figures) in [
        ("new_flow", shots),
        ("burst", bursts),
        ("known_flow", known),
    ] {
        let [empty, ours, theirs] = figures.map(summary);
        for (who, found) in [("mermin", ours), ("peer", theirs)] {
            let net = found.median - empty.median;
            report.row(
                &Row::new(format!("{name}_{who}"))
                    .with("ns", found.median)
                    .with("min_ns", found.min)
                    .with("p99_ns", found.p99)
                    .with("empty_ns", empty.median)
                    .with("net_ns", net)
                    .with("times_mermin", net / (ours.median - empty.median)),
            );
        }
    }
    Ok(())
}
