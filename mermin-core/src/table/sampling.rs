//! The decision about the rate at which flows are kept. Pure: time and counts are parameters.
//!
//! The rate is a power of two, so that few flows change theirs. It falls at once, and rises slowly: each rise gives flows that are
//! open a new record (`docs/SAMPLING.md`).

use std::num::{NonZeroU32, NonZeroU64};

use mermin_bpf::abi::sampling::Rate;

/// The rate rises if for so long neither limit was near (ns).
const CALM: u64 = 10_000_000_000;
/// Time in which the measured number of new flows per second follows a change to two thirds (seconds).
const MEMORY: f64 = 1.0;
/// Part of a limit below which it is not near: with twice the flows it is not reached.
const NEAR: f64 = 0.4;

/// Limits that flows are sampled for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SamplingLimits {
    /// Part of the table's slots.
    pub(crate) fill: f64,
    /// New flows that are kept in a second.
    pub(crate) flows_per_second: Option<NonZeroU64>,
    /// The lowest rate: one of 2 to the power of this number.
    pub(crate) most_shift: u8,
}

impl SamplingLimits {
    /// Number of free slots below which flows are sampled.
    fn reserve(&self, capacity: u32) -> u32 {
        let used = f64::from(capacity) * self.fill;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and the number of slots"
        )]
        let used = used as u32;
        capacity.saturating_sub(used)
    }

    /// The rate at which a source begins.
    pub(crate) fn first(&self, capacity: u32) -> Rate {
        Rate::new(0, self.most_shift, self.reserve(capacity))
    }
}

/// The table at one time, and the changes since the time before.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Observation {
    /// Monotonic ns.
    pub(crate) now: u64,
    pub(crate) capacity: u32,
    /// Slots without a flow.
    pub(crate) free: u32,
    /// Flows that began, without those that continue one.
    pub(crate) begun: u64,
    /// Flows that ended.
    pub(crate) ended: u64,
}

/// Follows the table, and decides the rate.
#[derive(Clone, Debug)]
pub(crate) struct SamplingControl {
    limits: SamplingLimits,
    /// New flows per second that are kept.
    pace: f64,
    /// Time of the latest observation.
    at: Option<u64>,
    /// The shift that it left.
    shift: u8,
    /// Since then no limit was near, and the rate was the same.
    calm_since: u64,
}

impl SamplingControl {
    pub(crate) fn new(limits: SamplingLimits) -> Self {
        Self {
            limits,
            pace: 0.0,
            at: None,
            shift: 0,
            calm_since: 0,
        }
    }

    /// Returns the next rate, given the one that the kernel program has: it may be lower than the one that was decided before.
    pub(crate) fn next(&mut self, rate: Rate, seen: &Observation) -> Rate {
        self.measure(rate, seen);
        let reserve = self.limits.reserve(seen.capacity);
        let limit = self.limits.flows_per_second.map_or(f64::INFINITY, as_float);
        let now = rate.shift().min(self.limits.most_shift);
        let is_filling = seen.free < reserve && seen.begun > seen.ended;
        let by_pace = halvings(self.pace / limit);
        let by_fill = u8::from(is_filling && rate.shift() == self.shift);
        let lower = by_pace.max(by_fill);
        let used = f64::from(seen.capacity.saturating_sub(seen.free));
        let is_near =
            used > f64::from(seen.capacity) * self.limits.fill * NEAR || self.pace > limit * NEAR;
        if lower > 0 || is_near || rate.shift() != self.shift {
            self.calm_since = seen.now;
        }
        let mut shift = now.saturating_add(lower).min(self.limits.most_shift);
        if shift > 0 && seen.now.saturating_sub(self.calm_since) >= CALM {
            shift -= 1;
            self.calm_since = seen.now;
        }
        // The number of kept flows changes at once with the rate.
        self.pace *= (f64::from(now) - f64::from(shift)).exp2();
        self.shift = shift;
        // A quarter of the slots that are free now may go before the kernel program acts again.
        let below = if seen.free < reserve {
            seen.free - seen.free / 4
        } else {
            reserve
        };
        Rate::new(shift, self.limits.most_shift, below)
    }

    fn measure(&mut self, rate: Rate, seen: &Observation) {
        let Some(before) = self.at.replace(seen.now) else {
            self.shift = rate.shift();
            self.calm_since = seen.now;
            return;
        };
        let seconds = as_seconds(seen.now.saturating_sub(before));
        if seconds > 0.0 {
            let weight = -(-seconds / MEMORY).exp_m1();
            let begun = NonZeroU64::new(seen.begun).map_or(0.0, as_float);
            self.pace += (begun / seconds - self.pace) * weight;
        }
    }
}

/// The interval of flows of which one of 2^`shift` is kept.
pub(crate) fn interval(shift: u8) -> NonZeroU32 {
    let shift = u32::from(shift.min(Rate::MOST_SHIFT));
    NonZeroU32::new(1 << shift).unwrap_or(NonZeroU32::MIN)
}

/// The inverse of [`interval`].
pub(crate) fn shift(interval: Option<NonZeroU32>) -> u8 {
    let shift = interval.map_or(0, NonZeroU32::ilog2);
    u8::try_from(shift).unwrap_or(Rate::MOST_SHIFT)
}

/// How often a number is to be halved to be 1 at most.
fn halvings(times: f64) -> u8 {
    (0..=Rate::MOST_SHIFT)
        .find(|&shift| times <= f64::from(shift).exp2())
        .unwrap_or(Rate::MOST_SHIFT)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "numbers of flows are far below 2^52, and estimates anyway"
)]
fn as_float(number: NonZeroU64) -> f64 {
    number.get() as f64
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a time to a microsecond is enough"
)]
fn as_seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}

#[cfg(test)]
mod tests;
