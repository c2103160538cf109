//! Follows a real API server: kube-apiserver 1.20 with etcd, which `cargo xtask api-server` builds and names to these tests.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and the lint knows only functions that are marked as tests"
)]

mod churn;
#[expect(dead_code, reason = "the other tests use all of it")]
#[path = "../server/followed.rs"]
mod followed;
mod kinds;
mod permissions;
mod stores;
mod support;
mod tokens;
