//! Shared by the tests of the exporters: tests that need something of the host, parts of tests in processes of their own, and
//! folders that go with a test.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::missing_panics_doc, reason = "a test fails by a panic")]

pub mod apart;
mod folder;
mod trial;

pub use self::{
    folder::Folder,
    trial::{can_mount, is_installed, needs, plain, with},
};
