//! The troubles of a day, and their times.

use std::time::Duration;

/// How often the file is reloaded and the receiver killed.
pub(crate) const RELOADS: u32 = 20;
pub(crate) const OUTAGES: u32 = 6;

/// One trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    KillAgent,
    Reload,
    KillReceiver,
    ApiServerLeaves,
    ApiServerComesBack,
}

/// Returns all events in their order, with this many kills of the agent. The API server is away for a sixth of the day: 5 minutes of 30.
pub(crate) fn events(day: Duration, kills: u32) -> Vec<(Duration, Event)> {
    let at = |part: f64| day.mul_f64(part);
    let spread = |count: u32, offset: f64, event: Event| {
        let at = move |number: u32| at((f64::from(number) + offset) / f64::from(count));
        (0..count).map(move |number| (at(number), event))
    };
    let mut events: Vec<_> = spread(kills, 0.5, Event::KillAgent)
        .chain(spread(RELOADS, 0.25, Event::Reload))
        .chain(spread(OUTAGES, 0.8, Event::KillReceiver))
        .chain([
            (at(0.4), Event::ApiServerLeaves),
            (at(0.4 + 1.0 / 6.0), Event::ApiServerComesBack),
        ])
        .collect();
    events.sort();
    events
}
