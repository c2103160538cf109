//! A day on a node, compressed: `cargo xtask day`, as root.
//!
//! A process in network and mount namespaces of its own sends short flows of 10,000 pods over an interface, and runs the agent, which
//! follows an API server with these pods, and a receiver of OTLP. Meanwhile it kills the agent and the receiver with SIGKILL, takes the
//! API server away and reloads the agent's file. At the end it compares each flow that was sent with what the receiver has, and prints
//! memory, processor time and the ledger.
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on ends; the lint knows only functions that are marked as tests"
)]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "seconds, rates and slopes; counts are far below 2^52"
)]

mod agent;
#[expect(dead_code, reason = "a day has no other troubles")]
#[path = "../../../kubernetes/tests/server/api_server.rs"]
mod api_server;
mod arguments;
mod cluster;
mod day;
mod events;
mod memory;
mod network;
mod page;
mod receiver;
mod report;
mod sender;
mod spans;
mod tally;

use std::{
    env,
    process::{Command, ExitCode},
};

use mermin_testing::apart;

use crate::arguments::Arguments;

/// Parts of the benchmark that run in processes of their own.
const ROLES: [apart::Role; 2] = [("day", day::run), ("receiver", receiver::run)];

fn main() -> ExitCode {
    if let Some(code) = apart::play(&ROLES) {
        return code;
    }
    // `cargo bench -p mermin-agent` runs all benchmarks; this one takes its time only when it is asked for.
    let Some(_) = Arguments::parse() else {
        println!(
            "type `cargo xtask day`, which takes 30 minutes, or `cargo xtask day --minutes 3 --rate 5000`"
        );
        return ExitCode::SUCCESS;
    };
    let own = env::current_exe().unwrap();
    let status = Command::new("unshare")
        .args(["--net", "--mount", "--"])
        .arg(own)
        .args(env::args().skip(1))
        .env(apart::ROLE, ROLES[0].0)
        .status();
    match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: cannot start `unshare`: {error}");
            ExitCode::FAILURE
        }
    }
}
