//! Fuzz cases: each takes any octets and panics if a promise is broken.
//!
//! `cargo fuzz` drives them from `fuzz/fuzz_targets`; `cargo test` replays what it found (`fuzz/regressions`), and mutates
//! seeds for a moment.

mod bits;
pub mod capture;
pub mod config;
pub mod etherparse;
pub mod model;
pub mod mutate;
pub mod payload;
pub mod table;
pub mod walk;

/// A fuzz case.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Name of its target, and of its folders of seeds and regressions.
    pub name: &'static str,
    /// Tries these octets.
    pub run: fn(&[u8]),
}

/// Every case.
pub const ALL: [Case; 6] = [
    Case {
        name: "walk",
        run: walk::run,
    },
    Case {
        name: "etherparse",
        run: etherparse::run,
    },
    Case {
        name: "capture",
        run: capture::run,
    },
    Case {
        name: "config",
        run: config::run,
    },
    Case {
        name: "payload",
        run: payload::run,
    },
    Case {
        name: "table",
        run: table::run,
    },
];
