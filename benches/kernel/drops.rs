//! Cost of a dropped packet with the program that counts dropped packets, and without it.
//!
//! The packets are real: datagrams on the loopback interface of a network namespace of their own, for a socket whose queue is full. The
//! tracepoint shows the drops of all namespaces, so the program costs something in each.

use std::{net::UdpSocket, thread, time::Instant};

use futures::executor::block_on;
use mermin_benches::{Options, Report, Result, Row, summary, testbed::run};
use mermin_core::{FlowSource, FlowSourceBuilder, lab::enter_new_namespace, report::Feature};
use rustix::net::sockopt;

/// Octets of a datagram.
const OCTETS: usize = 64;
/// Datagrams that fill the smallest queue that the kernel gives a socket.
const FILL: usize = 200;

/// A namespace, in which each datagram of a client is dropped.
struct Site {
    client: UdpSocket,
    _full: UdpSocket,
    source: Option<FlowSource>,
}

impl Site {
    /// Makes one, with a source at its interface if there are options.
    fn new(options: Option<FlowSourceBuilder>) -> Result<Self> {
        let made = thread::spawn(move || Self::make(options).map_err(|error| error.to_string()));
        Ok(made.join().map_err(|_| "a thread panicked")??)
    }

    fn make(options: Option<FlowSourceBuilder>) -> Result<Self> {
        enter_new_namespace()?;
        run("ip link set lo up")?;
        let full = UdpSocket::bind("127.0.0.1:0")?;
        sockopt::set_socket_recv_buffer_size(&full, 0)?;
        let client = UdpSocket::bind("127.0.0.1:0")?;
        client.connect(full.local_addr()?)?;
        for _ in 0..FILL {
            client.send(&[0; OCTETS])?;
        }
        let source = options
            .map(|options| block_on(options.interfaces(["lo"]).max_flows(4096).open()))
            .transpose()?;
        Ok(Self {
            client,
            _full: full,
            source,
        })
    }

    /// Returns the time of a datagram, in nanoseconds.
    fn send(&self, datagrams: u32) -> Result<f64> {
        let began = Instant::now();
        for _ in 0..datagrams {
            self.client.send(&[0; OCTETS])?;
        }
        Ok(began.elapsed().as_secs_f64() * 1e9 / f64::from(datagrams))
    }
}

/// Checks that the flow's counters have the drops of these datagrams.
fn check(source: &FlowSource, datagrams: u32) -> Result<()> {
    let report = source.report();
    let mut degradations = report.degradations.iter();
    if degradations.any(|it| it.feature == Feature::Drops) {
        return Err(format!("drops are not counted: {report}").into());
    }
    let drops = source.handle().stats().drops;
    let uncounted = drops.taken + drops.unplaced + drops.missed;
    // A few are of other programs of the host.
    let few = datagrams / 100;
    if !drops.without_flow.is_empty() || uncounted > u64::from(few) {
        return Err(format!("drops have no flow: {drops:?}").into());
    }
    let counted = block_on(dropped(source));
    if counted < u64::from(datagrams - few) {
        return Err(format!("flows have {counted} drops of {datagrams}").into());
    }
    Ok(())
}

/// Returns the dropped packets of all open flows.
async fn dropped(source: &FlowSource) -> u64 {
    let mut sum = 0;
    let mut open = source.handle().open_flows();
    while let Some(page) = open.next_page().await {
        let drops = page.iter().filter_map(|flow| flow.drops.as_ref());
        let reasons = drops.flat_map(|it| it.forward.iter().chain(&it.reverse));
        sum += reasons.map(|it| it.packets).sum::<u64>();
    }
    sum
}

/// Adds a row for a drop in the watched namespace, and one for a drop in another one.
pub(super) fn drops(options: Options, report: &mut Report) -> Result<()> {
    let datagrams = options.scaled(20_000);
    let unwatched = Site::new(None)?;
    let watched = Site::new(Some(FlowSource::builder()))?;
    let mut found = [const { Vec::new() }; 4];
    for round in 0..=options.scaled(40) {
        let off = [unwatched.send(datagrams)?, watched.send(datagrams)?];
        let counted = Site::new(Some(FlowSource::builder().drops(true)))?;
        counted.send(datagrams)?;
        let on = [unwatched.send(datagrams)?, counted.send(datagrams)?];
        if let Some(source) = counted.source {
            check(&source, datagrams)?;
            block_on(source.shutdown())?;
        }
        // The first round warms up.
        if round != 0 {
            for (all, time) in found.iter_mut().zip([off, on].concat()) {
                all.push(time);
            }
        }
    }
    let [elsewhere_off, off, elsewhere, on] = found;
    for (name, off, on) in [
        ("drop_counted", off, on),
        ("drop_of_another_namespace", elsewhere_off, elsewhere),
    ] {
        report.row(
            &Row::new(name)
                .with("ns", summary(on.clone()).median)
                .with("off_ns", summary(off.clone()).median)
                .more(&on, &off)
                .note("with the system call that sends the datagram"),
        );
    }
    Ok(())
}
