//! Speed of summing flows, on one core, and time of making a page.

use std::{hint::black_box, net::Ipv4Addr, time::Instant};

use mermin_core::{
    Flow,
    flow::{Direction, Endpoint},
    sink::testing::flows,
};
use mermin_prometheus::{Format, Label, Settings, State};
use mermin_testing::median;

const FLOWS: u32 = 4096;
const ROUNDS: usize = 101;

fn main() {
    let mixed = flows(FLOWS);
    // Every record has another pair of addresses.
    let attack: Vec<Flow> = (0..100_000_u32)
        .map(|number| {
            let mut flow = mixed[number as usize % mixed.len()].clone();
            flow.source = Endpoint::new(Ipv4Addr::from(0x0a00_0000 | number), 1024);
            flow.direction = Direction::Unknown;
            flow
        })
        .collect();
    println!("{:<44} {:>14}", "", "flows/s");
    add(
        "by interface and transport, 20 pairs",
        &Settings::default(),
        &mixed,
    );
    add(
        "the same without pairs",
        &Settings::default().pairs(0),
        &mixed,
    );
    let addresses = Settings::default().labels([Label::SourceAddress, Label::DestinationAddress]);
    add("by addresses, 100,000 sources", &addresses, &attack);
    add(
        "by addresses, room for all",
        &addresses.clone().series(200_000),
        &attack,
    );
    println!("\n{:<44} {:>14} {:>14}", "", "page, ms", "octets");
    for series in [10, 1000, 10_000] {
        page(series, &addresses.clone().series(series), &attack);
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn add(name: &str, settings: &Settings, flows: &[Flow]) {
    let begin = Instant::now();
    let mut state = State::new(settings, begin);
    let seconds = median(ROUNDS, || state.add(black_box(flows), begin));
    println!("{name:<44} {:>14.0}", flows.len() as f64 / seconds);
}

fn page(series: usize, settings: &Settings, flows: &[Flow]) {
    let now = Instant::now();
    let mut state = State::new(settings, now);
    state.add(flows, now);
    let octets = state.page(now, Format::OpenMetrics).len();
    let seconds = median(ROUNDS, || {
        black_box(state.page(now, Format::OpenMetrics));
    });
    let name = format!("{series} series, 20 pairs");
    println!("{name:<44} {:>14.2} {octets:>14}", seconds * 1e3);
}
