//! Memory for each flow of the table's capacity, in use or not.

use std::process::ExitCode;

use mermin_benches::{Report, Result, Row, frames::udp4, memory::private};
use mermin_core::lab::{Context, Lab, Order};

const SLOTS: u32 = 1 << 20;
const LIVE: u32 = 1_000_000;

fn main() -> ExitCode {
    mermin_benches::main("memory", |_, report| {
        let before = private()?;
        let mut lab = Lab::open(SLOTS)?;
        let kernel = maps(&lab, report)?;
        add_row(report, "empty", kernel, private()? - before);
        lab.driver(Order::Sequence, LIVE)?
            .run(&udp4(0), &Context::default(), LIVE)?;
        lab.listen();
        for _ in 0..3 {
            lab.make_due();
            lab.sweep()?;
        }
        if lab.read().flows != u64::from(LIVE) {
            return Err("not every flow is live".into());
        }
        add_row(report, "live_1m", kernel, private()? - before);
        // Records come and go once, so memory that stays allocated afterwards counts as well.
        lab.expire()?;
        add_row(report, "after_close", kernel, private()? - before);
        Ok(())
    })
}

/// Returns the octets that the kernel charges for the maps.
fn maps(lab: &Lab, report: &mut Report) -> Result<f64> {
    let mut sum = 0.0;
    for map in lab.maps()? {
        #[expect(clippy::cast_precision_loss, reason = "sizes stay far below 2^53")]
        let octets = map.octets as f64;
        sum += octets;
        if octets >= f64::from(SLOTS) {
            report.row(
                &Row::new(format!("map_{}", map.name.to_lowercase()))
                    .with("octets_per_flow", octets / f64::from(SLOTS)),
            );
        }
    }
    Ok(sum)
}

fn add_row(report: &mut Report, name: &str, kernel: f64, user: f64) {
    let per_flow = |octets: f64| octets / f64::from(SLOTS);
    report.row(
        &Row::new(name)
            .with("kernel_octets_per_flow", per_flow(kernel))
            .with("user_octets_per_flow", per_flow(user))
            .at_most("octets per flow", per_flow(kernel + user), 600.0),
    );
}
