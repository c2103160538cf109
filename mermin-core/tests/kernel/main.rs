//! The library against a real kernel. Every test has hosts of its own, made of network namespaces.
//!
//! Needs root and eBPF. Without them each test is printed as ignored, with the reason; under
//! `MERMIN_REQUIRE_KERNEL=1` that is a failure.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails, and the lint knows only functions that are marked as tests"
)]

/// The tests of a file. Each row is named as its function; the word before it is the way to run it.
macro_rules! cases {
    ($($way:ident $test:ident,)*) => {
        pub(crate) fn cases() -> Vec<crate::Case> {
            let mut cases = Vec::new();
            $(cases.extend(crate::$way(stringify!($test), $test));)*
            cases
        }
    };
}
pub(crate) use cases;

mod blindspots;
mod churn;
mod clocks;
mod counting;
mod crossings;
mod detach;
mod devices;
mod drops;
mod filter;
mod flood;
mod headers;
mod hotplug;
mod join;
mod lifecycle;
mod link_headers;
mod listening;
mod load;
mod names;
mod namespaces;
mod nat;
mod octets;
mod offline;
mod open_flows;
mod order;
mod orphans;
mod processes;
mod reconfigure;
mod restart;
mod runtimes;
mod sampling;
mod started;
mod statistics;
mod stopping;
mod support;
mod table;
mod tcp;
mod tcp_analysis;
mod tcp_sockets;
mod trouble;
mod troubleshooting;
mod tunnel_devices;
mod tunnels;
mod verifier;
mod ways;

use std::{
    num::NonZero,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use mermin_core::Attach;

use support::{
    child_process,
    host::Host,
    process,
    skip::Skip,
    watch::{MODES, on, try_open},
};

/// A test and its name.
struct Case {
    name: String,
    run: Box<dyn FnOnce() + Send>,
    mode: Option<Attach>,
}

/// A test that is the same however programs are attached.
fn case(name: &str, run: fn()) -> [Case; 1] {
    [Case {
        name: name.to_owned(),
        run: Box::new(run),
        mode: None,
    }]
}

/// A test that takes TCX.
fn by_tcx(name: &str, run: fn()) -> [Case; 1] {
    case(name, run).map(with_tcx)
}

/// A test for each way to attach.
fn each_mode(name: &str, run: fn(Attach)) -> impl Iterator<Item = Case> {
    let name = name.to_owned();
    MODES.into_iter().map(move |(mode_name, mode)| Case {
        name: format!("{name}::{mode_name}"),
        run: Box::new(move || run(mode)),
        mode: Some(mode),
    })
}

/// A test for each way to attach, which takes TCX beside that.
fn each_mode_beside_tcx(name: &str, run: fn(Attach)) -> impl Iterator<Item = Case> {
    each_mode(name, run).map(with_tcx)
}

/// The same test, if TCX is available.
fn with_tcx(case: Case) -> Case {
    Case {
        mode: Some(Attach::Tcx),
        ..case
    }
}

/// A test for each way to attach, each in a process of its own.
fn each_mode_alone(name: &str, run: fn(Attach)) -> impl Iterator<Item = Case> {
    let name = name.to_owned();
    MODES.into_iter().map(move |(mode_name, mode)| {
        let name = format!("{name}::{mode_name}");
        Case {
            name: name.clone(),
            run: Box::new(move || process::alone(&name, || run(mode))),
            mode: Some(mode),
        }
    })
}

/// Why nothing can be captured here by this mechanism, if so: found out by doing it.
fn obstacle(mode: Attach) -> Option<String> {
    let host = match Host::try_new() {
        Ok(host) => host,
        Err(error) => return Some(format!("cannot make a network namespace: {error}")),
    };
    let error = try_open(&host, on("lo").attach(mode)).err()?;
    Some(error.to_string())
}

/// Runs one test, or prints why it cannot run.
fn run(case: Case, obstacles: &[(Attach, Option<String>)]) -> Result<Completion, Failed> {
    let required = std::env::var_os("MERMIN_REQUIRE_KERNEL").is_some_and(|value| value == "1");
    let mode = case.mode.unwrap_or(Attach::Tc);
    let obstacle = obstacles
        .iter()
        .find(|(found, _)| *found == mode)
        .and_then(|(_, obstacle)| obstacle.clone());
    let skipped = match obstacle {
        Some(reason) => reason,
        None => match catch_unwind(AssertUnwindSafe(case.run)) {
            Ok(()) => return Ok(Completion::Completed),
            Err(panic) => match panic.downcast::<Skip>() {
                Ok(skip) if skip.lacks_device => return Ok(Completion::ignored_with(skip.reason)),
                Ok(skip) => skip.reason,
                Err(panic) => resume_unwind(panic),
            },
        },
    };
    if required {
        return Err(format!("MERMIN_REQUIRE_KERNEL is set, and it cannot run: {skipped}").into());
    }
    Ok(Completion::ignored_with(skipped))
}

/// Tests at a time, unless the caller says how many: a test waits half of its time, for grace periods and timeouts.
fn usual_threads() -> usize {
    3 * std::thread::available_parallelism().map_or(1, NonZero::get)
}

fn main() {
    let tasks = [
        &troubleshooting::tasks()[..],
        statistics::TASKS,
        stopping::TASKS,
        clocks::TASKS,
        processes::TASKS,
        restart::TASKS,
    ];
    child_process::run_task(&tasks.concat());
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert_with(usual_threads);
    // A test in a process of its own was started by one that can run.
    let obstacles = if arguments.list || process::is_alone() {
        Vec::new()
    } else {
        MODES.map(|(_, mode)| (mode, obstacle(mode))).to_vec()
    };
    let cases = [
        counting::cases(),
        headers::cases(),
        link_headers::cases(),
        listening::cases(),
        devices::cases(),
        octets::cases(),
        open_flows::cases(),
        offline::cases(),
        crossings::cases(),
        drops::cases(),
        filter::cases(),
        join::cases(),
        tcp::cases(),
        started::cases(),
        lifecycle::cases(),
        table::cases(),
        tcp_analysis::cases(),
        tcp_sockets::cases(),
        load::cases(),
        detach::cases(),
        hotplug::cases(),
        processes::cases(),
        order::cases(),
        blindspots::cases(),
        orphans::cases(),
        names::cases(),
        namespaces::cases(),
        nat::cases(),
        churn::cases(),
        reconfigure::cases(),
        restart::cases(),
        runtimes::cases(),
        sampling::cases(),
        trouble::cases(),
        tunnels::cases(),
        tunnel_devices::cases(),
        verifier::cases(),
        ways::cases(),
        troubleshooting::cases(),
        statistics::cases(),
        stopping::cases(),
        clocks::cases(),
        flood::cases(),
    ];
    let trials = cases.into_iter().flatten().map(|case| {
        let obstacles = obstacles.clone();
        Trial::ignorable_test(case.name.clone(), move || run(case, &obstacles))
    });
    libtest_mimic::run(&arguments, trials.collect()).exit();
}
