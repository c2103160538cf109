//! Programs left at an interface's hooks.

use super::{host::Host, raw};

/// Everything at the traffic control hooks of an interface: qdiscs that are not the default, filters, TCX programs.
pub(crate) fn at(host: &Host, interface: &str) -> String {
    let index = host.index(interface);
    let tcx = host.run(|| raw::tcx_programs(index)).unwrap();
    let qdiscs = host.shell(&format!("tc qdisc show dev {interface}"));
    let mut found: Vec<String> = qdiscs
        .lines()
        .filter(|line| !line.starts_with("qdisc noqueue 0: root"))
        .map(str::to_owned)
        .collect();
    if tcx != 0 {
        found.push(format!("{tcx} TCX programs"));
    }
    if !found.is_empty() {
        for direction in ["ingress", "egress"] {
            found.push(host.shell(&format!("tc filter show dev {interface} {direction}")));
        }
    }
    found.join("\n")
}
