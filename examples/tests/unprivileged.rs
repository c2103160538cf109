//! The `unprivileged` program from outside: its child is killed after an upgrade.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, ExitStatus, Stdio, id},
    thread,
    time::{Duration, Instant},
};

use libtest_mimic::{Arguments, Failed, Trial};
use rustix::{
    process::{Pid, Signal, geteuid, kill_process},
    thread::UnshareFlags,
};

/// No step takes longer.
const PATIENCE: Duration = Duration::from_secs(30);
const TICK: Duration = Duration::from_millis(10);

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let is_required = env::var_os("MERMIN_REQUIRE_KERNEL").is_some_and(|value| value == "1");
    let trial = Trial::test("killed_child_is_replaced_after_an_upgrade", after_upgrade)
        .with_ignored_flag(!geteuid().is_root() && !is_required);
    libtest_mimic::run(&arguments, vec![trial]).exit_code()
}

/// The other version has another file in the place of the one that runs.
fn after_upgrade() -> Result<(), Failed> {
    let file = Installed::new()?;
    let mut program = Running::start(&file.0)?;
    let first = program.child_other_than(None)?;
    fs::remove_file(&file.0)?;
    fs::write(&file.0, "another version")?;
    kill_process(first, Signal::KILL)?;
    program.child_other_than(Some(first))?;
    let status = program.end()?;
    if status.success() {
        Ok(())
    } else {
        Err(status.to_string().into())
    }
}

/// The program where an upgrade can replace it.
struct Installed(PathBuf);

impl Installed {
    fn new() -> Result<Self, Failed> {
        let path = env::temp_dir().join(format!("mermin-unprivileged-{}", id()));
        fs::copy(env!("CARGO_BIN_EXE_unprivileged"), &path)?;
        Ok(Self(path))
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        // A file that stays is in the system's temporary directory.
        let _ = fs::remove_file(&self.0);
    }
}

/// The program, which ends with the test.
struct Running(Child);

impl Running {
    /// On the loopback interface of a network namespace made for it.
    fn start(path: &Path) -> Result<Self, Failed> {
        let start = || {
            #[expect(
                deprecated,
                reason = "deprecated because of file tables, which a network namespace leaves alone; the new one is unsafe"
            )]
            rustix::thread::unshare(UnshareFlags::NEWNET)?;
            Command::new(path).arg("lo").stdout(Stdio::null()).spawn()
        };
        let started = thread::scope(|scope| scope.spawn(start).join());
        Ok(Self(started.map_err(|_| "a thread panicked")??))
    }

    fn child_other_than(&mut self, former: Option<Pid>) -> Result<Pid, Failed> {
        let id = self.0.id();
        let path = format!("/proc/{id}/task/{id}/children");
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if let Some(status) = self.0.try_wait()? {
                return Err(format!("the program ended: {status}").into());
            }
            let children = fs::read_to_string(&path)?;
            let mut ids = children.split_whitespace().filter_map(|id| id.parse().ok());
            let other = ids.find_map(|id| Pid::from_raw(id).filter(|id| Some(*id) != former));
            if let Some(child) = other {
                return Ok(child);
            }
            thread::sleep(TICK);
        }
        Err("it has no child".into())
    }

    /// Ends the program, which ends its child.
    fn end(&mut self) -> Result<ExitStatus, Failed> {
        // It fails for one that has ended.
        let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if let Some(status) = self.0.try_wait()? {
                return Ok(status);
            }
            thread::sleep(TICK);
        }
        self.0.kill()?;
        Ok(self.0.wait()?)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It was waited for, or cannot be ended.
        let _ = self.end();
    }
}
