//! Flows of capture files: crafted ones, damaged ones, and a few golden ones.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

mod broken;
mod channel;
mod containers;
mod expiry;
mod filter;
mod frames;
mod golden;
mod headers;
mod join;
mod ledger;
mod links;
mod live;
mod old;
mod open;
mod packed;
mod run;
mod sampling;
mod source;
mod started;
mod tcp_analysis;
mod tunnels;
mod wires;
