//! Sampling under pressure: whole flows are kept, the ledger closes, and counts times the interval estimate what was sent.

use std::{collections::HashMap, thread, time::Duration};

use mermin_core::{
    Attach, Flow, Pinning, Sampling,
    flow::EndReason,
    report::{Feature, Stats},
};

use crate::{
    restart::instance_name,
    support::{
        frame::{self, numbered},
        host::Pair,
        traffic::Injector,
        wait::until_true,
        watch::{Watch, applied, on, try_open},
    },
};

crate::cases! {
    each_mode full_table_keeps_a_sample,
    each_mode limit_of_new_flows_keeps_a_sample,
    each_mode sampled_flows_keep_their_weight_over_a_restart,
    each_mode_alone open_flow_continues_at_a_higher_rate,
}

fn interval(flow: &Flow) -> u32 {
    flow.sampling_interval.expect("flows are sampled").get()
}

/// Estimate of the number of flows, and its standard deviation.
fn estimate(flows: &[Flow]) -> (f64, f64) {
    let intervals = || flows.iter().map(|flow| f64::from(interval(flow)));
    let variance: f64 = intervals().map(|it| it * (it - 1.0)).sum();
    (intervals().sum(), variance.sqrt())
}

/// Ten times as many flows as the table has room for: no packet is refused.
fn full_table_keeps_a_sample(mode: Attach) {
    const FLOWS: u32 = 10_000;
    let pair = Pair::new();
    let options = on("v0").max_flows(1000).attach(mode);
    let options = options.sampling(Sampling::under_pressure().seed(1));
    let watch = Watch::open(&pair.near, options);
    assert_eq!(watch.stats().sampling_interval, 1);
    let injector = Injector::new(&pair.near, "v0");
    for _ in 0..3 {
        for number in 0..FLOWS {
            injector.send(&numbered(number.into()));
        }
    }
    until_true("a sweep", || watch.stats().sampling_interval > 1);
    let report = watch.source.report();
    assert_eq!(report.degradations.len(), 1, "{report:?}");
    assert_eq!(report.degradations[0].feature, Feature::Sampling);
    let outcome = watch.finish();
    assert_eq!(outcome.packets, 3 * u64::from(FLOWS));
    let kept = outcome.flows.len() as u64;
    assert!((800..=1000).contains(&kept), "{kept}");
    assert_eq!(
        outcome.ignored("not_sampled"),
        3 * (u64::from(FLOWS) - kept)
    );
    assert_eq!(outcome.all_ignored(), outcome.ignored("not_sampled"));
    for flow in &outcome.flows {
        assert_eq!(flow.forward.packets.total, 3, "{flow:?}");
    }
    let (flows, deviation) = estimate(&outcome.flows);
    eprintln!("{mode:?}: {kept} flows of {FLOWS} estimate {flows} +- {deviation:.0}");
    assert!(outcome.flows.iter().any(|flow| interval(flow) > 1));
    assert!(
        (flows - f64::from(FLOWS)).abs() < 4.0 * deviation,
        "{flows} +- {deviation}"
    );
}

/// The table has room, but new flows are more than the limit.
fn limit_of_new_flows_keeps_a_sample(mode: Attach) {
    let pair = Pair::new();
    let sampling = Sampling::under_pressure().flows_per_second(100).seed(2);
    let options = on("v0").max_flows(65_536).attach(mode).sampling(sampling);
    let watch = Watch::open(&pair.near, options);
    let injector = Injector::new(&pair.near, "v0");
    let mut sent: u32 = 0;
    // Some 2,000 a second.
    while sent < 6000 {
        for _ in 0..20 {
            injector.send(&numbered(sent.into()));
            sent += 1;
        }
        thread::sleep(Duration::from_millis(10));
    }
    let interval = watch.stats().sampling_interval;
    let outcome = watch.finish();
    let kept = outcome.flows.len() as u64;
    assert!(interval >= 8, "{interval}");
    assert_eq!(outcome.ignored("not_sampled"), u64::from(sent) - kept);
    let (flows, deviation) = estimate(&outcome.flows);
    eprintln!("{mode:?}: {kept} flows of {sent} estimate {flows} +- {deviation:.0}");
    assert!(
        (flows - f64::from(sent)).abs() < 4.0 * deviation,
        "{flows} +- {deviation}"
    );
}

/// Flows that are open when another process takes over keep their interval. Conversations that were left out stay so: the instance has a
/// seed, which no option sets here.
fn sampled_flows_keep_their_weight_over_a_restart(mode: Attach) {
    const FLOWS: u32 = 4000;
    let pair = Pair::new();
    let name = instance_name();
    let options = on("v0").max_flows(1000).attach(mode);
    let options = options
        .active_timeout(Duration::from_millis(300))
        .sampling(Sampling::under_pressure());
    let injector = Injector::new(&pair.near, "v0");
    let send_all = || (0..FLOWS).for_each(|number| injector.send(&numbered(number.into())));
    let persistent = Pinning::instance(&name).persist(true);
    let mut watch = Watch::open(&pair.near, options.clone().pinning(persistent));
    send_all();
    send_all();
    until_true("a sweep", || watch.stats().sampling_interval > 1);
    let handle = watch.handle.clone();
    let ids = |flows: &[Flow]| -> HashMap<u128, u32> {
        let id = |flow: &Flow| (flow.id.to_u128(), interval(flow));
        flows.iter().map(id).collect()
    };
    watch.take_until("a record of each flow", |flows| {
        ids(flows).len() as u64 == handle.stats().flows_open
    });
    let then = watch.stats().sampling_interval;
    let first = watch.drain().flows;
    let known = ids(&first);
    assert!((800..=1000).contains(&known.len()), "{}", known.len());
    // The kernel program decides while nobody watches.
    send_all();
    let source = try_open(&pair.near, options.pinning(Pinning::instance(&name))).unwrap();
    let recovered = source.report().recovered.expect("there are flows");
    assert_eq!(recovered.flows, known.len() as u64);
    let mut watch = Watch::new(source);
    assert_eq!(watch.stats().sampling_interval, then);
    watch.flows = first;
    send_all();
    let outcome = watch.drain();
    let mut packets: HashMap<u128, u64> = HashMap::new();
    for flow in &outcome.flows {
        let id = flow.id.to_u128();
        assert_eq!(known.get(&id), Some(&interval(flow)), "{flow:?}");
        *packets.entry(id).or_default() += flow.forward.packets.delta;
    }
    assert!(packets.values().all(|packets| *packets == 4), "{packets:?}");
    let left_out = u64::from(FLOWS) - known.len() as u64;
    assert_eq!(outcome.ignored("not_sampled"), 4 * left_out);
    let ends = outcome.flows.iter();
    let ends = ends.filter(|flow| flow.end_reason != EndReason::ActiveTimeout);
    let (flows, deviation) = estimate(&ends.cloned().collect::<Vec<_>>());
    assert!(
        (flows - f64::from(FLOWS)).abs() < 4.0 * deviation,
        "{flows} +- {deviation}"
    );
}

/// When the rate rises, a flow that goes on has a last record at the lower rate, and continues as another flow at the higher one. No packet
/// is lost in between.
fn open_flow_continues_at_a_higher_rate(mode: Attach) {
    let pair = Pair::new();
    let options = on("v0").max_flows(1000).attach(mode);
    let options = options.sampling(Sampling::under_pressure().seed(3));
    let mut watch = Watch::open(&pair.near, options.clone());
    let injector = Injector::new(&pair.near, "v0");
    for number in 0..3000 {
        injector.send(&numbered(number));
    }
    until_true("a sweep", || watch.stats().sampling_interval > 1);
    applied(
        &watch.handle,
        options.udp_timeout(Duration::from_millis(500)),
    );
    until_true("all flows to end", || watch.stats().flows_open == 0);
    let ended = watch.stats().flows_ended;
    watch.take_until("their records", |flows| flows.len() as u64 == ended);
    let known = watch.flows.iter().max_by_key(|flow| interval(flow));
    let source = known.expect("flows were kept").source;
    let number = (0..3000)
        .find(|&number| frame::source(number).to_string() == source.to_string())
        .expect("it was sent");
    let left_out = |stats: &Stats| {
        let ignored = stats.ignored();
        let row = ignored.iter().find(|row| row.reason == "not_sampled");
        row.map_or(0, |row| row.packets)
    };
    let left_out_before = left_out(&watch.stats());
    let mut sent = 1;
    let resampled = |flow: &&Flow| flow.end_reason == EndReason::LackOfResources;
    // Ten seconds of calm, and some.
    for _ in 0..1000 {
        injector.send(&numbered(number));
        sent += 1;
        watch.take_for(Duration::from_millis(50));
        if watch.flows.iter().any(|flow| resampled(&flow)) {
            break;
        }
    }
    let outcome = watch.finish();
    let mut pieces: HashMap<u128, Vec<&Flow>> = HashMap::new();
    for flow in outcome.flows.iter().filter(|flow| flow.source == source) {
        pieces.entry(flow.id.to_u128()).or_default().push(flow);
    }
    let packets: u64 = pieces
        .values()
        .flatten()
        .map(|flow| flow.forward.packets.delta)
        .sum();
    // Until the rate has risen to that at which it was kept before, the flow may be left out.
    let left_out = outcome.ignored("not_sampled") - left_out_before;
    assert_eq!(packets + left_out, sent);
    let last = outcome.flows.iter().find(resampled).expect("the rate rose");
    let then = outcome.flows.iter().find(|flow| {
        flow.source == source && flow.start >= last.end && interval(flow) == interval(last) / 2
    });
    let then = then.expect("the flow continued");
    assert_ne!(then.id, last.id);
    assert_eq!(then.destination, last.destination);
}
