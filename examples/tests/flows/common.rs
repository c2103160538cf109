//! Shared by the tests: files, records, namespaces, standard error.

use std::{
    env, fs,
    path::PathBuf,
    process::{self, Command},
    thread,
};

use libtest_mimic::Failed;
use rustix::thread::UnshareFlags;
use serde_json::Value as Json;

use crate::support::Finished;

pub(crate) fn ensure(holds: bool, what: impl Into<String>) -> Result<(), Failed> {
    if holds {
        Ok(())
    } else {
        Err(what.into().into())
    }
}

/// A file of this test, gone with it.
pub(crate) struct File(pub(crate) PathBuf);

impl File {
    pub(crate) fn new(name: &str, text: impl AsRef<[u8]>) -> Result<Self, Failed> {
        let path = env::temp_dir().join(format!("mermin-flows-{}-{name}", process::id()));
        fs::write(&path, text)?;
        Ok(Self(path))
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

pub(crate) fn records(finished: &Finished) -> Result<Vec<Json>, Failed> {
    let lines = finished.stdout.lines();
    let parsed: Result<Vec<Json>, _> = lines.map(serde_json::from_str).collect();
    Ok(parsed?)
}

/// In a network namespace of its own, which has a loopback interface that is down.
pub(crate) fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, Failed> {
    let work = || {
        #[expect(
            deprecated,
            reason = "deprecated because of file tables, which a network namespace leaves alone; the new one is unsafe"
        )]
        rustix::thread::unshare(UnshareFlags::NEWNET)?;
        Ok(work())
    };
    let done = thread::scope(|scope| scope.spawn(work).join());
    done.map_err(|_| "a thread panicked")?
        .map_err(|error: rustix::io::Errno| error.to_string().into())
}

pub(crate) fn shell(line: &str) -> Result<(), Failed> {
    let status = Command::new("sh").args(["-ec", line]).status()?;
    ensure(status.success(), line)
}

/// Standard error up to a line that has this; the lines before it as well.
pub(crate) fn until_said(stderr: &mut impl std::io::BufRead, text: &str) -> Result<String, Failed> {
    let mut said = String::new();
    loop {
        let start = said.len();
        ensure(
            stderr.read_line(&mut said)? > 0,
            format!("no `{text}`: {said}"),
        )?;
        if said[start..].contains(text) {
            return Ok(said);
        }
    }
}
