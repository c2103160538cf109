//! The pace at which a capture is read.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crate::table::record::date;

/// The wait while no packet is due. The reading thread asks again every 50 ms, so `set_speed`, `resume` and `skip_to` end it early.
const PAUSED: Duration = Duration::from_secs(60);

/// The pace at which a capture is read, see [`FlowSourceBuilder::pace`](super::FlowSourceBuilder::pace): a packet is
/// counted no earlier than its time. Clones share one pace. Each clone can change it from any thread while the
/// capture is read.
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
    /// A time of the capture, and the moment at which it was reached.
    anchor: Option<(i64, Instant)>,
    /// Packets before this time do not wait.
    skip_to: Option<i64>,
    /// The times of the first packet and of the latest one.
    first: Option<i64>,
    position: Option<i64>,
}

impl State {
    /// Returns true if no packet is ever due.
    fn is_paused(&self) -> bool {
        self.is_held || self.speed.is_nan() || self.speed <= 0.0
    }
}

impl Pace {
    /// Creates a pace. Speed 1 is the capture's own, 2 is twice as fast, `f64::INFINITY` is as fast as possible. At
    /// 0, negative numbers and `NAN` no packet is due.
    #[must_use]
    pub fn new(speed: f64) -> Self {
        Self(Arc::new(Mutex::new(State {
            speed,
            ..State::default()
        })))
    }

    /// Continues from here at another speed, within 50 ms.
    pub fn set_speed(&self, speed: f64) {
        let mut state = self.lock();
        state.speed = speed;
        state.anchor = None;
    }

    /// Holds the capture. After that, at most one packet is counted: one that was already due. While the capture is held,
    /// [`skip_to`](Self::skip_to) still counts the packets before its time.
    pub fn hold(&self) {
        self.lock().is_held = true;
    }

    /// Continues from here, within 50 ms.
    pub fn resume(&self) {
        let mut state = self.lock();
        state.is_held = false;
        state.anchor = None;
    }

    /// Returns the latest speed that was set.
    #[must_use]
    pub fn speed(&self) -> f64 {
        self.lock().speed
    }

    /// Reads up to a time of the capture as fast as possible, even while it is held. A time that has passed has no
    /// effect: to go back, open the capture again, with this pace or another.
    pub fn skip_to(&self, moment: SystemTime) {
        let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.lock().skip_to = Some(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX));
    }

    /// Returns the time of the first packet; `None` before it was read.
    #[must_use]
    pub fn began(&self) -> Option<SystemTime> {
        self.lock().first.map(date)
    }

    /// Returns the latest time of the packets read so far; `None` before the first.
    #[must_use]
    pub fn position(&self) -> Option<SystemTime> {
        self.lock().position.map(date)
    }

    /// Begins with a capture, and forgets those read before.
    pub(super) fn begin(&self) {
        let mut state = self.lock();
        state.anchor = None;
        state.first = None;
        state.position = None;
    }

    /// Returns how long a packet of this time (ns since 1970) must wait at `now`; `None` if it is due and is counted now.
    pub(super) fn wait(&self, time: i64, now: Instant) -> Option<Duration> {
        let mut state = self.lock();
        state.first.get_or_insert(time);
        let is_skipped = state.skip_to.is_some_and(|moment| time < moment);
        if !is_skipped {
            // The time is reached: a late packet after it is not skipped.
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

    /// Decides as [`wait`](Self::wait) does for a packet without a time: it is due with the previous one.
    pub(super) fn wait_without_time(&self) -> Option<Duration> {
        let state = self.lock();
        (state.is_paused() && state.skip_to.is_none()).then_some(PAUSED)
    }

    /// A panic in another thread leaves the state valid, because every change is one assignment.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A pace is equal only to its clones.
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
    fn packet_waits_for_its_time_by_the_speed() {
        let (pace, start) = (Pace::new(2.0), Instant::now());
        assert_eq!(pace.wait(NOW, start), None);
        assert_eq!(pace.wait(NOW + 10 * SECOND, start), Some(seconds(5)));
        assert_eq!(pace.position(), pace.began());
        let later = start + Duration::from_secs(5);
        assert_eq!(pace.wait(NOW + 10 * SECOND, later), None);
        // A late packet does not wait, and the capture does not catch up.
        assert_eq!(pace.wait(NOW, later), None);
        assert_eq!(pace.wait(NOW + 20 * SECOND, later), Some(seconds(5)));
        // Another speed counts from the present position.
        pace.wait(NOW + 10 * SECOND, later);
        pace.set_speed(1.0);
        assert_eq!(pace.wait(NOW + 20 * SECOND, later), Some(seconds(10)));
    }

    #[test]
    fn paused_playback_skips() {
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
    fn late_packet_after_a_skip_does_not_wait() {
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
    fn pace_restarts_with_another_capture() {
        let (pace, start) = (Pace::new(1.0), Instant::now());
        assert_eq!(pace.wait(NOW, start), None);
        pace.begin();
        assert_eq!((pace.began(), pace.position()), (None, None));
        assert_eq!(pace.wait(NOW - 100 * SECOND, start), None);
        assert_eq!(pace.wait(NOW - 90 * SECOND, start), Some(seconds(10)));
    }

    #[test]
    fn packet_without_a_time_waits_while_it_is_held() {
        let pace = Pace::new(1.0);
        assert_eq!(pace.wait_without_time(), None);
        pace.hold();
        assert_eq!(pace.wait_without_time(), Some(PAUSED));
        pace.skip_to(SystemTime::UNIX_EPOCH + Duration::from_secs(1));
        assert_eq!(pace.wait_without_time(), None);
    }
}
