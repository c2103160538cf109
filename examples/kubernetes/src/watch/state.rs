//! Decides what to ask an API server for next. Nothing here waits or reads a clock.

use std::time::Duration;

use super::{failure::Failure, pace::Pace};
use crate::{Kind, Resource};

/// The next request for a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// All objects, in pages.
    List,
    /// All objects, then changes, in one answer.
    Stream,
    /// The server's version alone: after an etcd was restored from a copy, it is lower than that of the watch, which would go
    /// on without an error and without most changes.
    Check,
    /// Changes since the version.
    Watch,
}

/// Answers in a row that a server lacks a kind, before one that has listed it is believed: a proxy may say so while its servers are
/// replaced. Their waits take a minute or two.
const DOUBTED: u32 = 8;

/// How far following a kind has come.
#[derive(Debug)]
pub(super) struct State {
    kind: Kind,
    pace: Pace,
    step: Step,
    streams: bool,
    /// The version of the last object or bookmark.
    version: String,
    /// Place in the kind's resources.
    resource: usize,
    failures: u32,
    /// Watches in a row that the server ended at once.
    short: u32,
    /// Further answers that the server lacks the kind that are not believed.
    doubted: u32,
}

impl State {
    pub(super) const fn new(kind: Kind, pace: Pace, streams: bool) -> Self {
        Self {
            kind,
            pace,
            step: if streams { Step::Stream } else { Step::List },
            streams,
            version: String::new(),
            resource: 0,
            failures: 0,
            short: 0,
            doubted: 0,
        }
    }

    pub(super) const fn step(&self) -> Step {
        self.step
    }

    pub(super) fn version(&self) -> &str {
        &self.version
    }

    pub(super) fn resource(&self) -> Resource {
        let resources = self.kind.resources();
        resources
            .get(self.resource)
            .copied()
            .unwrap_or(resources[0])
    }

    const fn whole(&self) -> Step {
        if self.streams {
            Step::Stream
        } else {
            Step::List
        }
    }

    /// All objects are there, as of a version. It may be lower than the one before.
    pub(super) fn listed(&mut self, version: &str) {
        version.clone_into(&mut self.version);
        (self.step, self.failures) = (Step::Watch, 0);
        self.doubted = DOUBTED;
    }

    /// An object or a bookmark came: versions of a watch only grow.
    ///
    /// # Errors
    /// A lower version.
    pub(super) fn advanced(&mut self, version: &str) -> Result<(), Failure> {
        if self.is_newer_than(version) {
            return Err(Failure::Restored);
        }
        if !version.is_empty() {
            version.clone_into(&mut self.version);
        }
        (self.failures, self.doubted) = (0, DOUBTED);
        Ok(())
    }

    /// Returns true if this version is newer than the server's. Since Kubernetes 1.35 versions are numbers by promise; before,
    /// they were in fact.
    fn is_newer_than(&self, version: &str) -> bool {
        let numbers = (version.parse::<u128>(), self.version.parse::<u128>());
        matches!(numbers, (Ok(server), Ok(own)) if server < own)
    }

    /// The objects are forgotten: changes alone would not bring them back.
    pub(super) const fn forgotten(&mut self) {
        self.step = self.whole();
    }

    /// The server's version is known. Failures go on counting: a server may answer this, and no watch.
    ///
    /// # Errors
    /// It is lower than that of the watch.
    pub(super) fn checked(&mut self, version: &str) -> Result<(), Failure> {
        if self.is_newer_than(version) {
            return Err(Failure::Restored);
        }
        self.step = Step::Watch;
        Ok(())
    }

    /// A watch was open for this long, whatever comes next. One that outlasts the longest wait is no failure to repeat: a proxy
    /// may cut quiet ones every minute.
    pub(super) fn served(&mut self, lasted: Duration) {
        if lasted >= self.pace.most {
            self.failures = 0;
        }
    }

    /// The server ended a watch in order, after this time. Returns the wait before the next request.
    pub(super) fn ended(&mut self, lasted: Duration, random: f64) -> Duration {
        // A server with an older store goes on without an error.
        (self.step, self.failures) = (Step::Check, 0);
        if lasted < self.pace.floor {
            self.short += 1;
            let wait = self.pace.back_off(self.short, random);
            return wait.max(self.pace.floor.saturating_sub(lasted));
        }
        self.short = 0;
        Duration::ZERO
    }

    /// Returns the failure as it is to be understood: a server that had the kind a moment ago is not believed at once that it lacks it.
    pub(super) fn judged(&mut self, failure: Failure) -> Failure {
        match failure {
            Failure::Absent if self.doubted > 0 => {
                self.doubted -= 1;
                Failure::Status(
                    404,
                    "the kind, which was there before, is not found".to_owned(),
                )
            }
            other => other,
        }
    }

    /// A request failed. Returns the wait before the next one.
    pub(super) fn failed(&mut self, failure: &Failure, random: f64) -> Duration {
        match failure {
            Failure::Gone | Failure::Restored => {
                // Watches and checks that failed before this one say nothing against a list.
                if matches!(self.step, Step::Watch | Step::Check) {
                    self.failures = 0;
                }
                self.step = self.whole();
                // Within a list, only its next page is gone: the first failure costs no back-off.
                self.failures += 1;
                let wait = self.pace.relist_within.mul_f64(random);
                return wait
                    + self
                        .pace
                        .back_off(self.failures, random)
                        .min(self.pace.relist_within * (self.failures - 1));
            }
            Failure::Absent => {
                self.resource += 1;
                if self.resource < self.kind.resources().len() {
                    return Duration::ZERO;
                }
                self.resource = 0;
                self.step = self.whole();
                return self.pace.absent_for;
            }
            Failure::Unsupported(_) if self.step == Step::Stream => {
                self.streams = false;
                self.step = Step::List;
                return Duration::ZERO;
            }
            // The server may have come back with an older store.
            _ if self.step == Step::Watch => self.step = Step::Check,
            _ => {}
        }
        self.failures = self.failures.saturating_add(1);
        let wait = self.pace.back_off(self.failures, random);
        match failure {
            Failure::Busy(Some(asked)) => wait.max((*asked).min(self.pace.longest_request)),
            _ => wait,
        }
    }
}

/// Returns true if a watch that the server ended in order lasted as long as was asked for: it reported all changes until then. One
/// that ends early may be a proxy's doing. Clocks run differently, by far less than a hundredth.
pub(super) fn is_full(lasted: Duration, asked: Duration) -> bool {
    lasted >= asked.mul_f64(0.99)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(kind: Kind) -> State {
        let mut state = State::new(kind, Pace::default(), false);
        assert_eq!(state.step(), Step::List);
        state.listed("100");
        assert_eq!((state.step(), state.version()), (Step::Watch, "100"));
        state
    }

    #[test]
    fn gone_leads_to_a_list_at_a_random_time() {
        let mut state = state(Kind::Pod);
        assert_eq!(
            state.failed(&Failure::Gone, 0.5),
            Duration::from_millis(2_500)
        );
        assert_eq!(state.step(), Step::List);
        // A list that is gone again and again is not asked for at full speed.
        assert!(state.failed(&Failure::Gone, 0.0) >= Duration::from_millis(250));
    }

    #[test]
    fn error_event_keeps_the_version() {
        let mut state = state(Kind::Pod);
        assert_eq!(state.advanced("120"), Ok(()));
        state.failed(&Failure::Status(500, String::new()), 0.0);
        assert_eq!(state.checked("121"), Ok(()));
        assert_eq!((state.step(), state.version()), (Step::Watch, "120"));
    }

    #[test]
    fn failures_of_watches_are_held_back_even_where_lists_work() {
        let fail = |state: &mut State| {
            let wait = state.failed(&Failure::Status(500, String::new()), 1.0);
            assert_eq!(state.checked("100"), Ok(()));
            wait
        };
        let mut state = state(Kind::Pod);
        let waits: Vec<_> = (0..8).map(|_| fail(&mut state)).collect();
        assert_eq!(waits[0], Duration::from_millis(500));
        assert_eq!(waits[7], Duration::from_secs(30), "{waits:?}");
        // A list is then not held back for the watches' sake.
        let gone = state.failed(&Failure::Gone, 1.0);
        assert_eq!(gone, Duration::from_secs(5));
        // Each sign of success begins anew.
        let successes: [fn(&mut State); 4] = [
            |it| it.advanced("100").unwrap(),
            |it| it.listed("100"),
            |it| assert_eq!(it.ended(Duration::from_secs(290), 1.0), Duration::ZERO),
            |it| it.served(Duration::from_mins(1)),
        ];
        for (number, success) in successes.iter().enumerate() {
            let mut state = self::state(Kind::Pod);
            fail(&mut state);
            state.served(Duration::from_secs(1));
            assert_eq!(fail(&mut state), Duration::from_secs(1), "{number}");
            success(&mut state);
            assert_eq!(fail(&mut state), Duration::from_millis(500), "{number}");
        }
    }

    #[test]
    fn every_end_of_a_watch_leads_to_a_check() {
        let ends: [fn(&mut State) -> Duration; 6] = [
            |it| it.failed(&Failure::Unreachable(String::new()), 0.0),
            |it| it.failed(&Failure::Cut(String::new()), 0.0),
            |it| it.failed(&Failure::Silent(Duration::from_secs(30)), 0.0),
            |it| it.failed(&Failure::Status(500, String::new()), 0.0),
            |it| it.ended(Duration::from_secs(290), 0.0),
            |it| it.ended(Duration::ZERO, 0.0),
        ];
        for (number, end) in ends.iter().enumerate() {
            let mut state = state(Kind::Pod);
            end(&mut state);
            assert_eq!(state.step(), Step::Check, "{number}");
            assert_eq!(state.checked("100"), Ok(()));
            assert_eq!(state.step(), Step::Watch, "{number}");
        }
    }

    #[test]
    fn lower_version_leads_to_a_list_which_has_it() {
        let mut state = state(Kind::Pod);
        state.ended(Duration::from_secs(290), 0.0);
        assert_eq!(state.checked("99"), Err(Failure::Restored));
        // All watchers find it out at once.
        assert_eq!(
            state.failed(&Failure::Restored, 1.0),
            Duration::from_secs(5)
        );
        assert_eq!(state.step(), Step::List);
        state.listed("99");
        assert_eq!((state.step(), state.version()), (Step::Watch, "99"));
        // An event tells it, too.
        assert_eq!(state.advanced("98"), Err(Failure::Restored));
        assert_eq!(state.advanced("99"), Ok(()));
        assert_eq!(state.advanced(""), Ok(()));
        assert_eq!(state.version(), "99");
    }

    #[test]
    fn list_after_an_outage_is_not_held_back_for_its_failures() {
        let down = Failure::Unreachable(String::new());
        let mut state = state(Kind::Pod);
        let waits: Vec<_> = (0..8).map(|_| state.failed(&down, 1.0)).collect();
        assert_eq!(waits[7], Duration::from_secs(30), "{waits:?}");
        assert_eq!(state.checked("99"), Err(Failure::Restored));
        assert_eq!(
            state.failed(&Failure::Restored, 1.0),
            Duration::from_secs(5)
        );
        assert_eq!(state.step(), Step::List);
        // The list's own failures count.
        assert_eq!(state.failed(&down, 1.0), Duration::from_secs(1));
    }

    #[test]
    fn watch_is_full_if_it_lasted_as_long_as_was_asked_for() {
        let asked = Duration::from_mins(4);
        assert!(is_full(Duration::from_mins(4), asked));
        assert!(is_full(Duration::from_millis(239_900), asked));
        assert!(!is_full(Duration::from_secs(200), asked));
        // A proxy's limit may be close to what was asked for.
        assert!(!is_full(Duration::from_secs(230), asked));
    }

    #[test]
    fn watches_that_end_at_once_are_held_back() {
        let mut state = state(Kind::Pod);
        let waits: Vec<_> = (0..8).map(|_| state.ended(Duration::ZERO, 1.0)).collect();
        assert!(
            waits[0] >= Duration::from_secs(1) && waits[7] == Duration::from_secs(30),
            "{waits:?}"
        );
        assert_eq!(state.ended(Duration::from_secs(10), 1.0), Duration::ZERO);
        assert!(state.ended(Duration::ZERO, 1.0) <= Duration::from_secs(1));
    }

    #[test]
    fn absent_version_leads_to_the_next_one_and_then_to_a_long_wait() {
        let mut state = State::new(Kind::EndpointSlice, Pace::default(), false);
        assert_eq!(state.resource().version, "v1");
        assert_eq!(state.failed(&Failure::Absent, 0.0), Duration::ZERO);
        assert_eq!(state.resource().version, "v1beta1");
        assert_eq!(state.failed(&Failure::Absent, 0.0), Duration::from_mins(10));
        assert_eq!((state.resource().version, state.step()), ("v1", Step::List));
    }

    #[test]
    fn kind_that_was_there_is_asked_for_again_soon() {
        let mut state = state(Kind::EndpointSlice);
        let mut waited = Duration::ZERO;
        for _ in 0..DOUBTED {
            let failure = state.judged(Failure::Absent);
            assert!(matches!(failure, Failure::Status(404, _)), "{failure:?}");
            waited += state.failed(&failure, 1.0);
            assert_eq!(
                (state.resource().version, state.step()),
                ("v1", Step::Check)
            );
        }
        assert!(waited < Duration::from_mins(2), "{waited:?}");
        // Then it is believed.
        let failure = state.judged(Failure::Absent);
        assert_eq!(failure, Failure::Absent);
        assert_eq!(state.failed(&failure, 1.0), Duration::ZERO);
        assert_eq!(state.resource().version, "v1beta1");
        // One answer of the kind begins anew.
        state.listed("100");
        assert!(matches!(state.judged(Failure::Absent), Failure::Status(..)));
        // A kind that was never there is not asked for again at once.
        let mut never = State::new(Kind::EndpointSlice, Pace::default(), false);
        assert_eq!(never.judged(Failure::Absent), Failure::Absent);
    }

    #[test]
    fn server_that_cannot_stream_lists_is_asked_for_pages() {
        let mut state = State::new(Kind::Pod, Pace::default(), true);
        assert_eq!(state.step(), Step::Stream);
        assert_eq!(
            state.failed(&Failure::Unsupported(String::new()), 0.0),
            Duration::ZERO
        );
        assert_eq!(state.step(), Step::List);
        state.failed(&Failure::Gone, 0.0);
        assert_eq!(state.step(), Step::List);
    }

    #[test]
    fn wait_that_a_server_asks_for_is_kept_up_to_a_limit() {
        let mut state = state(Kind::Pod);
        let mut ask =
            |seconds| state.failed(&Failure::Busy(Some(Duration::from_secs(seconds))), 0.0);
        assert_eq!(ask(61), Duration::from_secs(61));
        assert_eq!(ask(3_600), Duration::from_mins(5));
    }
}
