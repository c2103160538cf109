//! Attacks on the index and on the engine: nothing is lost, and nothing is counted twice.
//!
//! An attack takes 4 s, or `MERMIN_ATTACK_SECONDS`. All together have 5 million packets at least, or `MERMIN_ATTACK_PACKETS`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

/// The attacks of a file.
macro_rules! cases {
    ($($test:ident,)*) => {
        pub(crate) const CASES: &[(&str, fn())] = &[$((stringify!($test), $test),)*];
    };
}
pub(crate) use cases;

mod account;
mod engine;
mod ground;
mod injectors;
mod meeting;

use libtest_mimic::{Arguments, Trial};

/// Attacks that are added at most where all have had too few packets.
const MORE: u32 = 15;

fn main() {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(1);
    let cases = [engine::CASES, meeting::CASES].concat();
    let trials = cases.into_iter().map(|(name, attack)| {
        Trial::test(name, move || {
            attack();
            Ok(())
        })
    });
    let outcome = libtest_mimic::run(&arguments, trials.collect());
    let is_whole =
        outcome.num_passed > 0 && outcome.num_filtered_out == 0 && !ground::has_skipped();
    if is_whole && !outcome.has_failed() {
        // A machine that does other work as well sends less in the same time.
        for _ in 0..MORE {
            if ground::exact() < ground::least() {
                engine::few_flows_closed_continuously_lose_nothing();
            }
        }
        let (exact, least) = (ground::exact(), ground::least());
        assert!(exact >= least, "{exact} packets, and not {least}");
        eprintln!("{exact} packets, each in one record or under one reason");
    }
    outcome.exit();
}
