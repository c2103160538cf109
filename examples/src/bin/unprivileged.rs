//! Captures as `nobody`. Root opens the source and passes it to a child without capabilities, and opens it again if the
//! child is killed: no packet is missed. `sudo unprivileged eth0`

use std::{
    env,
    error::Error,
    io,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::{net::UnixStream, process::CommandExt as _},
    },
    process::{Child, Command, ExitStatus},
    sync::{Arc, atomic::AtomicBool, atomic::Ordering},
    thread,
    time::Duration,
};

use futures::{StreamExt as _, executor::block_on};
use mermin_core::{ErrorKind, FlowSource, FlowSourceBuilder, Handover, Pinning};
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGINT, SIGTERM};

/// Tells the child that it is one.
const CHILD: &str = "MERMIN_UNPRIVILEGED_CHILD";
/// The user and group that the kernel has for nobody.
const NOBODY: u32 = 65534;

fn main() -> Result<(), Box<dyn Error>> {
    let interface = env::args().nth(1).ok_or("usage: unprivileged INTERFACE")?;
    // Ctrl-C reaches both processes, and other signals one of them. The child closes its source, and the other one waits for it.
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    match env::var_os(CHILD) {
        Some(_) => block_on(capture(options(&interface), stop)),
        None => open(&interface, &stop),
    }
}

/// Returns the options, which are the same in both processes.
fn options(interface: &str) -> FlowSourceBuilder {
    FlowSource::builder()
        .interfaces([interface])
        .pinning(instance(interface))
}

fn instance(interface: &str) -> Pinning {
    let letters = interface.chars().filter(char::is_ascii_alphanumeric);
    Pinning::instance(format!("unprivileged-{}", letters.collect::<String>()))
}

/// Opens the source for a child, and again for another one whenever it is killed.
fn open(interface: &str, stop: &AtomicBool) -> Result<(), Box<dyn Error>> {
    loop {
        let (handover, report) = block_on(options(interface).prepare())?;
        eprint!("{report}");
        if stop.load(Ordering::Relaxed) {
            // It has the lock of the instance.
            drop(handover);
            instance(interface).remove()?;
            return Ok(());
        }
        let (socket, childs) = UnixStream::pair()?;
        let mut child = start(childs.into(), interface)?;
        match handover.send(&socket) {
            // The child has ended before it received all of it.
            Err(error) if error.kind() == ErrorKind::System => eprintln!("{error}"),
            sent => sent?,
        }
        drop(socket);
        let status = wait(&mut child, stop)?;
        if status.success() || stop.load(Ordering::Relaxed) {
            instance(interface).remove()?;
            return Ok(());
        }
        eprintln!("the child ended: {status}");
        thread::sleep(Duration::from_secs(1));
    }
}

/// Waits for the child. A signal that came to this process alone is passed on once.
fn wait(child: &mut Child, stop: &AtomicBool) -> io::Result<ExitStatus> {
    let mut is_told = false;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if stop.load(Ordering::Relaxed) && !is_told {
            kill_process(Pid::from_child(child), Signal::TERM)?;
            is_told = true;
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// The socket is the child's standard input. The child runs the file that this process runs, also after an upgrade has put
/// another one in its place: another version may not understand what is passed.
fn start(socket: OwnedFd, interface: &str) -> io::Result<Child> {
    Command::new("/proc/self/exe")
        .arg(interface)
        .env(CHILD, "1")
        .uid(NOBODY)
        .gid(NOBODY)
        .stdin(socket)
        .spawn()
}

/// Prints flows until a signal comes.
async fn capture(options: FlowSourceBuilder, stop: Arc<AtomicBool>) -> Result<(), Box<dyn Error>> {
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut flows = options.open_passed(Handover::receive(&socket)?).await?;
    eprint!("{}", flows.report());
    let handle = flows.handle();
    thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(100));
        }
        handle.close();
    });
    while let Some(flow) = flows.next().await {
        println!("{}", flow?);
    }
    Ok(())
}
