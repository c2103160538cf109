//! Privileges: a thread of its own opens the source, and the other threads have none.
//!
//! The kernel has capabilities for each thread, and a thread has those of the one that starts it. So the first thread gives
//! up its own before it starts any other.

use std::{
    io,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

use futures::executor::block_on;
use mermin_core::{Error, ErrorKind, FlowSource, FlowSourceBuilder};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set, set_capabilities,
    set_no_new_privs,
};
use tokio::sync::oneshot;

type Answer = oneshot::Sender<Result<FlowSource, Error>>;

/// The thread that opens the source.
pub(super) struct Opener(SyncSender<(FlowSourceBuilder, Answer)>);

impl Opener {
    /// Starts it, and gives up all capabilities of the calling thread. Call it before any other thread is started.
    ///
    /// # Errors
    /// The system calls'.
    pub(super) fn start() -> io::Result<Self> {
        // Neither this process nor a program that it executes gets privileges from now on.
        set_no_new_privs(true)?;
        let (requests, received) = sync_channel(1);
        thread::Builder::new()
            .name("mermin-opener".to_owned())
            .spawn(move || open(&received))?;
        keep_only(CapabilitySet::empty())?;
        Ok(Self(requests))
    }

    /// Opens a source. Dropping the future cancels it.
    ///
    /// # Errors
    /// Those of opening.
    pub(super) async fn open(self, options: FlowSourceBuilder) -> Result<FlowSource, Error> {
        let (answer, opened) = oneshot::channel();
        // The thread waits for one request, and ends with it.
        let _ = self.0.send((options, answer));
        opened.await.unwrap_or_else(|_| {
            Err(Error::new(
                ErrorKind::Panicked,
                "cannot open the source: its thread ended",
            ))
        })
    }
}

/// Opens one source. The capture thread has the capabilities of this one when it starts.
///
/// `CAP_DAC_OVERRIDE`, with which the library looks up processes where `CAP_DAC_READ_SEARCH` is missing, is given up: it would let
/// the agent write files of other users.
fn open(received: &Receiver<(FlowSourceBuilder, Answer)>) {
    let needed = CapabilitySet::NET_ADMIN
        | CapabilitySet::BPF
        | CapabilitySet::PERFMON
        | CapabilitySet::SYS_ADMIN
        | CapabilitySet::SYS_PTRACE
        | CapabilitySet::DAC_READ_SEARCH;
    give_up_all_but(needed);
    let Ok((options, mut answer)) = received.recv() else {
        return;
    };
    if !options.get_process() {
        give_up_all_but(needed - CapabilitySet::DAC_READ_SEARCH);
    }
    let opened = block_on(async {
        tokio::select! {
            opened = options.open() => Some(opened),
            () = answer.closed() => None,
        }
    });
    if let Some(opened) = opened {
        // The asker may have dropped its future.
        let _ = answer.send(opened);
    }
}

fn give_up_all_but(needed: CapabilitySet) {
    if let Err(error) = keep_only(needed) {
        tracing::warn!("capabilities that are not needed cannot be given up: {error}");
    }
}

fn keep_only(kept: CapabilitySet) -> io::Result<()> {
    let now = capabilities(None)?;
    clear_ambient_capability_set()?;
    let sets = CapabilitySets {
        effective: now.effective & kept,
        permitted: now.permitted & kept,
        inheritable: CapabilitySet::empty(),
    };
    Ok(set_capabilities(None, sets)?)
}
