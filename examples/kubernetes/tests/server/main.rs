//! Follows an API server of the test's own through everything that real ones do.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and the lint knows only functions that are marked as tests"
)]

mod api_server;
mod changes;
mod decorated;
mod followed;
mod follows;
mod refused;
mod support;
mod tls;
mod trouble;
mod unreadable;
