//! The same source under three executors.

use futures::StreamExt;
use mermin_core::{Flow, FlowSource};

use crate::support::{
    host::Pair,
    traffic::{address, udp_dialogue},
    watch::on,
};

crate::cases! {
    case runtime_futures_drives_a_source,
    case runtime_smol_drives_a_source,
    case runtime_tokio_drives_a_source,
    case runtime_tokio_with_threads_drives_a_source,
}

fn runtime_futures_drives_a_source() {
    with(|pair| futures::executor::block_on(capture(pair)));
}

fn runtime_smol_drives_a_source() {
    with(|pair| smol::block_on(capture(pair)));
}

fn runtime_tokio_drives_a_source() {
    with(|pair| {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(capture(pair))
    });
}

fn runtime_tokio_with_threads_drives_a_source() {
    with(|pair| {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(2).build().unwrap();
        let source = runtime.block_on(runtime.spawn(open())).unwrap();
        runtime
            .block_on(async { futures::join!(drain(source), async { exchange(pair) }) })
            .0
    });
}

/// Runs in a host, and checks the result.
fn with(run: impl FnOnce(&Pair) -> Vec<Flow> + Send) {
    let pair = Pair::new();
    let flows = pair.near.run(|| run(&pair));
    assert_eq!(flows.len(), 1);
    assert_eq!(flows[0].forward.packets.total, 10);
}

async fn open() -> FlowSource {
    on("v0").open().await.unwrap()
}

fn exchange(pair: &Pair) {
    let (near, far) = (address("10.0.0.1:40000"), address("10.0.0.2:53"));
    udp_dialogue(pair, [near, far], 10, [10, 20]);
}

/// Takes everything of a source that another task closes once it has seen the traffic.
async fn drain(mut source: FlowSource) -> Vec<Flow> {
    let handle = source.handle();
    let closer = std::thread::spawn(move || {
        crate::support::wait::until_true("the traffic", || handle.stats().packets == 20);
        handle.close();
    });
    let mut flows = Vec::new();
    while let Some(flow) = source.next().await {
        flows.push(flow.unwrap());
    }
    closer.join().unwrap();
    flows
}

async fn capture(pair: &Pair) -> Vec<Flow> {
    let source = open().await;
    exchange(pair);
    drain(source).await
}
