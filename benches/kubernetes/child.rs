//! Processes whose CPU time and memory are measured.

use std::{thread, time::Duration};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client, Config,
    runtime::{reflector, watcher},
};
use mermin_bench_kubernetes::pod;
use mermin_benches::{Result, cpu::process_time, memory::private};
use mermin_kubernetes::{
    Cluster, Extract, FollowSettings, Follower, Index, Kind, Moment, api::Object,
};

use crate::lookup::others;

/// Runs a role and prints its figures; none if there is no such role.
pub(crate) fn run(role: &str, arguments: &[String]) -> Option<Result<()>> {
    let argument = |at: usize| arguments.get(at).map_or("", String::as_str);
    Some(match role {
        "follower" => follower(argument(0), argument(1)),
        "reflector" => stored(argument(0), argument(1)),
        "index" => index(argument(0)),
        _ => return None,
    })
}

fn config(url: &str) -> Result<Config> {
    Ok(Config::new(url.parse()?))
}

fn follower(url: &str, pods: &str) -> Result<()> {
    let pods: u32 = pods.parse()?;
    let before = (process_time(), private()?);
    let cluster = Cluster::new(Extract::default());
    let settings = FollowSettings::default()
        .config(config(url)?)
        .kinds([Kind::Pod]);
    let follower = Follower::start(&cluster, settings)?;
    while !follower.health().is_synced() {
        thread::sleep(Duration::from_millis(20));
    }
    tell(before, pods, cluster.read(|index| index.present(Kind::Pod)))
}

fn stored(url: &str, pods: &str) -> Result<()> {
    let pods: u32 = pods.parse()?;
    let before = (process_time(), private()?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let client = Client::try_from(config(url)?)?;
        let (store, writer) = reflector::store();
        let events = watcher(Api::<Pod>::all(client), watcher::Config::default());
        let mut events = Box::pin(reflector(writer, events));
        while store.len() < pods as usize {
            events.next().await.ok_or("the watch has ended")??;
        }
        tell(before, pods, store.len())
    })
}

fn tell((time_before, own_before): (Duration, f64), pods: u32, found: usize) -> Result<()> {
    if found != pods as usize {
        return Err(format!("{found} pods of {pods}").into());
    }
    let octets = (private()? - own_before) / f64::from(pods);
    let time = process_time().saturating_sub(time_before).as_secs_f64();
    println!("{time} {octets}");
    Ok(())
}

fn index(pods: &str) -> Result<()> {
    let pods: u32 = pods.parse()?;
    let mut index = Index::new(Extract::default(), Duration::from_mins(5));
    let now = Moment::parse("2026-02-01T00:00:00Z").ok_or("no time")?;
    // Memory that the first object takes once is no part of each.
    index.apply(&Object::parse(Kind::Pod, &pod(pods))?, now);
    let before = private()?;
    for number in 0..pods {
        index.apply(&Object::parse(Kind::Pod, &pod(number))?, now);
    }
    let after_pods = private()?;
    others(&mut index, pods, now)?;
    let all = private()?;
    println!(
        "{} {}",
        (after_pods - before) / f64::from(pods),
        (all - before) / f64::from(pods)
    );
    Ok(())
}
