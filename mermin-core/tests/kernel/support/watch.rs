//! A source under test, and its results.

use std::{
    ops::Deref,
    time::{Duration, Instant},
};

use futures::StreamExt;
use mermin_core::{
    Attach, Error, Flow, FlowSource, FlowSourceBuilder, Handle, Reconfigured, Setting, Stats,
};

use super::{
    host::Host,
    ledger,
    traffic::{Busy, Injector},
    wait::{LONGEST, until, until_true, within},
};

/// Both ways to attach, with the name a test has by each.
pub(crate) const MODES: [(&str, Attach); 2] = [("tcx", Attach::Tcx), ("tc", Attach::Tc)];

/// Options most tests start from: one interface, and a table that is made quickly.
pub(crate) fn on(interface: &str) -> FlowSourceBuilder {
    FlowSource::builder()
        .interfaces([interface])
        .max_flows(4096)
}

/// Opens in a host.
pub(crate) fn try_open(host: &Host, options: FlowSourceBuilder) -> Result<FlowSource, Error> {
    host.run(|| within(LONGEST, options.open()).expect("opening hangs"))
}

/// Shuts down, after which nothing of the source is left.
pub(crate) fn shut(source: FlowSource) {
    within(LONGEST, source.shutdown())
        .expect("shutting down hangs")
        .unwrap();
}

/// Asks for a change of options.
pub(crate) fn change(handle: &Handle, options: FlowSourceBuilder) -> Result<Reconfigured, Error> {
    within(LONGEST, handle.reconfigure(options)).expect("an answer comes")
}

/// Settings that changed, when all of them could.
pub(crate) fn applied(handle: &Handle, options: FlowSourceBuilder) -> Vec<Setting> {
    let changed = change(handle, options).unwrap();
    assert_eq!(changed.needs_restart, []);
    changed.applied
}

/// A source, and the records it gave so far.
pub(crate) struct Watch {
    pub(crate) source: FlowSource,
    pub(crate) handle: Handle,
    pub(crate) flows: Vec<Flow>,
}

impl Watch {
    pub(crate) fn open(host: &Host, options: FlowSourceBuilder) -> Self {
        let source = try_open(host, options).unwrap_or_else(|error| {
            panic!("{error}: {:?}", std::error::Error::source(&error));
        });
        let report = source.report();
        assert_eq!((report.degradations, report.orphans), (vec![], vec![]));
        Self::new(source)
    }

    pub(crate) fn new(source: FlowSource) -> Self {
        Self {
            handle: source.handle(),
            source,
            flows: Vec::new(),
        }
    }

    pub(crate) fn shut(self) {
        shut(self.source);
    }

    pub(crate) fn stats(&self) -> Stats {
        self.handle.stats()
    }

    /// Sends a frame until the table, which is empty, has room for its flow: a slot comes back some time after its flow has ended.
    pub(crate) fn begin(&self, injector: &Injector, frame: &[u8]) {
        let refused = || {
            let ignored = self.stats().ignored();
            ignored.iter().map(|found| found.packets).sum::<u64>()
        };
        until_true("room for a flow", || {
            let before = refused();
            injector.send(frame);
            until("the packet", || match self.stats().flows_open {
                0 => (refused() > before).then_some(false),
                _ => Some(true),
            })
        });
    }

    /// Takes all that comes for this long.
    pub(crate) fn take_for(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            if let Some(item) = within(left, self.source.next()) {
                self.flows.push(item.expect("the stream goes on").unwrap());
            }
        }
    }

    /// Takes records while threads work for this long and until they have stopped. Returns the counts of sent packets.
    pub(crate) fn take_during(&mut self, busy: Busy, time: Duration) -> u64 {
        self.take_during_until(busy, time, |_| true)
    }

    /// As [`take_during`](Self::take_during), and longer if a condition does not hold by then.
    pub(crate) fn take_during_until(
        &mut self,
        mut busy: Busy,
        time: Duration,
        holds: impl Fn(&Stats) -> bool,
    ) -> u64 {
        let end = Instant::now() + LONGEST;
        self.take_for(time);
        while !holds(&self.stats()) {
            assert!(Instant::now() < end, "waited in vain: {:#?}", self.stats());
            self.take_for(Duration::from_millis(100));
        }
        busy.stop();
        while !busy.is_over() {
            self.take_for(Duration::from_millis(1));
        }
        busy.sent()
    }

    /// Takes records until they fulfil a condition.
    pub(crate) fn take_until(&mut self, what: &str, mut holds: impl FnMut(&[Flow]) -> bool) {
        while !holds(&self.flows) {
            let item = within(LONGEST, self.source.next());
            let item = item.unwrap_or_else(|| {
                panic!("waited in vain for {what}: {:#?}", self.flows);
            });
            self.flows.push(item.expect("the stream goes on").unwrap());
        }
    }

    /// Closes, takes the remaining records, and checks the ledger.
    pub(crate) fn finish(self) -> Outcome {
        let outcome = self.drain();
        ledger::check(&outcome);
        outcome
    }

    /// As [`finish`](Self::finish), of a source that may have suppressed records.
    pub(crate) fn finish_filtered(self) -> Outcome {
        let outcome = self.drain();
        ledger::check_filtered(&outcome);
        outcome
    }

    pub(crate) fn drain(mut self) -> Outcome {
        self.source.close();
        loop {
            match within(LONGEST, self.source.next()) {
                Some(Some(flow)) => self.flows.push(flow.unwrap()),
                Some(None) => break,
                None => panic!("draining hangs: {:#?}", self.stats()),
            }
        }
        Outcome {
            stats: self.handle.stats(),
            flows: self.flows,
        }
    }
}

/// Everything that a source gave.
pub(crate) struct Outcome {
    pub(crate) flows: Vec<Flow>,
    pub(crate) stats: Stats,
}

impl Outcome {
    /// Packets under a reason, over all hooks.
    pub(crate) fn ignored(&self, reason: &str) -> u64 {
        self.stats
            .ignored()
            .iter()
            .filter(|found| found.reason == reason)
            .map(|found| found.packets)
            .sum()
    }

    /// Packets of no flow, over all hooks and reasons.
    pub(crate) fn all_ignored(&self) -> u64 {
        self.stats.ignored().iter().map(|found| found.packets).sum()
    }

    /// The only record that fits.
    pub(crate) fn only(&self, fits: impl Fn(&Flow) -> bool) -> &Flow {
        let found: Vec<&Flow> = self.flows.iter().filter(|flow| fits(flow)).collect();
        match found[..] {
            [flow] => flow,
            _ => panic!(
                "one record must fit, not {}: {:#?} {:#?}",
                found.len(),
                self.flows,
                self.stats
            ),
        }
    }
}

impl Deref for Outcome {
    type Target = Stats;

    fn deref(&self) -> &Stats {
        &self.stats
    }
}
