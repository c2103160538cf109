//! Speed of encoding flows as messages, on one core.

use std::{hint::black_box, time::SystemTime};

use mermin_core::{Flow, sink::testing::flows};
use mermin_ipfix::{Encoder, Messages, Settings};
use mermin_testing::median;

const FLOWS: u32 = 4096;
const ROUNDS: usize = 101;

fn main() {
    let all = flows(FLOWS);
    let tcp: Vec<Flow> = all
        .iter()
        .filter(|flow| flow.tcp.is_some())
        .cloned()
        .collect();
    println!(
        "{:<24} {:>14} {:>14} {:>12}",
        "", "flows/s", "records/s", "MB/s"
    );
    measure("mixed, uniflow", Settings::default(), &all);
    measure("mixed, biflow", Settings::default().biflow(true), &all);
    measure("TCP, uniflow", Settings::default(), &tcp);
    measure("TCP, biflow", Settings::default().biflow(true), &tcp);
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn measure(name: &str, settings: Settings, flows: &[Flow]) {
    let records = if name.ends_with("biflow") {
        flows.len()
    } else {
        let ways = |flow: &Flow| 1 + usize::from(flow.reverse.packets.delta != 0);
        flows.iter().map(ways).sum()
    };
    let mut encoder = Encoder::new(settings);
    let mut messages = Messages::default();
    let seconds = median(ROUNDS, || {
        encoder.encode(black_box(flows), SystemTime::now(), &mut messages);
        black_box(messages.as_bytes());
    });
    println!(
        "{name:<24} {:>14.0} {:>14.0} {:>12.0}",
        flows.len() as f64 / seconds,
        records as f64 / seconds,
        messages.as_bytes().len() as f64 / seconds / 1e6,
    );
}
