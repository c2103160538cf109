//! The verifier's work for each program, compared with this kernel's limit.

use mermin_core::{
    FlowKey, FlowSourceBuilder, Sampling,
    lab::{Lab, VERIFIED_LIMIT},
};

use crate::support::{host::Host, watch::on};

crate::cases! {
    case verified_instructions_are_within_the_limit,
}

/// Prints the counts: `cargo xtask kernel-test --vm` gathers them over kernels.
fn verified_instructions_are_within_the_limit() {
    type Set = fn(FlowSourceBuilder) -> FlowSourceBuilder;
    let host = Host::new();
    println!();
    for (with, share, set) in [
        ("", 10, (|options| options) as Set),
        ("+endpoints", 10, |options| {
            options.flow_key(FlowKey::Endpoints)
        }),
        // Its code stands behind every way through the parser.
        ("+tcp_analysis", 5, |options| options.tcp_analysis(true)),
        ("+tcp_sockets", 10, |options| options.tcp_sockets(true)),
        ("+drops", 10, |options| options.drops(true)),
        ("+names", 10, |options| options.names(true)),
        ("+process", 10, |options| options.process(true)),
        ("+sampling", 10, |options| {
            options.sampling(Sampling::under_pressure())
        }),
        ("+names+tcp_analysis+tcp_sockets", 4, |options| {
            options.names(true).tcp_analysis(true).tcp_sockets(true)
        }),
    ] {
        let programs = host.run(|| Lab::with(set(on("lo"))).unwrap().programs().unwrap());
        // A program that is refused with the analysis is taken without it, and is then next to nothing.
        let analysis = programs.iter().find(|(name, _)| *name == "mermin_tcp");
        let is_analysed = analysis.is_some_and(|(_, info)| info.verified > 100);
        assert_eq!(is_analysed, with.contains("+tcp_analysis"), "{with}");
        for (name, info) in programs {
            println!("verified {name}{with} {}", info.verified);
            // As docs/ARCHITECTURE.md promises.
            let share = match name {
                "mermin_tunnel" | "mermin_drop" => 16,
                _ => share,
            };
            assert!(
                info.verified < VERIFIED_LIMIT / share,
                "{name}{with}: {info:?}"
            );
        }
    }
}
