//! Options of sampling.

use std::{
    fmt,
    num::{NonZeroU32, NonZeroU64},
};

use mermin_bpf::abi::sampling::Rate;

use crate::{
    error::{Error, ErrorKind},
    report::{Degradation, Feature},
    table::sampling::{self, SamplingLimits},
};

/// Sampling of whole flows by a hash of addresses, ports and protocol (RFC 7014).
///
/// The rate is the share of flows that are kept. All flows are kept until a limit is passed. The source then halves the rate while more new
/// flows are kept than [`flows_per_second`](Self::flows_per_second), or while the table is above [`fill`](Self::fill) and still fills, but not
/// below one flow in [`max_interval`](Self::max_interval). It doubles the rate after ten seconds in which no limit was near. A flow that is kept
/// at one rate is kept at all higher rates. Interfaces, VLANs and tunnels are not hashed: all flows of a conversation are kept or left out
/// together, unless the rate changes between their starts.
///
/// ```
/// use mermin_core::Sampling;
///
/// // Beyond 80 % of the table or 20,000 new flows a second, at least one flow of 64 is kept.
/// let sampling = Sampling::under_pressure()
///     .fill(0.8)
///     .flows_per_second(20_000)
///     .max_interval(64);
/// assert_eq!(sampling.get_max_interval(), 64);
/// ```
#[derive(Clone, PartialEq)]
pub struct Sampling {
    fill: f64,
    flows_per_second: Option<u64>,
    max_interval: u32,
    seed: Option<u64>,
}

/// Leaves the seed out: a sender who knows it can choose flows that are not kept.
impl fmt::Debug for Sampling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sampling")
            .field("fill", &self.fill)
            .field("flows_per_second", &self.flows_per_second)
            .field("max_interval", &self.max_interval)
            .finish_non_exhaustive()
    }
}

impl Sampling {
    /// Samples when more than 80 % of the table are in use, and keeps at least one flow of 1024.
    #[must_use]
    pub const fn under_pressure() -> Self {
        Self {
            fill: 0.8,
            flows_per_second: None,
            max_interval: 1024,
            seed: None,
        }
    }

    /// Sets the part of the table, above 0 and at most 1, beyond which flows are sampled. Default: 0.8.
    #[must_use]
    pub const fn fill(mut self, fill: f64) -> Self {
        self.fill = fill;
        self
    }

    /// Sets the number of kept new flows per second, averaged over a second, above which the source keeps fewer. Default: no limit.
    #[must_use]
    pub const fn flows_per_second(mut self, flows: u64) -> Self {
        self.flows_per_second = Some(flows);
        self
    }

    /// Sets the lowest rate: at least one of so many flows is kept. A power of two up to 1,048,576. Default: 1024.
    #[must_use]
    pub const fn max_interval(mut self, interval: u32) -> Self {
        self.max_interval = interval;
        self
    }

    /// Sets the seed of the hash. Sources with the same seed keep the same flows while their rates are the same. Default: random.
    ///
    /// Keep the seed secret: a sender who knows it can choose flows that are not kept. All processes of one pinned source need the same seed;
    /// a random seed is pinned, so each process has it.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Returns the value of [`fill`](Self::fill).
    #[must_use]
    pub const fn get_fill(&self) -> f64 {
        self.fill
    }

    /// Returns the value of [`flows_per_second`](Self::flows_per_second).
    #[must_use]
    pub const fn get_flows_per_second(&self) -> Option<u64> {
        self.flows_per_second
    }

    /// Returns the value of [`max_interval`](Self::max_interval).
    #[must_use]
    pub const fn get_max_interval(&self) -> u32 {
        self.max_interval
    }

    /// Returns the value of [`seed`](Self::seed).
    #[must_use]
    pub const fn get_seed(&self) -> Option<u64> {
        self.seed
    }

    pub(crate) fn limits(&self) -> SamplingLimits {
        SamplingLimits {
            fill: self.fill,
            flows_per_second: self.flows_per_second.and_then(NonZeroU64::new),
            most_shift: sampling::shift(NonZeroU32::new(self.max_interval)),
        }
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        let refused = |value: String, what, remedy: String| {
            let message = format!("cannot use `{value}` for the {what} of `sampling`");
            Err(Error::new(ErrorKind::InvalidOption, message).with_remedy(remedy))
        };
        if !(self.fill > 0.0 && self.fill <= 1.0) {
            let remedy = "choose a part of the table, above 0 and at most 1";
            return refused(self.fill.to_string(), "fill", remedy.into());
        }
        if self.flows_per_second == Some(0) {
            let remedy = "choose a number above zero";
            return refused("0".into(), "flows per second", remedy.into());
        }
        let highest = 1 << Rate::MOST_SHIFT;
        if !self.max_interval.is_power_of_two() || self.max_interval > highest {
            let remedy = format!("choose a power of two from 1 to {highest}");
            return refused(self.max_interval.to_string(), "largest interval", remedy);
        }
        Ok(())
    }
}

/// The degradation while one flow of 2^`shift` is kept; none while all are.
pub(super) fn degradation(shift: u8) -> Option<Degradation> {
    (shift != 0).then(|| {
        Degradation::new(
            Feature::Sampling,
            "the table fills, or new flows are more than the limit",
            format!("one of {} flows is kept", sampling::interval(shift)),
            "packets of the others are counted under `not_sampled`, and records have the interval to multiply by",
            "raise `max_flows`, or the limits of `sampling`",
        )
    })
}
