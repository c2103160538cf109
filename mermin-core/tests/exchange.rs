//! Flows, statistics and reports of real captures, written by serde and read back.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{fs, path::PathBuf};

use futures::{StreamExt, executor::block_on};
use mermin_core::{Flow, FlowSource, Report, Stats, sink::write_json};

fn captures() -> Vec<PathBuf> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/captures");
    let files = fs::read_dir(directory).unwrap();
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.retain(|file| {
        file.extension()
            .is_some_and(|extension| extension != "flows")
    });
    files.sort();
    files
}

/// All that a capture gives.
fn read(capture: &PathBuf) -> (Vec<Flow>, Stats, Report) {
    block_on(async {
        let options = FlowSource::builder().pcap(capture);
        let mut source = options.open().await.unwrap();
        let mut flows = Vec::new();
        while let Some(flow) = source.next().await {
            flows.push(flow.unwrap());
        }
        (flows, source.handle().stats(), source.report())
    })
}

#[test]
fn each_flow_round_trips_through_json_lines() {
    let captures = captures();
    assert!(captures.len() > 5, "{captures:?}");
    for capture in captures {
        let (flows, ..) = read(&capture);
        assert!(!flows.is_empty(), "{}", capture.display());
        for flow in flows {
            let json = serde_json::to_string(&flow).unwrap();
            let mut line = Vec::new();
            write_json(&flow, &mut line).unwrap();
            assert_eq!(line.strip_suffix(b"\n"), Some(json.as_bytes()));
            assert_eq!(serde_json::from_str::<Flow>(&json).unwrap(), flow);
        }
    }
}

#[test]
fn statistics_and_reports_come_back() {
    for capture in captures() {
        let (_, stats, report) = read(&capture);
        assert!(stats.packets > 0);
        let json = serde_json::to_string(&stats).unwrap();
        assert_eq!(serde_json::from_str::<Stats>(&json).unwrap(), stats);
        let json = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
    }
}
