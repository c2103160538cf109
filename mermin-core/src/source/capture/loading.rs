//! Loads the kernel program with as many of the options as the host takes.

use std::path::Path;

use mermin_bpf::abi::digest::Seed;

use super::{arguments::CaptureArguments, fallback, host};
use crate::{
    bpf::{
        object::Making,
        refusal::{ObjectError, Spare},
        size::Sizes,
    },
    error::Error,
    report::{Degradation, Feature},
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
/// The values of sockets go before the analysis of TCP, which says more, and of every flow. Where the analysis has to go all the same,
/// they are tried again: they may not have been what was refused.
///
/// # Errors
/// Those of `load`, and those of `go_on`, which is called before each further attempt.
pub(super) fn with_less<T>(
    wanted: Sizes,
    given_up: &mut Vec<Degradation>,
    load: impl Fn(Sizes) -> Result<T, ObjectError>,
    go_on: impl Fn() -> Result<(), Error>,
) -> Result<(T, Sizes), Error> {
    let mut sizes = wanted;
    loop {
        let refusal = match load(sizes) {
            Ok(loaded) => return Ok((loaded, sizes)),
            Err(refusal) => refusal,
        };
        go_on()?;
        let Some(row) = give_up(&refusal, &mut sizes) else {
            return Err(refusal.error);
        };
        if row.feature == Feature::TcpAnalysis {
            sizes.tcp_sockets = wanted.tcp_sockets;
            given_up.retain(|row| row.feature != Feature::TcpSockets);
        }
        given_up.push(row);
    }
}

fn begin_once(
    arguments: &CaptureArguments,
    sizes: Sizes,
    pinned: bool,
) -> Result<Making, ObjectError> {
    make_room(sizes, |sizes| host::room(sizes, pinned))?;
    Making::begin(arguments.options.test_hooks.object, sizes, None)
}

/// Checks that there is room. An option whose memory is what lacks is the one to give up; without such a one it is the greatest.
///
/// # Errors
/// Those of `room`.
pub(super) fn make_room(
    sizes: Sizes,
    room: impl Fn(Sizes) -> Result<(), Error>,
) -> Result<(), ObjectError> {
    let Err(error) = room(sizes) else {
        return Ok(());
    };
    let has = |spare| without(sizes, spare) != sizes;
    let suffices = |spare: &Spare| has(*spare) && room(without(sizes, *spare)).is_ok();
    let spare = [
        Spare::Openers,
        Spare::TcpSockets,
        Spare::TcpAnalysis,
        Spare::Drops,
    ]
    .into_iter()
    .find(suffices)
    .or_else(|| {
        let greatest_first = [
            Spare::TcpAnalysis,
            Spare::Drops,
            Spare::TcpSockets,
            Spare::Openers,
        ];
        greatest_first.into_iter().find(|spare| has(*spare))
    });
    Err(ObjectError { error, spare })
}

/// Creates programs for the maps that were pinned at a path. The flows there decide if TCP is analysed.
///
/// # Errors
/// As [`begin`].
pub(super) fn begin_with(
    arguments: &CaptureArguments,
    sizes: Sizes,
    found: (&Path, Seed),
    given_up: &mut Vec<Degradation>,
) -> Result<Making, Error> {
    let begin = |sizes| {
        let begun = Making::begin(arguments.options.test_hooks.object, sizes, Some(found));
        begun.map_err(|refusal| {
            let is_free = |spare: &Spare| matches!(spare, Spare::Names | Spare::Openers);
            ObjectError {
                spare: refusal.spare.filter(is_free),
                ..refusal
            }
        })
    };
    with_less(sizes, given_up, begin, || arguments.control.go_on()).map(|(making, _)| making)
}

/// Takes the option out of the sizes that the refusal names.
fn give_up(refusal: &ObjectError, sizes: &mut Sizes) -> Option<Degradation> {
    let spare = refusal.spare?;
    *sizes = without(*sizes, spare);
    Some(match spare {
        Spare::Names => fallback::names(&refusal.error),
        Spare::Openers => fallback::openers(fallback::refused(
            &refusal.error,
            "use Linux 5.14 or newer with `CONFIG_CGROUP_BPF`, or lower `max_flows`",
        )),
        Spare::Drops => fallback::drops(fallback::refused(&refusal.error, "lower `max_flows`")),
        Spare::TcpAnalysis => fallback::tcp_analysis(&refusal.error),
        Spare::TcpSockets => fallback::tcp_sockets(&refusal.error),
    })
}

const fn without(sizes: Sizes, spare: Spare) -> Sizes {
    match spare {
        Spare::Names => Sizes {
            sections: 0,
            ..sizes
        },
        Spare::Openers => Sizes {
            openers: None,
            ..sizes
        },
        Spare::Drops => Sizes {
            drops: None,
            ..sizes
        },
        Spare::TcpAnalysis => Sizes {
            tcp_analysis: false,
            ..sizes
        },
        Spare::TcpSockets => Sizes {
            tcp_sockets: false,
            ..sizes
        },
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use mermin_bpf::abi::drops::fact;

    use super::*;
    use crate::{bpf::drop_facts::DropFacts, error::ErrorKind};

    fn sizes([tcp_sockets, tcp_analysis, drops]: [bool; 3]) -> Sizes {
        Sizes {
            tcp_analysis,
            tcp_sockets,
            drops: drops.then_some(DropFacts([0; fact::COUNT])),
            ..Sizes::of_one_flow()
        }
    }

    fn options(sizes: Sizes) -> [bool; 3] {
        [sizes.tcp_sockets, sizes.tcp_analysis, sizes.drops.is_some()]
    }

    fn no_room() -> Error {
        Error::new(ErrorKind::Exhausted, "no room")
    }

    /// Loads with all options where the memory has this many octets for a flow: the options that are left.
    fn left_with(memory: u32) -> (Option<[bool; 3]>, Vec<Feature>) {
        let mut given_up = Vec::new();
        let room = |sizes: Sizes| {
            let [sockets, analysis, drops] = options(sizes).map(u32::from);
            let needs = 600 + 32 * sockets + 640 * analysis + 256 * drops;
            if needs <= memory {
                Ok(())
            } else {
                Err(no_room())
            }
        };
        let loaded = with_less(
            sizes([true; 3]),
            &mut given_up,
            |sizes| make_room(sizes, room),
            || Ok(()),
        );
        let rows = given_up.iter().map(|row| row.feature).collect();
        (loaded.ok().map(|((), sizes)| options(sizes)), rows)
    }

    #[test]
    fn least_is_given_up_that_makes_room() {
        use Feature::{Drops, TcpAnalysis, TcpSockets};
        for (memory, left, rows) in [
            (1528, Some([true; 3]), vec![]),
            (1527, Some([false, true, true]), vec![TcpSockets]),
            (1495, Some([true, false, true]), vec![TcpAnalysis]),
            (
                887,
                Some([false, false, true]),
                vec![TcpAnalysis, TcpSockets],
            ),
            (855, Some([true, false, false]), vec![TcpAnalysis, Drops]),
            (631, Some([false; 3]), vec![TcpAnalysis, Drops, TcpSockets]),
            (599, None, vec![TcpAnalysis, Drops, TcpSockets]),
        ] {
            assert_eq!(left_with(memory), (left, rows), "{memory}");
        }
    }

    /// A program that reads sockets and analyses TCP is refused for either, or for something else.
    #[test]
    fn sockets_come_back_where_the_analysis_was_refused() {
        for (refused, left) in [
            ([true, false], Some([false, true, false])),
            ([false, true], Some([true, false, false])),
            ([true, true], Some([false, false, false])),
        ] {
            let tried = RefCell::new(Vec::new());
            let load = |sizes: Sizes| {
                tried.borrow_mut().push(options(sizes));
                let [sockets, analysis] = [sizes.tcp_sockets, sizes.tcp_analysis];
                if (sockets && refused[0]) || (analysis && refused[1]) {
                    let spare = match (sockets, analysis) {
                        (true, _) => Spare::TcpSockets,
                        (false, _) => Spare::TcpAnalysis,
                    };
                    return Err(ObjectError {
                        error: no_room(),
                        spare: Some(spare),
                    });
                }
                Ok(())
            };
            let mut given_up = Vec::new();
            let wanted = sizes([true, true, false]);
            let loaded = with_less(wanted, &mut given_up, load, || Ok(()));
            let found = loaded.ok().map(|((), sizes)| options(sizes));
            assert_eq!(found, left, "{refused:?} {:?}", tried.borrow());
            let rows: Vec<_> = given_up.iter().map(|row| row.feature).collect();
            let mut expected = Vec::new();
            if refused[1] {
                expected.push(Feature::TcpAnalysis);
            }
            if refused[0] {
                expected.push(Feature::TcpSockets);
            }
            assert_eq!(rows, expected, "{refused:?}");
        }
    }
}
