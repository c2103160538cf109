//! Child processes: this executable again, with a task in the environment.
use std::{
    env,
    io::{BufRead, BufReader, Write, stdout},
    iter,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use super::wait::{LONGEST, until_true};

const TASK: &str = "MERMIN_KERNEL_TEST_TASK";

/// A task that a process may be given: its name, and a function of its argument that returns its last line.
pub(crate) type Task = (&'static str, fn(&str) -> String);

/// Runs the task that the environment names, if any, and exits.
pub(crate) fn run_task(tasks: &[Task]) {
    let Ok(told) = env::var(TASK) else { return };
    let (name, argument) = told.split_once(' ').unwrap_or((&told, ""));
    let task = tasks.iter().find(|(known, _)| *known == name);
    let (_, work) = task.unwrap_or_else(|| panic!("there is no task `{name}`"));
    print_line(&work(argument));
    std::process::exit(0);
}

/// Prints a line of a child process in one write, so the line is complete or missing.
pub(crate) fn print_line(line: &str) {
    let mut stdout = stdout().lock();
    // A test that has failed listens no more.
    let _ = stdout
        .write_all(format!("{line}\n").as_bytes())
        .and_then(|()| stdout.flush());
}

/// A child process. It inherits user, capabilities, namespaces and system call filters of the thread that starts it.
pub(crate) struct ChildProcess {
    child: Child,
    lines: Receiver<String>,
}

impl ChildProcess {
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
        let (line, lines) = channel();
        thread::spawn(move || {
            let mut read = BufReader::new(stdout).lines().map_while(Result::ok);
            // A test that has failed hears no more.
            let _ = read.try_for_each(|read| line.send(read));
        });
        Self { child, lines }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line; `None` once the process has ended and all its lines were read.
    pub(crate) fn line(&self) -> Option<String> {
        match self.lines.recv_timeout(LONGEST) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("the process hangs"),
        }
    }

    /// Ends its input, by which it is to end itself.
    pub(crate) fn close(&mut self) {
        drop(self.child.stdin.take());
    }

    /// As kill -9 does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    /// True if it ends by itself in this time; else it is killed then.
    pub(crate) fn dies_within(&mut self, time: Duration) -> bool {
        let began = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            if began.elapsed() > time {
                self.kill();
                return false;
            }
            thread::sleep(Duration::from_millis(2));
        }
        true
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

    /// Waits until it has ended.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Closes its input and returns its later lines.
    pub(crate) fn rest(mut self) -> String {
        self.close();
        let said: String = iter::from_fn(|| self.line())
            .flat_map(|line| [line, "\n".to_owned()])
            .collect();
        assert!(self.wait().success(), "{said}");
        said
    }
}
