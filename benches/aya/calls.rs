//! Cost of single calls: the identity of a program, the program of a link, the programs at a hook, pins, the kernel's
//! BTF.

use std::{os::fd::AsFd, path::PathBuf, time::Instant};

use mermin_bench_aya::{Loaded, parse_btf, programs_at};
use mermin_benches::{Options, Report, Result, Row, milliseconds, summary};
use mermin_core::{
    Attach,
    lab::{
        HookDirection,
        loader::{self, LoadedObject, ObjectSettings, WayToHooks},
    },
};

use crate::{FLOWS, beside, in_turn};

/// Calls per round.
const CALLS: u32 = 500;

pub(crate) fn measure(options: Options, report: &mut Report) -> Result<()> {
    let ours = LoadedObject::load(FLOWS)?;
    let (mut theirs, _) = Loaded::load(&ObjectSettings::read(FLOWS)?)?;
    let program = ours.program(HookDirection::Ingress);
    let rounds = options.scaled(40);
    let mut table = Table { rounds, report };

    let identity = || Ok(loader::program_identity(program)?);
    table.row("program_info", identity, || theirs.program_identity())?;

    let way = WayToHooks::open("d")?;
    let (name, index) = way.interfaces().next().ok_or("cannot find a veth")?;
    let at = way.attach(&ours, Attach::Tcx, 1)?;
    let names = || {
        let ids = loader::programs_at(index, HookDirection::Ingress)?;
        let names = ids.into_iter().map(loader::program_name);
        Ok(names.collect::<Vec<_>>())
    };
    let by_aya = || programs_at(name, HookDirection::Ingress);
    table.row("programs_at_hook", names, by_aya)?;
    drop(at);

    let held = loader::attach_tcx(program, index, HookDirection::Egress)?;
    let link = theirs.link(name)?;
    let holds = || Ok(loader::program_of(held.as_fd())?);
    table.row("link_info", holds, || Ok(link.info()?.program_id()))?;

    let path = PathBuf::from(format!("/sys/fs/bpf/mermin-bench-{}", std::process::id()));
    let pin = || {
        loader::pin(program, &path)?;
        let found = loader::program_identity(loader::open_pin(&path)?.as_fd())?;
        std::fs::remove_file(&path)?;
        Ok(found.0)
    };
    table.row("pin_open_unpin", pin, || theirs.pin(&path))?;

    let btf = (0..rounds).map(|_| {
        let began = Instant::now();
        parse_btf()?;
        Ok(milliseconds(began.elapsed()))
    });
    let btf = summary(btf.collect::<Result<_>>()?);
    report.row(
        &Row::new("parse_btf_aya")
            .with("median_ms", btf.median)
            .with("min", btf.min)
            .with("p99", btf.p99),
    );
    Ok(())
}

struct Table<'r> {
    rounds: u32,
    report: &'r mut Report,
}

impl Table<'_> {
    fn row<O, T>(
        &mut self,
        name: &str,
        mut ours: impl FnMut() -> Result<O>,
        mut theirs: impl FnMut() -> Result<T>,
    ) -> Result<()> {
        let works: &mut [&mut dyn FnMut() -> Result<f64>; 2] =
            &mut [&mut || each(&mut ours), &mut || each(&mut theirs)];
        let figures = in_turn(self.rounds, works)?;
        beside(self.report, name, "median_us", figures);
        Ok(())
    }
}

/// Returns the microseconds of one of many calls.
fn each<T>(mut call: impl FnMut() -> Result<T>) -> Result<f64> {
    let began = Instant::now();
    for _ in 0..CALLS {
        std::hint::black_box(call()?);
    }
    Ok(milliseconds(began.elapsed()) * 1e3 / f64::from(CALLS))
}
