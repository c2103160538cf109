//! The trials of fuzzing: each takes any octets and panics when a promise is broken.
//!
//! `cargo fuzz` drives them from `fuzz/fuzz_targets`; `cargo test` replays what it found (`fuzz/regressions`), and mutates
//! seeds for a moment.

mod bits;
pub mod capture;
pub mod config;
pub mod etherparse;
pub mod model;
pub mod mutate;
pub mod table;
pub mod walk;

/// A trial.
#[derive(Clone, Copy, Debug)]
pub struct Trial {
    /// Name of its target, and of its folders of seeds and regressions.
    pub name: &'static str,
    /// Tries these octets.
    pub run: fn(&[u8]),
}

/// Every trial.
pub const ALL: [Trial; 5] = [
    Trial {
        name: "walk",
        run: walk::run,
    },
    Trial {
        name: "etherparse",
        run: etherparse::run,
    },
    Trial {
        name: "capture",
        run: capture::run,
    },
    Trial {
        name: "config",
        run: config::run,
    },
    Trial {
        name: "table",
        run: table::run,
    },
];
