//! Two network namespaces joined by a veth pair, and processes in them. All of it ends with its values: the
//! namespaces have no names, so nothing outlives the process.

use std::{
    io,
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    sync::mpsc::{Sender, channel},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use mermin_core::lab::enter_new_namespace;
use rustix::thread::gettid;

use crate::Result;

/// Runs a command to its end; returns its output.
///
/// # Errors
/// The command's error output.
pub fn run(line: &str) -> Result<String> {
    let mut words = line.split(' ');
    let program = words.next().unwrap_or_default();
    let done = Command::new(program)
        .args(words)
        .output()
        .map_err(|error| format!("cannot start `{program}`: {error}"))?;
    if done.status.success() {
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    } else {
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        Err(format!("`{line}` failed: {}", said.trim()).into())
    }
}

/// A process that ends with this value.
#[derive(Debug)]
pub struct Process(Child);

impl Process {
    /// Starts it without output, in the calling thread's network namespace.
    ///
    /// # Errors
    /// The error of the system call: not found if the program is not installed.
    pub fn start(line: &str) -> io::Result<Self> {
        let mut words = line.split(' ');
        let program = words.next().unwrap_or_default();
        Command::new(program)
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // The group allows ending its children together with it.
            .process_group(0)
            .spawn()
            .map(Self)
    }

    /// Waits until it has ended, or for this time.
    pub fn wait(&mut self, longest: Duration) {
        let until = Instant::now() + longest;
        while Instant::now() < until && matches!(self.0.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Returns its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself, with its children.
        let _ = run(&format!("kill -KILL -- -{}", self.0.id()));
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The other namespace, which has `v1` (10.9.0.2). `v0` (10.9.0.1) stays in the calling thread's.
#[derive(Debug)]
pub struct Testbed {
    leave: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
    /// Kernel index of `v0`.
    pub near: u32,
}

impl Testbed {
    /// Moves the calling thread into a new namespace, and creates the other one. There, `server` runs on one CPU, if
    /// possible.
    ///
    /// # Errors
    /// An error that names what is missing.
    pub fn new(server: &str, on: usize) -> Result<Self> {
        enter_new_namespace()?;
        let (tell, told) = channel();
        let (go, ready) = channel::<()>();
        let (leave, left) = channel::<()>();
        let (up, is_up) = channel();
        let server = server.to_owned();
        let thread = thread::spawn(move || {
            let entered = enter_new_namespace().map(|()| gettid().as_raw_nonzero().get());
            let is_in = entered.is_ok();
            if tell.send(entered).is_err() || !is_in || ready.recv().is_err() {
                return;
            }
            let set = run("ip addr add 10.9.0.2/24 dev v1")
                .and_then(|_| run("ip link set v1 addrgenmode none"))
                .and_then(|_| run("ip link set v1 up"))
                .map_err(|error| error.to_string());
            // The server's CPU changes the rate more than the measured option does.
            let process = crate::cpu::pin(on).and_then(|()| Process::start(&server));
            let _ = up.send(set);
            // Waits until this value is dropped.
            let _ = left.recv();
            drop(process);
        });
        let task = told.recv()??;
        run("ip link add v0 type veth peer name v1")?;
        run(&format!("ip link set v1 netns {task}"))?;
        run("ip link set v0 addrgenmode none")?;
        run("ip addr add 10.9.0.1/24 dev v0")?;
        run("ip link set v0 up")?;
        go.send(())?;
        is_up.recv()??;
        let shown = run("ip -o link show v0")?;
        let near = shown
            .split(':')
            .next()
            .and_then(|index| index.trim().parse().ok())
            .ok_or("cannot find the index of v0")?;
        Ok(Self {
            leave: Some(leave),
            thread: Some(thread),
            near,
        })
    }
}

impl Drop for Testbed {
    fn drop(&mut self) {
        self.leave = None;
        if let Some(thread) = self.thread.take() {
            // Its panics would also happen in this thread.
            let _ = thread.join();
        }
    }
}
