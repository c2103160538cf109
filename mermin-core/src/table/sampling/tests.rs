use std::{collections::VecDeque, sync::LazyLock};

use mermin_bpf::abi::{
    key::KeyWords,
    sampling::{point, point_seed, split_mix},
};

use super::*;

const SECOND: u64 = 1_000_000_000;
const SWEEP: u64 = SECOND / 10;

const LIMITS: SamplingLimits = SamplingLimits {
    fill: 0.8,
    flows_per_second: NonZeroU64::new(1000),
    most_shift: 10,
};

/// Passes seconds of sweeps with the same observation. Returns the rate.
fn pass(
    control: &mut SamplingControl,
    mut rate: Rate,
    from: &mut u64,
    seconds: u64,
    seen: Observation,
) -> Rate {
    for _ in 0..seconds * 10 {
        *from += SWEEP;
        rate = control.next(rate, &Observation { now: *from, ..seen });
    }
    rate
}

fn calm() -> Observation {
    Observation {
        now: 0,
        capacity: 10_000,
        free: 9000,
        begun: 1,
        ended: 1,
    }
}

#[test]
fn rate_stays_while_no_limit_is_passed() {
    let mut control = SamplingControl::new(LIMITS);
    let first = LIMITS.first(10_000);
    assert_eq!((first.shift(), first.most(), first.below()), (0, 10, 2000));
    let mut now = 0;
    // 90 % of the flows per second, and a table that is full to its limit.
    let busy = Observation {
        free: 2001,
        begun: 90,
        ended: 90,
        ..calm()
    };
    assert_eq!(pass(&mut control, first, &mut now, 60, busy), first);
}

#[test]
fn rate_falls_with_new_flows_and_rises_when_they_are_few() {
    let mut control = SamplingControl::new(LIMITS);
    let mut now = 0;
    let mut rate = LIMITS.first(10_000);
    // 6,000 new flows a second, of which as many are kept as the rate says.
    for _ in 0..100 {
        now += SWEEP;
        let flows = 600 >> rate.shift();
        let seen = Observation {
            now,
            begun: flows,
            ended: flows,
            ..calm()
        };
        rate = control.next(rate, &seen);
    }
    assert_eq!(rate.shift(), 3);
    assert_eq!(pass(&mut control, rate, &mut now, 9, calm()).shift(), 3);
    assert_eq!(pass(&mut control, rate, &mut now, 3, calm()).shift(), 2);
}

#[test]
fn rate_falls_while_a_table_beyond_its_limit_fills() {
    let mut control = SamplingControl::new(SamplingLimits {
        flows_per_second: None,
        ..LIMITS
    });
    let mut now = 0;
    let filling = Observation {
        free: 1000,
        begun: 100,
        ended: 99,
        ..calm()
    };
    let rate = pass(&mut control, Rate::new(0, 10, 2000), &mut now, 1, filling);
    assert_eq!((rate.shift(), rate.below()), (10, 750));
    // Full, but not fuller.
    let mut control = SamplingControl::new(LIMITS);
    let steady = Observation {
        ended: 100,
        ..filling
    };
    assert_eq!(
        pass(&mut control, Rate::new(4, 10, 750), &mut now, 60, steady).shift(),
        4
    );
    // The kernel program was faster: its rate stands.
    now += SWEEP;
    let seen = Observation { now, ..filling };
    assert_eq!(control.next(Rate::new(6, 10, 250), &seen).shift(), 6);
}

/// A generator of numbers: `SplitMix64`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        split_mix(&mut self.0)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// A flow of the traffic, whether it is kept or not.
#[derive(Clone, Copy)]
struct Sent {
    /// Octets of each packet.
    size: f64,
    left: u32,
    /// Packets so far.
    packets: f64,
    /// The lowest shift at one of its packets.
    shift: u8,
    /// The shift of its slot.
    kept_at: Option<u8>,
}

/// Flows, and the times of packets with the numbers of their flows, ordered to the millisecond.
type Traffic = (Vec<Sent>, Vec<(u64, u32)>);

/// Traffic of a minute with a flood in it: 1,000,000 flows, 4,000 of which begin in the flood and last.
fn traffic() -> Traffic {
    const LONG: u32 = 4000;
    const ALL: u32 = 1_000_000;
    const FLOOD: u32 = 700_000;
    const MILLISECOND: u64 = SECOND / 1000;
    let mut random = Random(1);
    // By the millisecond of their times: unoptimized, sorting takes longer than all the rest.
    let mut packets: Vec<Vec<(u64, u32)>> = Vec::new();
    packets.resize_with(120_000, Vec::new);
    let flows = (0..ALL).map(|number| {
        let (begin, many, apart) = if number < LONG {
            (14 * SECOND + random.below(SECOND), 90, SECOND / 2)
        } else {
            // In order, so that the flows of a moment are neighbours in memory.
            let begin = if number < LONG + FLOOD {
                10 * SECOND + u64::from(number - LONG) * (8 * SECOND / u64::from(FLOOD))
            } else {
                u64::from(number - LONG - FLOOD) * (60 * SECOND / u64::from(ALL - LONG - FLOOD))
            };
            (
                begin,
                1 + u32::try_from(10 / (1 + random.below(10))).unwrap(),
                SECOND / 20,
            )
        };
        for packet in 0..u64::from(many) {
            let at = begin + packet * apart;
            let millisecond = usize::try_from(at / MILLISECOND).unwrap();
            packets[millisecond].push((at, number));
        }
        Sent {
            size: f64::from(u32::try_from(40 + random.below(1460)).unwrap()),
            left: many,
            packets: 0.0,
            shift: u8::MAX,
            kept_at: None,
        }
    });
    let flows = flows.collect();
    (flows, packets.concat())
}

/// The traffic of all tests: making it takes longer than sampling it.
static TRAFFIC: LazyLock<Traffic> = LazyLock::new(traffic);

/// A sum over all flows, its estimate, and the variance of the estimate.
#[derive(Clone, Copy, Debug, Default)]
struct Estimate {
    /// The true sum.
    truth: f64,
    /// Its estimate.
    sum: f64,
    variance: f64,
}

impl Estimate {
    fn deviations(&self) -> f64 {
        (self.sum - self.truth) / self.variance.sqrt()
    }
}

#[derive(Debug, Default)]
struct Outcome {
    flows: Estimate,
    packets: Estimate,
    octets: Estimate,
    refused: u64,
    resampled: u64,
    shifts: Vec<u8>,
}

/// Flows are kept as the kernel program and a sweep every 100 ms decide together. If not `resamples`, a flow keeps the rate of its
/// beginning.
fn sample(number: u64, resamples: bool) -> Outcome {
    const CAPACITY: u32 = 16_384;
    const TIMEOUT: u64 = SECOND;
    let limits = SamplingLimits {
        flows_per_second: None,
        ..LIMITS
    };
    let (flows, packets) = &*TRAFFIC;
    let mut flows = flows.clone();
    let secret = point_seed(number);
    let mut control = SamplingControl::new(limits);
    let mut rate = limits.first(CAPACITY);
    let (mut free, mut begun) = (CAPACITY, 0);
    // Slots that get free, in the order of their times; of flows that ended, and of those that continue in another one.
    let (mut idle, mut replaced) = (VecDeque::new(), VecDeque::new());
    let mut sweep_at = SWEEP;
    let mut outcome = Outcome::default();
    for &(now, place) in packets {
        while sweep_at <= now {
            let due = |at: &u64| *at <= sweep_at;
            let ended = idle.iter().take_while(|at| due(at)).count();
            idle.drain(..ended);
            let returned = replaced.iter().take_while(|at| due(at)).count();
            replaced.drain(..returned);
            free += u32::try_from(ended + returned).unwrap();
            let seen = Observation {
                now: sweep_at,
                capacity: CAPACITY,
                free,
                begun: std::mem::take(&mut begun),
                ended: ended as u64,
            };
            rate = control.next(rate, &seen);
            if outcome.shifts.last() != Some(&rate.shift()) {
                outcome.shifts.push(rate.shift());
            }
            sweep_at += SWEEP;
        }
        let flow = &mut flows[place as usize];
        let key: KeyWords = [
            1 | 17 << 32,
            u64::from(place) << 32,
            u64::from(place / 7),
            0,
            0,
            0,
        ];
        flow.shift = flow.shift.min(rate.shift());
        let is_lower = flow.kept_at.is_some_and(|kept_at| kept_at > rate.shift());
        if flow.kept_at.is_none() && rate.keeps(point(&key, &secret)) || resamples && is_lower {
            rate = rate.halved(free).unwrap_or(rate);
            if free == 0 {
                outcome.refused += 1;
            } else {
                free -= 1;
                if is_lower {
                    outcome.resampled += 1;
                    replaced.push_back(now + 2 * SWEEP);
                } else {
                    begun += 1;
                }
                flow.kept_at = Some(flow.shift);
            }
        }
        let weight = f64::from(flow.shift).exp2();
        let (before, after) = (flow.packets, flow.packets + 1.0);
        flow.packets = after;
        flow.left -= 1;
        // Of nested choices, the later and likelier one says how much two packets of a flow vary together.
        let more = (weight - 1.0) * (after * after - before * before);
        outcome.packets.truth += 1.0;
        outcome.packets.variance += more;
        outcome.octets.truth += flow.size;
        outcome.octets.variance += more * flow.size * flow.size;
        let is_last = flow.left == 0;
        if is_last {
            outcome.flows.truth += 1.0;
            outcome.flows.variance += weight - 1.0;
        }
        if let Some(kept_at) = flow.kept_at {
            let weight = f64::from(kept_at).exp2();
            outcome.packets.sum += weight;
            outcome.octets.sum += weight * flow.size;
            if is_last {
                outcome.flows.sum += weight;
                idle.push_back(now + TIMEOUT);
            }
        }
    }
    outcome
}

#[test]
fn estimates_of_a_million_flows_are_within_three_sigma() {
    let outcome = sample(1, true);
    eprintln!("{outcome:?}");
    assert!((outcome.flows.truth - 1e6).abs() < 0.5);
    assert_eq!(outcome.refused, 0);
    // The rate fell, and rose again while flows were open.
    let lowest = outcome.shifts.iter().max();
    assert!(
        lowest > Some(&2) && outcome.shifts.last() < lowest,
        "{:?}",
        outcome.shifts
    );
    assert!(outcome.resampled > 10);
    for (what, estimate) in [
        ("flows", outcome.flows),
        ("packets", outcome.packets),
        ("octets", outcome.octets),
    ] {
        let deviations = estimate.deviations();
        eprintln!(
            "{what}: {:.0} of {:.0}, {deviations:.2} sigma",
            estimate.sum, estimate.truth
        );
        assert!(deviations.abs() < 3.0, "{what}: {deviations}");
    }
}

/// The control: with the rate of its beginning, a flow counts too much once the rate has risen, because flows that were left out
/// before count as well.
#[test]
fn estimates_are_wrong_if_flows_keep_the_rate_of_their_beginning() {
    let deviations = sample(1, false).packets.deviations();
    assert!(deviations > 3.0, "{deviations}");
}
