//! How fast a capture is read.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crate::table::record::date;

/// A wait that nothing but another speed ends.
const PAUSED: Duration = Duration::from_secs(60);

/// How fast a capture is read, of [`FlowSourceBuilder::pace`](super::FlowSourceBuilder::pace): a packet is counted no earlier than
/// its time says. Clones are the same pace, and any of them changes it while the capture is read, from any thread.
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use mermin_core::{FlowSource, Pace};
///
/// let pace = Pace::new(10.0);
/// let options = FlowSource::builder().pcap("day.pcapng").pace(&pace);
/// pace.hold(); // until `resume`
/// pace.skip_to(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
/// assert_eq!(pace.position(), None); // nothing was read yet
/// ```
#[derive(Clone, Debug)]
pub struct Pace(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    speed: f64,
    is_held: bool,
    /// A moment of the capture, and when it was.
    anchor: Option<(i64, Instant)>,
    /// Packets before this moment do not wait.
    skip_to: Option<i64>,
    /// The times of the first packet and of the latest.
    first: Option<i64>,
    position: Option<i64>,
}

impl State {
    /// True where no packet is due, at whatever time.
    fn is_paused(&self) -> bool {
        self.is_held || self.speed.is_nan() || self.speed <= 0.0
    }
}

impl Pace {
    /// The capture's own speed is 1, twice as fast is 2; `f64::INFINITY` is as fast as it can be read. At 0, below, and at `NAN` no
    /// packet is due.
    #[must_use]
    pub fn new(speed: f64) -> Self {
        Self(Arc::new(Mutex::new(State {
            speed,
            ..State::default()
        })))
    }

    /// Goes on from here at another speed, within 50 ms.
    pub fn set_speed(&self, speed: f64) {
        let mut state = self.lock();
        state.speed = speed;
        state.anchor = None;
    }

    /// Counts no further packet, at most one that was due already, but those that are [skipped](Self::skip_to).
    pub fn hold(&self) {
        self.lock().is_held = true;
    }

    /// Goes on from here, within 50 ms.
    pub fn resume(&self) {
        let mut state = self.lock();
        state.is_held = false;
        state.anchor = None;
    }

    /// The speed as it was set last.
    #[must_use]
    pub fn speed(&self) -> f64 {
        self.lock().speed
    }

    /// Reads up to a moment of the capture as fast as it can be read, also while it is held. One that has passed changes nothing: to
    /// go back, open the capture again, with this pace or another.
    pub fn skip_to(&self, moment: SystemTime) {
        let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.lock().skip_to = Some(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX));
    }

    /// The time of the first packet; none before it was read.
    #[must_use]
    pub fn began(&self) -> Option<SystemTime> {
        self.lock().first.map(date)
    }

    /// The latest time of the packets that were read; none before the first.
    #[must_use]
    pub fn position(&self) -> Option<SystemTime> {
        self.lock().position.map(date)
    }

    /// Begins with a capture: those read before have no say.
    pub(super) fn begin(&self) {
        let mut state = self.lock();
        state.anchor = None;
        state.first = None;
        state.position = None;
    }

    /// How long a packet of this time (ns since 1970) has to wait, asked at `now`; none where it is counted.
    pub(super) fn wait(&self, time: i64, now: Instant) -> Option<Duration> {
        let mut state = self.lock();
        state.first.get_or_insert(time);
        let is_skipped = state.skip_to.is_some_and(|moment| time < moment);
        if !is_skipped {
            // Reached: a packet that is late is not skipped.
            state.skip_to = None;
        }
        if is_skipped || state.speed == f64::INFINITY && !state.is_held {
            state.anchor = None;
            state.position = state.position.max(Some(time));
            return None;
        }
        if state.is_paused() {
            return Some(PAUSED);
        }
        let from = state.position.unwrap_or(time);
        let (at, then) = *state.anchor.get_or_insert((from, now));
        let ahead = Duration::from_nanos(u64::try_from(time.saturating_sub(at)).unwrap_or(0));
        let ahead = Duration::try_from_secs_f64(ahead.as_secs_f64() / state.speed);
        let due = ahead.ok().and_then(|ahead| then.checked_add(ahead));
        match due {
            Some(due) if due <= now => {
                state.position = state.position.max(Some(time));
                None
            }
            due => Some(due.map_or(PAUSED, |due| due - now)),
        }
    }

    /// As [`wait`](Self::wait), for a packet without a time: it is due with the one before it.
    pub(super) fn wait_without_time(&self) -> Option<Duration> {
        let state = self.lock();
        (state.is_paused() && state.skip_to.is_none()).then_some(PAUSED)
    }

    /// A panic in another thread leaves the state whole: every change is an assignment.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A pace is the same as its clones alone.
impl PartialEq for Pace {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

const _: () = {
    const fn check<T: Send + Sync>() {}
    check::<Pace>();
};

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;
    const NOW: i64 = 1_700_000_000 * SECOND;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_packet_waits_for_its_time_by_the_speed() {
        let (pace, start) = (Pace::new(2.0), Instant::now());
        assert_eq!(pace.wait(NOW, start), None);
        assert_eq!(pace.wait(NOW + 10 * SECOND, start), Some(seconds(5)));
        assert_eq!(pace.position(), pace.began());
        let later = start + Duration::from_secs(5);
        assert_eq!(pace.wait(NOW + 10 * SECOND, later), None);
        // One that is late does not wait, and nothing is made up for.
        assert_eq!(pace.wait(NOW, later), None);
        assert_eq!(pace.wait(NOW + 20 * SECOND, later), Some(seconds(5)));
        // Another speed counts from where it was.
        pace.wait(NOW + 10 * SECOND, later);
        pace.set_speed(1.0);
        assert_eq!(pace.wait(NOW + 20 * SECOND, later), Some(seconds(10)));
    }

    #[test]
    fn it_is_held_and_skips_even_then() {
        let (pace, start) = (Pace::new(f64::INFINITY), Instant::now());
        pace.hold();
        assert_eq!(pace.wait(NOW, start), Some(PAUSED));
        assert_eq!(pace.position(), None);
        pace.skip_to(date(NOW + SECOND));
        assert_eq!(pace.wait(NOW, start), None);
        assert_eq!(pace.wait(NOW + SECOND, start), Some(PAUSED));
        assert_eq!(pace.position(), Some(date(NOW)));
        pace.resume();
        assert_eq!(pace.wait(i64::MAX, start), None);
        for speed in [0.0, -1.0, f64::NAN] {
            pace.set_speed(speed);
            assert_eq!(pace.wait(i64::MAX, start), Some(PAUSED));
        }
        pace.begin();
        pace.set_speed(f64::MIN_POSITIVE);
        assert_eq!(pace.wait(i64::MIN, start), None);
        assert_eq!(pace.wait(i64::MAX, start), Some(PAUSED));
    }

    #[test]
    fn a_late_packet_behind_a_skip_waits_for_nothing() {
        let (pace, start) = (Pace::new(1.0), Instant::now());
        let moment = UNIX_EPOCH + Duration::from_nanos(u64::try_from(NOW).unwrap());
        pace.skip_to(moment);
        assert_eq!(pace.wait(NOW - SECOND, start), None);
        assert_eq!(
            pace.wait(NOW, start),
            Some(seconds(1)),
            "on from where it was"
        );
        let later = start + seconds(1);
        assert_eq!(pace.wait(NOW, later), None);
        assert_eq!(pace.wait(NOW - SECOND, later), None);
        assert_eq!(pace.position(), Some(moment));
        assert_eq!(pace.wait(NOW + SECOND, later), Some(seconds(1)));
    }

    #[test]
    fn another_capture_begins_anew() {
        let (pace, start) = (Pace::new(1.0), Instant::now());
        assert_eq!(pace.wait(NOW, start), None);
        pace.begin();
        assert_eq!((pace.began(), pace.position()), (None, None));
        assert_eq!(pace.wait(NOW - 100 * SECOND, start), None);
        assert_eq!(pace.wait(NOW - 90 * SECOND, start), Some(seconds(10)));
    }

    #[test]
    fn a_packet_without_a_time_waits_while_it_is_held() {
        let pace = Pace::new(1.0);
        assert_eq!(pace.wait_without_time(), None);
        pace.hold();
        assert_eq!(pace.wait_without_time(), Some(PAUSED));
        pace.skip_to(SystemTime::UNIX_EPOCH + Duration::from_secs(1));
        assert_eq!(pace.wait_without_time(), None);
    }
}
