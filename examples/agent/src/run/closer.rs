//! Signals that end the agent.

use std::convert::Infallible;

use mermin_core::Handle;
use mermin_program::Result;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::state::State;

/// Waits for SIGTERM and SIGINT.
pub(super) struct Closer {
    terminate: Signal,
    interrupt: Signal,
}

impl Closer {
    /// Installs the handlers. From then on, neither signal ends the process by itself.
    ///
    /// # Errors
    /// The system calls that do it.
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for a signal, and returns its name and number.
    pub(super) async fn signal(&mut self) -> (&'static str, i32) {
        tokio::select! {
            _ = self.terminate.recv() => ("SIGTERM", 15),
            _ = self.interrupt.recv() => ("SIGINT", 2),
        }
    }

    /// Closes the source at the first signal, so that open flows are exported; ends the process at the second. Works until it is
    /// dropped.
    pub(super) async fn work(mut self, source: Handle, state: State) -> Infallible {
        let (name, _) = self.signal().await;
        tracing::info!("{name}: closing; open flows and waiting records are exported");
        state.closing();
        source.close();
        let (name, number) = self.signal().await;
        tracing::error!("{name} again: ends at once");
        std::process::exit(128 + number);
    }
}
