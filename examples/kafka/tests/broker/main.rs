//! The exporter beside brokers of librdkafka that run in this process, which are slow, away and refuse, beside peers that are
//! none, and beside a broker that is killed.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and the lint knows only functions that are marked as tests"
)]

mod arrives;
mod killed;
mod protobuf;
mod support;
mod trouble;
