//! Speed of storing flows in a stream of a nats-server on this host.

use std::{
    error::Error,
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use futures::executor::block_on;
use mermin_core::{Flow, sink::FlowSink, sink::testing::flows};
use mermin_nats::{Exporter, Settings};
use mermin_testing::Folder;
use rustix::time::{ClockId, clock_gettime};

const FLOWS: u32 = 100_000;
const BATCH: usize = 4096;

/// Ends the server with the measurement.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let all = flows(FLOWS);
    println!("{:<16} {:>12} {:>22}", "", "flows/s", "us CPU/flow, here");
    for _ in 0..3 {
        measure(&all)?;
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn measure(all: &[Flow]) -> Result<(), Box<dyn Error + Send + Sync>> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let folder = Folder::new("nats-bench");
    let server = Command::new("nats-server")
        .args(["-a", "127.0.0.1", "-p", &port.to_string(), "-js", "-sd"])
        .arg(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let _server = Server(server?);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        thread::sleep(Duration::from_millis(10));
    }
    let mut sink = Exporter::new(Settings::new([format!("127.0.0.1:{port}")], "FLOWS"))?;
    block_on(sink.export(&all[..1]))?;
    let (began, spent) = (Instant::now(), processor_time());
    for batch in all[1..].chunks(BATCH) {
        block_on(sink.export(batch))?;
    }
    let (took, spent) = (began.elapsed(), processor_time().saturating_sub(spent));
    println!(
        "{:<16} {:>12.0} {:>22.1}",
        "one connection",
        all.len() as f64 / took.as_secs_f64(),
        spent.as_secs_f64() * 1e6 / all.len() as f64,
    );
    Ok(())
}

/// Returns the CPU time of all threads of this process.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or(0),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}
