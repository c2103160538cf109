//! The programs of the server, and how they are run.

use std::{
    env,
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

/// Names the folder with `etcd`, `etcdctl`, `kube-apiserver` and `kubectl`.
const PROGRAMS: &str = "MERMIN_API_SERVER";

/// The folder of the programs.
#[derive(Debug)]
pub(super) struct Programs(PathBuf);

impl Programs {
    pub(super) fn find() -> Self {
        let folder = env::var_os(PROGRAMS).unwrap_or_else(|| {
            panic!("{PROGRAMS} does not name a folder: type `cargo xtask api-server`")
        });
        Self(folder.into())
    }

    pub(super) fn command(&self, program: &str) -> Command {
        Command::new(self.0.join(program))
    }
}

/// Starts a program whose output goes to a file.
pub(super) fn started(mut command: Command, log: &Path) -> Child {
    let file = File::create(log).unwrap();
    command
        .stdin(Stdio::null())
        .stdout(file.try_clone().unwrap())
        .stderr(file)
        .spawn()
        .unwrap()
}

/// Runs a program to its end. Returns its standard output, or what it says when it fails.
pub(super) fn run(mut command: Command, input: &str) -> Result<String, String> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_owned());
    // A program that ends without reading it all is no failure of the test.
    let writer = thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join().unwrap();
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout).unwrap());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}
