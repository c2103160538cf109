//! Processes of a test's own: this executable again, told by the environment what to do.

use std::{
    env,
    io::{BufRead, BufReader, Read},
    process::{Child, ChildStdout, Command, Stdio},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use super::wait::until_true;

const ALONE: &str = "MERMIN_KERNEL_TEST_ALONE";
const TASK: &str = "MERMIN_KERNEL_TEST_TASK";

/// What a process may be asked to do: a name, and work on an argument that gives words.
pub(crate) type Task = (&'static str, fn(&str) -> String);

/// Does what the environment asks for, if it does.
pub(crate) fn obey(tasks: &[Task]) {
    let Ok(told) = env::var(TASK) else { return };
    let (name, argument) = told.split_once(' ').unwrap_or((&told, ""));
    let task = tasks.iter().find(|(known, _)| *known == name);
    let (_, work) = task.unwrap_or_else(|| panic!("there is no task `{name}`"));
    println!("{}", work(argument));
    std::process::exit(0);
}

/// A process that does a task. It is what the thread is that asks for it: its user, capabilities, namespaces, system calls.
pub(crate) struct Asked {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Asked {
    /// `name argument`.
    pub(crate) fn start(task: &str) -> Self {
        // By this name everybody may run it, wherever it is.
        Self::spawn(Command::new("/proc/self/exe"), task)
    }

    /// By way of another program, which runs what its arguments end with.
    pub(crate) fn start_by(launcher: &[&str], task: &str) -> Self {
        let mut command = Command::new(launcher[0]);
        command
            .args(&launcher[1..])
            .arg(env::current_exe().unwrap());
        Self::spawn(command, task)
    }

    fn spawn(mut command: Command, task: &str) -> Self {
        let mut child = command
            .env(TASK, task)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        Self {
            child,
            stdout: BufReader::new(stdout),
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Stops it every few milliseconds, until it has ended.
    pub(crate) fn stop_and_continue(&mut self) {
        let id = Pid::from_child(&self.child);
        until_true("the stopped process to end", || {
            kill_process(id, Signal::STOP).unwrap();
            thread::sleep(Duration::from_millis(1));
            kill_process(id, Signal::CONT).unwrap();
            self.child.try_wait().unwrap().is_some()
        });
    }

    /// The next line it says.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line
    }

    /// Ends its input; what it says from then on.
    pub(crate) fn rest(mut self) -> String {
        drop(self.child.stdin.take());
        let mut said = String::new();
        self.stdout.read_to_string(&mut said).unwrap();
        assert!(self.child.wait().unwrap().success(), "{said}");
        said
    }
}

/// Runs a test in a process of its own: this executable, told to run that test alone.
pub(crate) fn alone(name: &str, test: impl FnOnce()) {
    if env::var_os(ALONE).is_some() {
        return test();
    }
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", name, "--test-threads", "1"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    // What it measured.
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
}

/// What this process holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Holdings {
    descriptors: usize,
    threads: usize,
    /// Mappings of BPF maps.
    maps: usize,
}

impl Holdings {
    pub(crate) fn now() -> Self {
        let count = |path| std::fs::read_dir(path).unwrap().count();
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        Self {
            descriptors: count("/proc/self/fd"),
            threads: count("/proc/self/task"),
            maps: maps.matches("bpf-map").count(),
        }
    }

    /// Whether this is no more than that.
    pub(crate) fn is_within(self, other: Self) -> bool {
        self.descriptors <= other.descriptors
            && self.threads <= other.threads
            && self.maps <= other.maps
    }
}

/// Memory of this process that is in use, KiB.
pub(crate) fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    kilobytes.unwrap().parse().unwrap()
}

/// How much of something a test is to do: as usual, or as much as a variable says.
pub(crate) fn extent(variable: &str, usual: u64) -> u64 {
    env::var(variable).map_or(usual, |asked| asked.parse().unwrap())
}
