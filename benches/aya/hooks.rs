//! Attaching to both hooks of interfaces and detaching, with both mechanisms.

use std::{cell::RefCell, time::Instant};

use mermin_bench_aya::Loaded;
use mermin_benches::{Options, Report, Result, cpu, milliseconds, testbed::run};
use mermin_core::{
    Attach,
    lab::loader::{LoadedObject, ObjectSettings, WayToHooks},
};

use crate::{FLOWS, beside, in_turn};

const CROWDS: [usize; 3] = [1, 4, 50];

pub(crate) fn measure(options: Options, report: &mut Report) -> Result<()> {
    let ours = LoadedObject::load(FLOWS)?;
    let (mut theirs, _) = Loaded::load(&ObjectSettings::read(FLOWS)?)?;
    let most = CROWDS.into_iter().max().unwrap_or(0);
    for number in 0..most {
        run(&format!(
            "ip link add d{number:02} up type veth peer name e{number:02}"
        ))?;
    }
    let way = WayToHooks::open("d")?;
    let names: Vec<String> = way.interfaces().map(|(name, _)| name.to_owned()).collect();
    for count in CROWDS {
        for (label, mode) in [("tcx", Attach::Tcx), ("tc", Attach::Tc)] {
            let names = &names[..count];
            let detached = RefCell::new([Vec::new(), Vec::new()]);
            let busy = RefCell::new([Vec::new(), Vec::new()]);
            let note = |which: usize, off: f64, work: f64| {
                detached.borrow_mut()[which].push(off);
                busy.borrow_mut()[which].push(work);
            };
            let mut by_mermin = || {
                let began = cpu::process_time();
                let (attached, on) = timed(|| way.attach(&ours, mode, count));
                let attached = attached?;
                let ((), off) = timed(|| drop(attached));
                note(
                    0,
                    off,
                    milliseconds(cpu::process_time().saturating_sub(began)),
                );
                Ok(on)
            };
            let mut by_aya = || {
                let began = cpu::process_time();
                let (attached, on) = timed(|| theirs.attach(names, mode));
                let attached = attached?;
                let (result, off) = timed(|| theirs.detach(attached));
                result?;
                note(
                    1,
                    off,
                    milliseconds(cpu::process_time().saturating_sub(began)),
                );
                if mode == Attach::Tc {
                    remove_qdiscs(names)?;
                }
                Ok(on)
            };
            let attached = in_turn(options.scaled(20), &mut [&mut by_mermin, &mut by_aya])?;
            let name = format!("{label}_{count}");
            beside(report, &format!("attach_{name}"), "median_ms", attached);
            let after_first = |figures: RefCell<[Vec<f64>; 2]>| {
                figures.into_inner().map(|figures| figures[1..].to_vec())
            };
            let detached = after_first(detached);
            beside(report, &format!("detach_{name}"), "median_ms", detached);
            let busy = after_first(busy);
            beside(report, &format!("both_cpu_{name}"), "median_ms", busy);
        }
    }
    Ok(())
}

/// aya does not remove the qdisc that it added.
fn remove_qdiscs(names: &[String]) -> Result<()> {
    for name in names {
        run(&format!("tc qdisc del dev {name} clsact"))?;
    }
    Ok(())
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let began = Instant::now();
    let made = work();
    (made, milliseconds(began.elapsed()))
}
