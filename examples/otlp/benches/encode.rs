//! Speed of encoding flows as requests, on one core.

use std::{hint::black_box, time::SystemTime};

use mermin_core::{Flow, sink::testing::flows};
use mermin_otlp::{Encoder, Settings};
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
    let encoder = Encoder::new(&Settings::default());
    let now = SystemTime::now();
    println!(
        "{:<16} {:>14} {:>12} {:>14}",
        "", "flows/s", "MB/s", "octets/flow"
    );
    measure("mixed, spans", &all, |flows| encoder.spans(flows));
    measure("TCP, spans", &tcp, |flows| encoder.spans(flows));
    measure("mixed, logs", &all, |flows| encoder.logs(flows, now));
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn measure(name: &str, flows: &[Flow], encode: impl Fn(&[Flow]) -> Vec<u8>) {
    let mut octets = 0;
    let seconds = median(ROUNDS, || {
        octets = black_box(encode(black_box(flows))).len();
    });
    println!(
        "{name:<16} {:>14.0} {:>12.0} {:>14}",
        flows.len() as f64 / seconds,
        octets as f64 / seconds / 1e6,
        octets / flows.len(),
    );
}
