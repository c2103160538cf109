//! Programs that run beside a test.

use std::{
    env, fs,
    net::UdpSocket,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use futures::executor::block_on;
use mermin_core::{Flow, sink::FlowSink};
use mermin_testing::wait;
use rustix::process::{Pid, Signal, kill_process};

/// A program that is ended with the test.
pub(crate) struct Program(Child);

impl Program {
    pub(crate) fn start(program: &str, arguments: &[&str]) -> Self {
        let path = env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
        let child = Command::new(program)
            .args(arguments)
            .env("PATH", path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.unwrap_or_else(|error| panic!("{program}: {error}")))
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn end(&mut self, signal: Signal) {
        let id = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw);
        let _ = kill_process(id.unwrap(), signal);
        let began = Instant::now();
        while self.0.try_wait().unwrap().is_none() {
            if began.elapsed() > Duration::from_secs(5) {
                // nfacctd 1.7.7 does not always heed a signal.
                let _ = self.0.kill();
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Output of a program, which must succeed.
pub(crate) fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// A UDP port of the loopback address that nobody has.
pub(crate) fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}

/// Waits until somebody has a UDP port.
pub(crate) fn wait_for_port(port: u16) {
    let wanted = format!(":{port:04X} ");
    wait(|| {
        let table = fs::read_to_string("/proc/net/udp").unwrap();
        table.contains(&wanted)
    });
}

/// Exports in batches and closes. Pauses between them, because a socket that is not read at once has room for some messages only.
pub(crate) fn export(mut sink: impl FlowSink, flows: &[Flow]) {
    block_on(async {
        for batch in flows.chunks(50) {
            sink.export(batch).await.unwrap();
            thread::sleep(Duration::from_millis(20));
        }
        sink.close().await.unwrap();
    });
}
