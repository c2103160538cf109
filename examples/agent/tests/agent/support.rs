//! A running agent.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use mermin_testing::until;
use rustix::process::{Pid, Signal, geteuid, kill_process};

pub(crate) fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_mermin-agent"));
    program
        .env_remove("MERMIN_CONFIG_PATH")
        .env_remove("MERMIN_LOG_LEVEL")
        .env_remove("KUBERNETES_SERVICE_HOST")
        .env_remove("OTEL_RESOURCE_ATTRIBUTES")
        .env_remove("OTEL_SERVICE_NAME");
    program
}

pub(crate) fn can_capture() -> bool {
    geteuid().is_root()
}

/// An agent that runs, and what it says.
pub(crate) struct Agent {
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Agent {
    /// Starts an agent and waits until it captures.
    pub(crate) fn start(file: &Path) -> Self {
        Self::start_as(program(), file)
    }

    /// Starts an agent by a command without its arguments, and waits until it captures.
    pub(crate) fn start_as(command: Command, file: &Path) -> Self {
        let agent = Self::begin(command, file);
        until("capturing", || agent.said().contains("capturing:"));
        agent
    }

    fn begin(mut command: Command, file: &Path) -> Self {
        let mut child = command
            .arg("run")
            .arg("--config")
            .arg(file)
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let (lines, kept) = (child.stderr.take().unwrap(), Arc::clone(&said));
        thread::spawn(move || {
            for line in BufReader::new(lines).lines().map_while(Result::ok) {
                let mut kept = kept.lock().unwrap();
                kept.push_str(&line);
                kept.push('\n');
            }
        });
        Self { child, said }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap();
    }

    /// Ends it by SIGTERM. Returns its exit status.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        self.signal(Signal::TERM);
        let mut status = None;
        until("the end", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap().code()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Returns the status and the body of a page.
pub(crate) fn get(port: u16, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

/// Returns the value of a sample, `name{label="value"}`, of the metrics' page.
pub(crate) fn metric(port: u16, sample: &str) -> usize {
    let page = get(port, "/metrics").1;
    let line = page
        .lines()
        .find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    let value = line.unwrap_or_else(|| panic!("no {sample} in {page}"));
    value.parse().unwrap()
}
