//! Speed of reading a capture file, compared with other programs.

use std::{
    fs,
    path::Path,
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use futures::{StreamExt, executor::block_on};
use mermin_benches::{
    Options, Report, Result, Row,
    capture::{CaptureFile, Shape},
    cpu, summary,
};
use mermin_core::FlowSource;

const SMALL: Shape = Shape {
    name: "small",
    packets: 4_000_000,
    payload: 22,
    flows: 10_000,
};
const LARGE: Shape = Shape {
    name: "large",
    packets: 700_000,
    payload: 1472,
    flows: 1_000,
};

fn main() -> ExitCode {
    mermin_benches::anywhere("offline", |options, report| {
        cpu::pin(*cpu::allowed()?.last().unwrap_or(&0))?;
        for shape in [SMALL, LARGE] {
            let file = CaptureFile::write(&shape, options.scaled(shape.packets))?;
            measure(options, report, &shape, &file)?;
        }
        Ok(())
    })
}

/// Wall-clock and CPU time of one reading.
type Took = [Duration; 2];

fn measure(options: Options, report: &mut Report, shape: &Shape, file: &CaptureFile) -> Result<()> {
    let rounds = options.scaled(10);
    let mut ours = Vec::new();
    for _ in 0..=rounds {
        ours.push(read(file)?);
    }
    // The first reading brings the file into memory.
    let own = tell(report, shape, file, "mermin", &ours[1..], None);
    for peer in PEERS {
        let took: Result<Vec<Took>> = (0..options.scaled(3))
            .map(|_| peer.read(&file.path))
            .collect();
        match took {
            Ok(took) => {
                tell(report, shape, file, peer.program, &took, Some(own));
            }
            Err(error) => report
                .row(&Row::new(format!("{}_{}", shape.name, peer.program)).note(error.to_string())),
        }
    }
    Ok(())
}

/// Reads the file with the public API and takes every record.
fn read(file: &CaptureFile) -> Result<Took> {
    let (began, busy) = (Instant::now(), cpu::process_time());
    let packets = block_on(async {
        let mut source = FlowSource::builder().pcap(&file.path).open().await?;
        let mut packets = 0;
        while let Some(flow) = source.next().await {
            let flow = flow?;
            packets += flow.forward.packets.delta + flow.reverse.packets.delta;
        }
        Ok::<_, mermin_core::Error>(packets)
    })?;
    if packets != file.packets {
        return Err(format!("{} packets written, {packets} in flows", file.packets).into());
    }
    Ok([began.elapsed(), cpu::process_time().saturating_sub(busy)])
}

/// Adds a row, with targets for this project; returns packets per second of CPU time.
fn tell(
    report: &mut Report,
    shape: &Shape,
    file: &CaptureFile,
    who: &str,
    took: &[Took],
    own: Option<f64>,
) -> f64 {
    let median =
        |which: usize| summary(took.iter().map(|took| took[which].as_secs_f64()).collect()).median;
    let [clock, busy] = [median(0), median(1)];
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let [packets, octets] = [file.packets as f64, file.octets as f64];
    let rate = packets / busy;
    let mut row = Row::new(format!("{}_{who}", shape.name))
        .with("mpps_by_cpu", rate / 1e6)
        .with("gb_s_by_cpu", octets / busy / 1e9)
        .with("mpps_by_clock", packets / clock / 1e6)
        .with("ns_per_packet", busy / packets * 1e9);
    row = match own {
        Some(own) => row.with("times_slower", own / rate),
        None if shape.payload > 1000 => {
            row.with("times_slower", 1.0)
                .at_least("GB/s", octets / busy / 1e9, 1.0)
        }
        None => row
            .with("times_slower", 1.0)
            .at_least("million packets/s", rate / 1e6, 3.0),
    };
    report.row(&row);
    rate
}

/// A program that makes flows from a capture.
struct Peer {
    program: &'static str,
    /// Its arguments; `FILE` stands for the capture and `FOLDER` for a directory to write to.
    arguments: &'static str,
}

const PEERS: [Peer; 3] = [
    Peer {
        program: "tshark",
        arguments: "-n -q -z conv,ip -r FILE",
    },
    Peer {
        program: "nfpcapd",
        arguments: "-r FILE -l FOLDER",
    },
    Peer {
        program: "softflowd",
        // Without a collector it waits forever.
        arguments: "-r FILE -n 127.0.0.1:9 -c none -p FOLDER/pid",
    },
];

impl Peer {
    fn read(&self, file: &Path) -> Result<Took> {
        let folder = file.with_extension("peer");
        fs::create_dir_all(&folder)?;
        let arguments = self.arguments.replace("FILE", &file.to_string_lossy());
        let arguments = arguments.replace("FOLDER", &folder.to_string_lossy());
        let (began, busy) = (Instant::now(), cpu::children_time());
        let output = Command::new(self.program)
            .args(arguments.split_whitespace())
            .output();
        let took = [began.elapsed(), cpu::children_time().saturating_sub(busy)];
        fs::remove_dir_all(&folder)?;
        let output = output.map_err(|error| format!("cannot start `{}`: {error}", self.program))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{} failed: {}", self.program, said.trim()).into());
        }
        Ok(took)
    }
}
