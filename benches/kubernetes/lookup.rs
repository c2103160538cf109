//! Time of look-ups in a cluster of 10,000 pods.

use std::{
    hint::black_box,
    time::{Duration, SystemTime},
};

use mermin_bench_kubernetes::{
    ON_A_NODE, REPLICAS, address, namespace, node, pod, replica_set, service,
};
use mermin_benches::{Options, Report, Result, Row, cpu, summary};
use mermin_core::{
    Flow,
    flow::{Endpoint, FlowId, Interface, Protocol},
};
use mermin_kubernetes::{
    Cluster, Decorator, End, Extract, Index, Kind, Moment, Settings, api::Object,
};

use crate::PODS;

const FLOWS: u32 = 65_536;
/// Flows of a batch, as they are decorated at a time.
const BATCH: usize = 64;

/// Enters nodes, namespaces, services, their slices and replica sets.
pub(crate) fn others(index: &mut Index, pods: u32, now: Moment) -> Result<()> {
    let mut enter = |kind: Kind, json: &str| -> Result<()> {
        index.apply(&Object::parse(kind, json)?, now);
        Ok(())
    };
    for number in 0..pods.div_ceil(ON_A_NODE) {
        enter(Kind::Node, &node(number))?;
    }
    for number in 0..50 {
        enter(Kind::Namespace, &namespace(number))?;
    }
    for set in 0..pods.div_ceil(REPLICAS) {
        let [service, slice] = service(set);
        enter(Kind::Service, &service)?;
        enter(Kind::EndpointSlice, &slice)?;
        enter(Kind::ReplicaSet, &replica_set(set))?;
    }
    Ok(())
}

/// Flows between pods that are far apart in memory.
fn flows(pods: u32) -> Vec<Flow> {
    let mut state = 7_u32;
    let mut random = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 8
    };
    let flows = (0..FLOWS).map(|number| {
        Flow::new(
            FlowId::from_u128(number.into()),
            Protocol::TCP,
            Endpoint::new(address(random() % pods), 50_000),
            Endpoint::new(address(random() % pods), 8080),
            Interface::new(2, "eth0"),
            SystemTime::now(),
        )
    });
    flows.collect()
}

/// Flows between pods of one node and those of ten nodes, as a host has them.
fn flows_of_a_node() -> Vec<Flow> {
    let mut flows = flows(PODS);
    flows.truncate(4_096);
    for (flow, number) in flows.iter_mut().zip(0_u32..) {
        flow.source.address = address(number % ON_A_NODE).into();
        flow.destination.address = address(number * 7 % (10 * ON_A_NODE)).into();
    }
    flows
}

/// Returns nanoseconds that decorating an end takes.
fn decorated(cluster: &Cluster, decorator: &mut Decorator, flows: &mut [Flow]) -> f64 {
    for flow in &mut *flows {
        flow.added_attributes = Box::default();
    }
    let began = cpu::time();
    for batch in flows.chunks_mut(BATCH) {
        cluster.decorate(decorator, batch);
    }
    per_end(began, flows)
}

/// Returns nanoseconds of this thread's CPU time since `began` for each end of these flows: the machine may be busy.
fn per_end(began: Duration, flows: &[Flow]) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let ends = 2.0 * flows.len() as f64;
    cpu::time().saturating_sub(began).as_secs_f64() * 1e9 / ends
}

pub(crate) fn measure(options: Options, report: &mut Report) -> Result<()> {
    let now = Moment::from(SystemTime::now());
    let mut index = Index::new(Extract::default(), Duration::from_mins(5));
    for number in 0..PODS {
        index.apply(&Object::parse(Kind::Pod, &pod(number))?, now);
    }
    others(&mut index, PODS, now)?;
    let cluster = Cluster::of(index);
    let (mut any, mut own) = (flows(PODS), flows_of_a_node());
    let mut decorator = Decorator::new(Settings::all());
    let mut rounds = [const { Vec::new() }; 3];
    for round in 0..=options.scaled(30) {
        let began = cpu::time();
        let found = cluster.read(|index| {
            let ends = any.iter().flat_map(End::both);
            ends.filter(|end| index.pod(black_box(end)).is_some())
                .count()
        });
        let looked_up = per_end(began, &any);
        if found != any.len() * 2 {
            return Err(format!("{found} ends have a pod").into());
        }
        let of_any = decorated(&cluster, &mut decorator, &mut any);
        // The lists of these are known after the first time.
        decorated(&cluster, &mut decorator, &mut own);
        let of_own = decorated(&cluster, &mut decorator, &mut own);
        if round > 0 {
            for (rounds, figure) in rounds.iter_mut().zip([looked_up, of_any, of_own]) {
                rounds.push(figure);
            }
        }
    }
    let [looked_up, of_any, of_own] = rounds.map(|rounds| summary(rounds).median);
    report.row(
        &Row::new("look_up")
            .with("ns_per_end", looked_up)
            .at_most("ns", looked_up, 200.0),
    );
    report.row(
        &Row::new("decorate_any_pods")
            .with("ns_per_end", of_any)
            .note("20,000 lists of attributes, of which 8,192 are kept"),
    );
    report.row(&Row::new("decorate_pods_of_a_node").with("ns_per_end", of_own));
    Ok(())
}
