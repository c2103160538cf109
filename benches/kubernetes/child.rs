//! Processes whose CPU time and memory are measured.

use std::{fs, thread, time::Duration};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client, Config,
    runtime::{reflector, watcher},
};
use mermin_bench_kubernetes::pod;
use mermin_benches::Result;
use mermin_kubernetes::{
    Cluster, Extract, FollowSettings, Follower, Index, Kind, Moment, api::Object,
};
use rustix::time::{ClockId, clock_gettime};

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

/// Returns seconds of CPU time of this process.
fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    #[expect(clippy::cast_precision_loss, reason = "a few seconds")]
    let seconds = time.tv_sec as f64 + time.tv_nsec as f64 / 1e9;
    seconds
}

/// Returns the private memory of this process in octets.
fn own() -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let kilobytes: f64 = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))
        .and_then(|rest| rest.split_whitespace().next())
        .ok_or("no `RssAnon` in /proc/self/status")?
        .parse()?;
    Ok(kilobytes * 1024.0)
}

fn config(url: &str) -> Result<Config> {
    Ok(Config::new(url.parse()?))
}

fn follower(url: &str, pods: &str) -> Result<()> {
    let pods: u32 = pods.parse()?;
    let before = (cpu(), own()?);
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
    let before = (cpu(), own()?);
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

fn tell((cpu_before, own_before): (f64, f64), pods: u32, found: usize) -> Result<()> {
    if found != pods as usize {
        return Err(format!("{found} pods of {pods}").into());
    }
    let octets = (own()? - own_before) / f64::from(pods);
    println!("{} {octets}", cpu() - cpu_before);
    Ok(())
}

fn index(pods: &str) -> Result<()> {
    let pods: u32 = pods.parse()?;
    let mut index = Index::new(Extract::default(), Duration::from_mins(5));
    let now = Moment::parse("2026-02-01T00:00:00Z").ok_or("no time")?;
    // Memory that the first object takes once is no part of each.
    index.apply(&Object::parse(Kind::Pod, &pod(pods))?, now);
    let before = own()?;
    for number in 0..pods {
        index.apply(&Object::parse(Kind::Pod, &pod(number))?, now);
    }
    let after_pods = own()?;
    others(&mut index, pods, now)?;
    let all = own()?;
    println!(
        "{} {}",
        (after_pods - before) / f64::from(pods),
        (all - before) / f64::from(pods)
    );
    Ok(())
}
