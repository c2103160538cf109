//! Chooses map sizes and the method of waiting for grace periods for the host.

use std::io;

use super::{
    arguments::{CaptureArguments, Purpose},
    drops, fallback, openers,
};
use crate::{
    bpf::{self, drop_facts::DropReasons, grace::Grace, openers::OpenerProgram, size::Sizes},
    error::{Error, ErrorKind},
    nat::{self, Conntrack},
    probe::unavailable,
    process::{self, Lookup, SocketFinder, Wanted},
    report::Degradation,
    source::{
        Sampling,
        options::{DEFAULT_FLOWS, Options},
        tunnels::Decapsulation,
    },
};

fn cpus() -> u32 {
    std::fs::read_to_string("/sys/devices/system/cpu/possible")
        .ok()
        .and_then(|list| bpf::size::cpus(&list))
        .unwrap_or_else(|| {
            let online = std::thread::available_parallelism().map_or(1, usize::from);
            u32::try_from(online).unwrap_or(u32::MAX)
        })
}

/// Returns map sizes for `max_flows`.
pub(super) fn sizes(options: &Options) -> Sizes {
    Sizes {
        slots: options.max_flows.unwrap_or(DEFAULT_FLOWS),
        cpus: cpus(),
        decapsulate: options.decapsulation == Decapsulation::Innermost,
        keyed: options.flow_key.keyed(),
        exact_end: options.exact_end,
        tcp_analysis: options.tcp_analysis,
        tcp_sockets: options.tcp_sockets,
        drops: None,
        openers: None,
        sampled: options.sampling.is_some(),
        sampling_seed: options.sampling.as_ref().and_then(Sampling::get_seed),
        sections: if options.names {
            options.test_hooks.section_ring
        } else {
            0
        },
        ports: options.tunnel_ports.ports(),
        slots_a_bucket: options.test_hooks.slots_a_bucket,
    }
}

/// Returns map sizes for the options, and the names of the kernel's reasons if dropped packets can be counted. The calling thread is in the
/// watched network namespace.
pub(super) fn wanted_sizes(
    options: &Options,
    purpose: &Purpose,
    given_up: &mut Vec<Degradation>,
) -> (Sizes, Option<DropReasons>) {
    let openers = openers::facts(options, purpose, given_up);
    let (drops, reasons) = drops::facts(options, given_up).unzip();
    let sizes = Sizes {
        drops,
        openers,
        ..sizes(options)
    };
    (sizes, reasons)
}

/// Returns the method of waiting for grace periods on this host.
pub(super) fn grace(
    arguments: &CaptureArguments,
    given_up: &mut Vec<Degradation>,
) -> Result<Grace, Error> {
    let grace = (arguments.options.test_hooks.grace)().map_err(no_grace)?;
    if matches!(grace, Grace::MapInMap { .. }) {
        given_up.push(fallback::membarrier(unavailable::no_membarrier()));
    }
    Ok(grace)
}

/// Returns the same method for another thread.
pub(super) fn another_grace(grace: &Grace) -> Result<Grace, Error> {
    Grace::like(grace).map_err(no_grace)
}

fn no_grace(error: io::Error) -> Error {
    Error::new(ErrorKind::System, "cannot wait for grace periods").with_source(error)
}

/// Starts the thread that looks up sockets and translations, if the options ask for one of them, in the calling thread's network namespace.
/// If there is no thread, it is an error with `process`; otherwise a degradation of each of the others.
pub(super) fn lookup(
    arguments: &CaptureArguments,
    opener_program: Option<OpenerProgram>,
    mut degraded: impl FnMut(Vec<Degradation>),
) -> Result<Option<Lookup>, Error> {
    let options = &arguments.options;
    let opened_by = opener_program.and_then(|program| {
        let attached = openers::attach(program);
        attached.map_err(|row| degraded(vec![row])).ok()
    });
    let sockets = sockets(wanted(options), &mut degraded)?;
    let conntrack = conntrack(options, &mut degraded);
    if sockets.is_none() && conntrack.is_none() {
        return Ok(None);
    }
    let (finds_listeners, finds_translations) = (sockets.is_some(), conntrack.is_some());
    match Lookup::start(sockets, opened_by, conntrack, options.drop_capabilities) {
        Ok(lookup) => Ok(Some(lookup)),
        Err(error) if options.process => Err(Error::new(
            ErrorKind::Exhausted,
            "cannot start the thread of look-ups",
        )
        .with_source(error)),
        Err(error) => {
            if finds_listeners {
                degraded(vec![process::no_listening_ports(&error)]);
            }
            if finds_translations {
                degraded(vec![nat::unavailable(&error)]);
            }
            Ok(None)
        }
    }
}

/// Opens the sockets to look up, if any are wanted. If that fails, it is an error with `process`; otherwise listening ports do not decide
/// directions, which is a degradation. So is a protocol without a module.
fn sockets(
    wanted: Wanted,
    mut degraded: impl FnMut(Vec<Degradation>),
) -> Result<Option<SocketFinder>, Error> {
    if !wanted.any() {
        return Ok(None);
    }
    match SocketFinder::open(wanted) {
        Ok(sockets) => {
            for protocol in sockets.missing() {
                degraded(process::no_module(wanted, protocol));
            }
            Ok(Some(sockets))
        }
        Err(error) if wanted.processes => {
            Err(Error::new(ErrorKind::System, "cannot look sockets up")
                .with_remedy(
                    "leave `process` off, or load the kernel modules `tcp_diag` and `udp_diag`",
                )
                .with_source(error))
        }
        Err(error) => {
            degraded(vec![process::no_listening_ports(&error)]);
            Ok(None)
        }
    }
}

/// Opens connection tracking, if translations are wanted. If that fails, they are not looked up, which is a degradation.
fn conntrack(options: &Options, mut degraded: impl FnMut(Vec<Degradation>)) -> Option<Conntrack> {
    match options.nat.then(Conntrack::open)? {
        Ok(conntrack) => Some(conntrack),
        Err(error) => {
            degraded(vec![nat::unavailable(&error)]);
            None
        }
    }
}

/// Returns the kinds of look-ups of sockets that the options ask for.
pub(super) const fn wanted(options: &Options) -> Wanted {
    Wanted {
        processes: options.process,
        listening_ports: options.listening_ports,
    }
}
