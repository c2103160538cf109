//! Two network namespaces joined by a veth pair, and processes in them. All of it goes with the values that stand for it:
//! the namespaces have no names, so nothing outlives the process either.

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

/// Runs a command to its end; what it printed.
///
/// # Errors
/// Its words when it fails.
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
    /// Starts it, silent, in the calling thread's network namespace.
    ///
    /// # Errors
    /// The kernel's: not found where the program is not installed.
    pub fn start(line: &str) -> io::Result<Self> {
        let mut words = line.split(' ');
        let program = words.next().unwrap_or_default();
        Command::new(program)
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // So that its own children can be ended with it.
            .process_group(0)
            .spawn()
            .map(Self)
    }

    /// Waits until it has ended, for so long at most.
    pub fn wait(&mut self, longest: Duration) {
        let until = Instant::now() + longest;
        while Instant::now() < until && matches!(self.0.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself, and its children with it.
        let _ = run(&format!("kill -KILL -- -{}", self.0.id()));
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The other namespace, with `v1` (10.9.0.2) in it; `v0` (10.9.0.1) stays in the calling thread's.
#[derive(Debug)]
pub struct Far {
    leave: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
    /// Kernel index of `v0`.
    pub near: u32,
}

impl Far {
    /// Moves the calling thread into a new namespace and makes the other. In the other, `server` runs on one CPU, if it can.
    ///
    /// # Errors
    /// What is missing.
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
            // Where it would land by itself changes the rate more than what is measured.
            let process = crate::cpu::pin(on).and_then(|()| Process::start(&server));
            let _ = up.send(set);
            // Until whoever made this drops it.
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

impl Drop for Far {
    fn drop(&mut self) {
        self.leave = None;
        if let Some(thread) = self.thread.take() {
            // It panics in no other way than this one would.
            let _ = thread.join();
        }
    }
}
