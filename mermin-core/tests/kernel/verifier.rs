//! How far each program is from what the verifier of this kernel gives up at.

use std::collections::BTreeMap;

use mermin_core::lab::{VERIFIED_LIMIT, loaded};

use crate::{
    Case, case,
    support::{
        host::Host,
        watch::{Watch, on},
    },
};

pub(crate) fn cases() -> Vec<Case> {
    vec![case("verified_instructions", verified_instructions)]
}

/// Prints the counts: `cargo xtask kernel-test --vm` gathers them over kernels.
fn verified_instructions() {
    let host = Host::new();
    let attach = mermin_core::Attach::Tc { priority: 1 };
    let _watch = Watch::open(&host, on("lo").attach(attach));
    // Programs of other tests are of the same object.
    let counts: BTreeMap<String, u32> = loaded()
        .unwrap()
        .into_iter()
        .map(|(name, facts)| (name, facts.verified))
        .collect();
    for program in ["mermin_ingress", "mermin_egress", "mermin_general"] {
        assert!(counts.contains_key(program), "{counts:?}");
    }
    println!();
    for (name, count) in counts {
        println!("verified {name} {count}");
        // What docs/ARCHITECTURE.md promises.
        assert!(count < VERIFIED_LIMIT / 10, "{name}: {count}");
    }
}
