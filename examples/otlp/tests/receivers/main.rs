//! Exports to receivers that no one here wrote the protocol of, decodes what arrives, and compares; and what the exporter does
//! when a receiver is in trouble.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod decoded;
mod grpc;
mod http;
mod metrics;
mod others;
mod program;
mod slow;
mod support;
#[cfg(feature = "tls")]
mod tls;
mod trouble;
