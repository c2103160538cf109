//! Events for `tracing` when the state of a capture changes. The capture thread emits all of them, outside any lock.
//! There are none for records or packets.

use std::time::Duration;

use crate::{
    report::{Attachment, Degradation, Mechanism, Recovered, WatchedInterface},
    table::timeouts::nanoseconds,
};

/// Target of all events, and of the span `open`.
#[cfg(feature = "tracing")]
const TARGET: &str = "mermin_core";

/// One row of the reference.
#[cfg(test)]
struct Event {
    name: &'static str,
    level: &'static str,
    fields: &'static [&'static str],
    meaning: &'static str,
}

/// Defines a function for each event, which does nothing without feature `tracing`, and the rows of the reference.
macro_rules! events {
    ($($level:ident $name:ident ($($field:ident: $type:ty),*) $meaning:literal;)+) => {
        $(
            #[doc = $meaning]
            #[cfg(feature = "tracing")]
            pub(super) fn $name($($field: $type),*) {
                tracing::event!(
                    name: stringify!($name),
                    target: TARGET,
                    tracing::Level::$level,
                    $($field,)*
                    $meaning
                );
            }

            #[doc = $meaning]
            #[cfg(not(feature = "tracing"))]
            pub(super) fn $name($(_: $type),*) {}
        )+

        #[cfg(test)]
        const EVENTS: &[Event] = &[$(Event {
            name: stringify!($name),
            level: stringify!($level),
            fields: &[$(stringify!($field)),*],
            meaning: $meaning,
        }),+];
    };
}

events! {
    INFO opened(interfaces: u64) "the source is open";
    INFO attached(interface: &str, index: u32, ingress: Option<&str>, egress: Option<&str>, took_ns: u64) "an interface is watched";
    INFO detached(interface: &str, index: u32) "an interface has no program of this source any more";
    INFO removed(index: u32) "an interface is removed, and all its flows are closed";
    WARN missed(interfaces: u64) "interfaces were gone before a program was attached";
    WARN resynced() "notifications of interfaces were lost, and the list is read again";
    WARN degraded(feature: &str, interface: Option<&str>, cause: &str, fallback: &str, impact: &str, remedy: &str) "a fallback replaces a feature";
    INFO restarted(flows: u64, flows_closing: u64, records_redelivered: u64, slots_returned: u64) "the flows of an earlier process are resumed";
    WARN sweep_overrun(took_ns: u64, period_ns: u64) "a sweep takes long, and the next ones come less often";
    INFO sweep_in_time(took_ns: u64) "sweeps are in time again";
}

/// Opens within a span: `attached` and `degraded` of the beginning are in it.
pub(super) fn opening<T>(open: impl FnOnce() -> T) -> T {
    #[cfg(feature = "tracing")]
    return tracing::info_span!(target: TARGET, "open").in_scope(open);
    #[cfg(not(feature = "tracing"))]
    open()
}

/// Emits an event with the mechanism of each hook that has a program.
pub(super) fn interface_attached(watched: &WatchedInterface, took: Duration) {
    let mechanism = |at: &Option<Attachment>| {
        at.as_ref().map(|at| match at.mechanism {
            Mechanism::Tcx => "tcx",
            Mechanism::Tc { .. } => "tc",
        })
    };
    let (ingress, egress) = (mechanism(&watched.ingress), mechanism(&watched.egress));
    attached(
        &watched.name,
        watched.index,
        ingress,
        egress,
        nanoseconds(took),
    );
}

/// Emits events for new degradations.
pub(super) fn newly_degraded(known: &[Degradation], now: &[Degradation]) {
    for it in now.iter().filter(|it| !known.contains(it)) {
        let feature = it.feature.as_str();
        let interface = it.interface.as_deref();
        degraded(
            feature,
            interface,
            &it.cause,
            &it.fallback,
            &it.impact,
            &it.remedy,
        );
    }
}

pub(super) fn flows_recovered(taken: &Recovered) {
    restarted(
        taken.flows,
        taken.flows_closing,
        taken.records_redelivered,
        taken.slots_returned,
    );
}

/// Emits an event when sweeps begin to be late, and one when they are in time again.
#[derive(Debug, Default)]
pub(super) struct Sweeps {
    late: bool,
}

impl Sweeps {
    /// Records the duration of a sweep. The next one is due after `pause`, which equals `period` if sweeps are in
    /// time.
    pub(super) fn swept(&mut self, took: Duration, pause: Duration, period: Duration) {
        let late = pause > period;
        if late && !self.late {
            sweep_overrun(nanoseconds(took), nanoseconds(pause));
        } else if self.late && !late {
            sweep_in_time(nanoseconds(took));
        }
        self.late = late;
    }
}

#[cfg(test)]
mod tests;
