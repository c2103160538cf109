//! Runs the program under test, and never leaves it behind.

pub(crate) mod terminal;

use std::{
    env, fs, io,
    io::Read as _,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio, id},
    thread,
    time::{Duration, Instant},
};

use libtest_mimic::Failed;
use rustix::{
    process::{Pid, Signal, geteuid, kill_process},
    thread::UnshareFlags,
};

/// How often an ending is looked for.
pub(crate) const TICK: Duration = Duration::from_millis(10);
/// No test takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The program under test.
pub(crate) fn flows() -> Command {
    Command::new(env!("CARGO_BIN_EXE_flows"))
}

pub(crate) fn is_root() -> bool {
    geteuid().is_root()
}

/// True if this process may make namespaces, which the demonstration needs before it loads anything.
pub(crate) fn privileged() -> bool {
    #[expect(
        deprecated,
        reason = "deprecated because of file tables, which a network namespace leaves alone; the new one is unsafe"
    )]
    let try_in_thread = || rustix::thread::unshare(UnshareFlags::NEWNET).is_ok();
    is_root() && thread::spawn(try_in_thread).join().unwrap_or(false)
}

/// True if a test that cannot run has to fail.
pub(crate) fn kernel_required() -> bool {
    env::var_os("MERMIN_REQUIRE_KERNEL").is_some_and(|value| value == "1")
}

/// All output of a program.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs to the end.
pub(crate) fn run(command: &mut Command) -> Result<Finished, Failed> {
    let mut child = Running::start(command)?;
    let mut out = child.stdout()?;
    let reader = thread::spawn(move || -> io::Result<String> {
        let mut text = String::new();
        out.read_to_string(&mut text)?;
        Ok(text)
    });
    let code = child.wait(PATIENCE)?;
    let stdout = reader.join().map_err(|_| "the reader panicked")??;
    Ok(Finished {
        code,
        stdout,
        stderr: child.stderr()?,
    })
}

/// A program that is killed when the test ends before it.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn start(command: &mut Command) -> io::Result<Self> {
        Self::reading(command, Stdio::null())
    }

    /// With something to read.
    pub(crate) fn reading(command: &mut Command, input: Stdio) -> io::Result<Self> {
        command
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map(Self)
    }

    /// With the streams that the command has.
    pub(crate) fn with(command: &mut Command) -> io::Result<Self> {
        command.spawn().map(Self)
    }

    pub(crate) fn stdin(&mut self) -> Result<ChildStdin, Failed> {
        Ok(self.0.stdin.take().ok_or("standard input is taken")?)
    }

    pub(crate) fn stdout(&mut self) -> Result<ChildStdout, Failed> {
        Ok(self.0.stdout.take().ok_or("standard output is taken")?)
    }

    /// Standard error, as it comes.
    pub(crate) fn stderr_stream(&mut self) -> Result<ChildStderr, Failed> {
        Ok(self.0.stderr.take().ok_or("standard error is taken")?)
    }

    /// All of standard error, once it has ended. It stays within a pipe's buffer.
    pub(crate) fn stderr(&mut self) -> Result<String, Failed> {
        let mut text = String::new();
        let mut stderr = self.0.stderr.take().ok_or("standard error is taken")?;
        stderr.read_to_string(&mut text)?;
        Ok(text)
    }

    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(kill_process(Pid::from_child(&self.0), signal)?)
    }

    /// Before that a signal ends it without a word.
    pub(crate) fn wait_until_it_catches(&self, signal: Signal) -> Result<(), Failed> {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
            let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
            let caught = u64::from_str_radix(caught.unwrap_or_default().trim(), 16)?;
            if caught >> (signal.as_raw() - 1) & 1 != 0 {
                return Ok(());
            }
            thread::sleep(TICK);
        }
        Err(format!("{signal:?} is not caught").into())
    }

    /// Its exit status, or an error when it goes on for longer.
    pub(crate) fn wait(&mut self, patience: Duration) -> Result<Option<i32>, Failed> {
        let started = Instant::now();
        while started.elapsed() < patience {
            if let Some(status) = self.0.try_wait()? {
                return Ok(status.code());
            }
            thread::sleep(TICK);
        }
        Err(format!("still running after {patience:?}").into())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail for one that has ended and was waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The program in a directory that everybody may enter.
pub(crate) struct Copy(PathBuf);

impl Copy {
    pub(crate) fn of_flows(name: &str) -> io::Result<Self> {
        let directory = env::temp_dir().join(format!("mermin-flows-{}-{name}", id()));
        fs::create_dir(&directory)?;
        let copy = Self(directory);
        fs::set_permissions(&copy.0, fs::Permissions::from_mode(0o755))?;
        // By a program of its own: what this process opens for writing, a child of another test has open for a moment as well, and
        // the kernel does not run a file that is open for writing.
        let mut command = Command::new("cp");
        command.arg(env!("CARGO_BIN_EXE_flows")).arg(copy.path());
        if !command.status()?.success() {
            return Err(io::Error::other("`cp` failed"));
        }
        fs::set_permissions(copy.path(), fs::Permissions::from_mode(0o755))?;
        Ok(copy)
    }

    fn path(&self) -> PathBuf {
        self.0.join("flows")
    }

    pub(crate) fn command(&self) -> Command {
        Command::new(self.path())
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // Files that stay are in the system's temporary directory.
        let _ = fs::remove_dir_all(&self.0);
    }
}
