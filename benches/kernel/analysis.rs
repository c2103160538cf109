//! Cost of the analysis of TCP for segments of a known flow.

use mermin_benches::{Options, Report, Result, Row, frames::tcp4, summary};
use mermin_core::{
    FlowSource,
    lab::{Driver, Lab, frame::flag::PSH},
};

use super::HERE;

/// Offsets in an untagged IPv4 frame.
const SEQUENCE: i16 = 38;
const ACKNOWLEDGMENT: i16 = 42;
const FLAGS: usize = 47;
const WINDOW: usize = 48;
/// Octets of headers in front of the payload.
const HEADERS: usize = 54;
const PAYLOAD: u16 = 64;

/// A row's name, its frame, and the place of the number that rises by `PAYLOAD`, or by nothing.
struct Case {
    name: &'static str,
    frame: Vec<u8>,
    at: i16,
    step: u16,
}

fn cases() -> [Case; 4] {
    let mut data = tcp4(1);
    data[WINDOW] = 1;
    let mut pushed = data.clone();
    pushed[FLAGS] |= PSH;
    let mut acknowledgment = data.clone();
    acknowledgment.truncate(HEADERS);
    acknowledgment[16..18].copy_from_slice(&[0, 40]);
    [
        Case {
            name: "data",
            frame: data.clone(),
            at: SEQUENCE,
            step: PAYLOAD,
        },
        Case {
            name: "acknowledgment",
            frame: acknowledgment,
            at: ACKNOWLEDGMENT,
            step: PAYLOAD,
        },
        Case {
            name: "end_of_request",
            frame: pushed,
            at: SEQUENCE,
            step: PAYLOAD,
        },
        Case {
            name: "retransmission",
            frame: data,
            at: SEQUENCE,
            step: 0,
        },
    ]
}

/// Number of runs, of which the median counts.
const RUNS: usize = 5;

/// Adds a row for each kind of segment. As in `choices`, every round loads both programs again.
pub(super) fn analysis(options: Options, report: &mut Report) -> Result<()> {
    let repeat = options.scaled(100_000);
    let cases = cases();
    let mut found = [const { [const { Vec::new() }; 2] }; 4];
    for round in 0..options.scaled(40) as usize {
        for (case, found) in cases.iter().zip(&mut found) {
            let mut labs: Vec<(usize, Lab, Driver)> = Vec::new();
            for place in 0..2 {
                let choice = (place + round) % 2;
                let builder = FlowSource::builder()
                    .max_flows(4096)
                    .tcp_analysis(choice == 1);
                let lab = Lab::with(builder)?;
                let driver = lab.counting_driver(case.at, case.step)?;
                labs.push((choice, lab, driver));
            }
            let mut costs = [const { Vec::new() }; 2];
            for run in 0..=RUNS {
                for (choice, _, driver) in &labs {
                    let cost = driver.run(&case.frame, &HERE, repeat)?;
                    if run != 0 {
                        costs[*choice].push(cost.nanoseconds);
                    }
                }
            }
            for (found, costs) in found.iter_mut().zip(costs) {
                found.push(summary(costs).median);
            }
        }
    }
    for (case, [off, on]) in cases.iter().zip(found) {
        report.row(
            &Row::new(format!("tcp_analysis_{}", case.name))
                .with("ns", summary(on.clone()).median)
                .with("off_ns", summary(off.clone()).median)
                .more(&on, &off)
                .note("gross with the program that numbers the segments"),
        );
    }
    Ok(())
}
