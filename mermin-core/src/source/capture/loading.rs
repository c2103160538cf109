//! Loads the kernel program with as many of the options as the host takes.

use std::path::Path;

use mermin_bpf::abi::digest::Seed;

use super::{arguments::CaptureArguments, fallback, host};
use crate::{
    bpf::{
        object::Making,
        refusal::{Refusal, Spare},
        size::Sizes,
    },
    error::Error,
    report::Degradation,
};

/// Creates maps and programs. An option that the kernel refuses is left out of the sizes that are returned, with a row in `given_up`.
///
/// # Errors
/// Those of opening, once no option is left that can be given up.
pub(super) fn begin(
    arguments: &CaptureArguments,
    sizes: Sizes,
    pinned: bool,
    given_up: &mut Vec<Degradation>,
) -> Result<(Making, Sizes), Error> {
    with_less(
        sizes,
        given_up,
        |sizes| begin_once(arguments, sizes, pinned),
        || arguments.control.go_on(),
    )
}

/// Calls `load` until it succeeds, or no option is left that can be given up.
///
/// # Errors
/// Those of `load`, and those of `go_on`, which is called before each further attempt.
pub(super) fn with_less<T>(
    mut sizes: Sizes,
    given_up: &mut Vec<Degradation>,
    load: impl Fn(Sizes) -> Result<T, Refusal>,
    go_on: impl Fn() -> Result<(), Error>,
) -> Result<(T, Sizes), Error> {
    loop {
        let refusal = match load(sizes) {
            Ok(loaded) => return Ok((loaded, sizes)),
            Err(refusal) => refusal,
        };
        go_on()?;
        match give_up(&refusal, &mut sizes) {
            Some(row) => given_up.push(row),
            None => return Err(refusal.error),
        }
    }
}

fn begin_once(arguments: &CaptureArguments, sizes: Sizes, pinned: bool) -> Result<Making, Refusal> {
    room(sizes, pinned)?;
    Making::begin(arguments.options.test_hooks.object, sizes, None)
}

/// Takes options out of the sizes until the memory limit allows them. If it allows none, opening fails without any of them, and tells no row.
pub(super) fn with_room(sizes: Sizes, pinned: bool, given_up: &mut Vec<Degradation>) -> Sizes {
    let mut rows = Vec::new();
    match with_less(sizes, &mut rows, |sizes| room(sizes, pinned), || Ok(())) {
        Ok(((), sizes)) => {
            given_up.extend(rows);
            sizes
        }
        Err(_) => Sizes {
            tcp_analysis: false,
            tcp_sockets: false,
            drops: None,
            ..sizes
        },
    }
}

fn room(sizes: Sizes, pinned: bool) -> Result<(), Refusal> {
    host::room(sizes, pinned).map_err(|error| Refusal {
        error,
        spare: if sizes.tcp_analysis {
            Some(Spare::TcpAnalysis)
        } else if sizes.tcp_sockets {
            Some(Spare::TcpSockets)
        } else {
            sizes.drops.map(|_| Spare::Drops)
        },
    })
}

/// Creates programs for the maps that were pinned at a path. The flows there decide if TCP is analysed.
///
/// # Errors
/// As [`begin`].
pub(super) fn begin_with(
    arguments: &CaptureArguments,
    mut sizes: Sizes,
    found: (&Path, Seed),
    given_up: &mut Vec<Degradation>,
) -> Result<Making, Error> {
    let begin = |sizes| Making::begin(arguments.options.test_hooks.object, sizes, Some(found));
    let refusal = match begin(sizes) {
        Ok(making) => return Ok(making),
        Err(refusal) => refusal,
    };
    arguments.control.go_on()?;
    if refusal.spare != Some(Spare::Names) {
        return Err(refusal.error);
    }
    given_up.extend(give_up(&refusal, &mut sizes));
    Ok(begin(sizes)?)
}

/// Takes the option out of the sizes that the refusal names.
fn give_up(refusal: &Refusal, sizes: &mut Sizes) -> Option<Degradation> {
    Some(match refusal.spare? {
        Spare::Names => {
            sizes.sections = 0;
            fallback::names(&refusal.error)
        }
        Spare::Drops => {
            sizes.drops = None;
            fallback::drops(fallback::refused(&refusal.error, "lower `max_flows`"))
        }
        Spare::TcpAnalysis => {
            sizes.tcp_analysis = false;
            fallback::tcp_analysis(&refusal.error)
        }
        Spare::TcpSockets => {
            sizes.tcp_sockets = false;
            fallback::tcp_sockets(&refusal.error)
        }
    })
}
