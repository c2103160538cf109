//! The compiled object for given sizes: shapes of maps, and programs that refer to maps by descriptor.

use std::{
    collections::HashMap,
    ffi::CString,
    os::fd::{AsRawFd, OwnedFd},
};

use aya_obj::{EbpfSectionKind, Map, Object, generated::bpf_insn};
use mermin_bpf::{
    abi::{digest::Seed, drops::fact, names, opener, sampling},
    wire::tunnel::Keyed,
};

use super::{
    openers::OpenerFacts,
    refusal::Failure,
    size::{HOOK_PLACES, Sizes},
};
use crate::sys::bpf_pin::Shape;

/// A parsed object.
pub(super) struct Image {
    object: Object,
    maps: HashMap<String, Map>,
    sizes: Sizes,
}

/// A map to create.
pub(super) struct Blank<'a> {
    pub(super) name: &'a str,
    pub(super) shape: Shape,
    pub(super) content: Content<'a>,
}

/// Initial contents of a map.
pub(super) enum Content<'a> {
    Zeros,
    Variables(&'a [u8]),
    Constants(&'a [u8]),
}

/// A program to load.
pub(super) struct Code {
    pub(super) name: String,
    pub(super) license: CString,
    pub(super) instructions: Vec<u64>,
}

impl Image {
    pub(super) fn parse(object: &[u8], sizes: Sizes, seed: &Seed) -> Result<Self, Failure> {
        let mut object = Object::parse(object).map_err(Failure::object)?;
        set_constants(&mut object, sizes, seed)?;
        let mut maps = std::mem::take(&mut object.maps);
        for (name, length) in lengths(sizes) {
            if let Some(map) = maps.get_mut(name) {
                map.set_max_entries(length);
            }
        }
        Ok(Self {
            object,
            maps,
            sizes,
        })
    }

    /// Returns its maps, those with the most memory first.
    pub(super) fn maps(&self) -> Vec<Blank<'_>> {
        let mut maps: Vec<_> = self
            .maps
            .iter()
            .map(|(name, map)| blank(name, map))
            .collect();
        maps.sort_by_key(|map| std::cmp::Reverse(map.shape.octets()));
        maps
    }

    /// Returns its programs for created maps, the longest first.
    pub(super) fn programs(
        mut self,
        made: &HashMap<String, OwnedFd>,
    ) -> Result<Vec<Code>, Failure> {
        let sections = self.object.functions.keys().map(|(section, _)| *section);
        let sections = sections.collect();
        let maps = self.maps.iter().filter_map(|(name, map)| {
            let made = made.get(name)?;
            Some((name.as_str(), made.as_raw_fd(), map))
        });
        self.object
            .relocate_maps(maps, &sections)
            .map_err(Failure::object)?;
        self.object
            .relocate_calls(&sections)
            .map_err(Failure::object)?;
        let Object {
            programs,
            functions,
            ..
        } = &self.object;
        let mut codes: Vec<Code> = programs
            .iter()
            .filter_map(|(name, program)| {
                let function = functions.get(&program.function_key())?;
                Some(Code {
                    name: loaded_as(name, self.sizes)?.to_owned(),
                    license: program.license.clone(),
                    instructions: function.instructions.iter().copied().map(word).collect(),
                })
            })
            .collect();
        if self.sizes.exact_end {
            stamp_exactly(&mut codes);
        }
        codes.sort_by_key(|code| std::cmp::Reverse(code.instructions.len()));
        Ok(codes)
    }
}

fn blank<'a>(name: &'a str, map: &'a Map) -> Blank<'a> {
    Blank {
        name,
        shape: Shape {
            kind: map.map_type(),
            key_size: map.key_size(),
            value_size: map.value_size(),
            entries: map.max_entries(),
            flags: map.map_flags(),
        },
        content: match map.section_kind() {
            EbpfSectionKind::Rodata => Content::Constants(map.data()),
            EbpfSectionKind::Data => Content::Variables(map.data()),
            _ => Content::Zeros,
        },
    }
}

/// Returns the name under which a program of the object is loaded for these sizes; `None` if it is not loaded.
///
/// The programs at hooks are in the object twice, and both have the same name in the kernel, because filters are recognised by it.
fn loaded_as(name: &str, sizes: Sizes) -> Option<&str> {
    let chosen = sizes.costs_known_flows();
    match name {
        names::PROGRAM_INGRESS | names::PROGRAM_EGRESS => (!chosen).then_some(name),
        names::PROGRAM_INGRESS_CHOSEN => chosen.then_some(names::PROGRAM_INGRESS),
        names::PROGRAM_EGRESS_CHOSEN => chosen.then_some(names::PROGRAM_EGRESS),
        names::PROGRAM_DROP => sizes.drops.map(|_| name),
        names::PROGRAM_OPENER => sizes.openers.map(|_| name),
        _ => Some(name),
    }
}

/// Converts an instruction into the kernel's form on little-endian machines.
fn word(instruction: bpf_insn) -> u64 {
    u64::from(instruction.code)
        | u64::from(instruction.dst_reg()) << 8
        | u64::from(instruction.src_reg()) << 12
        | u64::from(instruction.off.cast_unsigned()) << 16
        | u64::from(instruction.imm.cast_unsigned()) << 32
}

/// Calls of kernel helpers, by number (`include/uapi/linux/bpf.h`).
const CALL: u64 = 0x85;
const JIFFIES64: u64 = CALL | 118 << 32;
const KTIME_GET_NS: u64 = CALL | 5 << 32;

/// Makes the programs stamp packets with `CLOCK_MONOTONIC` instead of the tick, their only use of ticks.
///
/// Both helpers take no arguments and return a number. Testing a constant instead would cost every packet 1 to 2 ns.
fn stamp_exactly(codes: &mut [Code]) {
    let stamping = codes
        .iter_mut()
        .filter(|code| code.name != names::PROGRAM_CLOCK);
    for instruction in stamping.flat_map(|code| &mut code.instructions) {
        if *instruction == JIFFIES64 {
            *instruction = KTIME_GET_NS;
        }
    }
}

fn set_constants(object: &mut Object, sizes: Sizes, seed: &Seed) -> Result<(), Failure> {
    let constants = constants(sizes, seed);
    let constants = constants
        .iter()
        .map(|(name, octets)| (*name, (&octets[..], true)));
    object
        .patch_map_data(constants.collect())
        .map_err(Failure::object)
}

/// Returns the constants of the programs, by name.
pub(crate) fn constants(sizes: Sizes, seed: &Seed) -> Vec<(&'static str, Vec<u8>)> {
    let octets = |words: Vec<u64>| words.into_iter().flat_map(u64::to_ne_bytes).collect();
    let numbers = [
        (names::CONST_SLOTS, sizes.slots),
        (names::CONST_SLOT_BITS, sizes.index().slot_bits),
        (names::CONST_BUCKET_MASK, sizes.index().bucket_mask),
        (names::CONST_CPUS, sizes.cpus),
        (names::CONST_HOOK_MASK, HOOK_PLACES - 1),
        (names::CONST_DECAPSULATE, u32::from(sizes.decapsulate)),
        (
            names::CONST_BARE,
            u32::from(sizes.keyed == Keyed::Endpoints),
        ),
        (names::CONST_ANALYSE, u32::from(sizes.tcp_analysis)),
        (names::CONST_SOCKETS, u32::from(sizes.tcp_sockets)),
        (names::CONST_SECTIONS, u32::from(sizes.sections != 0)),
        (names::CONST_SAMPLED, u32::from(sizes.sampled)),
        (names::CONST_SENDERS, u32::from(sizes.openers.is_some())),
    ]
    .map(|(name, number)| (name, number.to_ne_bytes().to_vec()));
    let facts = sizes.drops.map_or([0; fact::COUNT], |facts| facts.0);
    let OpenerFacts(of_opener) = sizes
        .openers
        .unwrap_or(OpenerFacts([0; opener::fact::COUNT]));
    let words = [
        (
            names::CONST_OPENER_FACTS,
            of_opener
                .into_iter()
                .flat_map(|offset| u32::from(offset).to_ne_bytes())
                .collect(),
        ),
        (
            names::CONST_DROP_FACTS,
            facts.into_iter().flat_map(u32::to_ne_bytes).collect(),
        ),
        (
            names::CONST_TUNNEL_PORTS,
            octets(sizes.ports.words().to_vec()),
        ),
        (names::CONST_SEED, octets(seed.words().to_vec())),
        (
            names::CONST_POINT_SEED,
            octets(point_seed(sizes, seed).words().to_vec()),
        ),
    ];
    numbers.into_iter().chain(words).collect()
}

/// Returns the seed of sampling. Without a number of its own it follows from the index's seed: so the next process of a pinned
/// source keeps the same flows.
fn point_seed(sizes: Sizes, seed: &Seed) -> Seed {
    sampling::point_seed(sizes.sampling_seed.unwrap_or_else(|| {
        let words = seed.words();
        words.iter().fold(0, |sum, word| sum.rotate_left(7) ^ word)
    }))
}

/// Returns the number of elements of maps whose size depends on options or host.
fn lengths(sizes: Sizes) -> [(&'static str, u32); 17] {
    let counts = Sizes::ledgers(sizes.cpus);
    [
        (names::MAP_INDEX, sizes.index().buckets()),
        (names::MAP_SLOTS, sizes.slots),
        (names::MAP_FREE, sizes.free().lines(sizes.slots)),
        (names::MAP_FRESH, sizes.fresh()),
        (names::MAP_TUNNELS, sizes.tunnels()),
        (names::MAP_TCP_ANALYSIS, sizes.tcp_analyses()),
        (names::MAP_TCP_SOCKETS, sizes.socket_pairs()),
        (names::MAP_DROPS, sizes.drop_counts()),
        (names::MAP_FRAGMENTS, sizes.fragments()),
        (names::MAP_EARLY, sizes.fragments()),
        (names::MAP_TURNED, sizes.turned()),
        (names::MAP_HOOKS, HOOK_PLACES + 1),
        (names::MAP_TOTALS, counts.totals),
        (names::MAP_REASONS, counts.reasons),
        (names::MAP_SECTIONS, sizes.section_ring()),
        (names::MAP_SENDERS, sizes.senders()),
        (names::MAP_OPENERS, sizes.openers()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes() -> Vec<Code> {
        let image = Image::parse(mermin_bpf::OBJECT, Sizes::of_one_flow(), &Seed::default())
            .map_err(|_| "an object");
        let functions = image.unwrap().object.functions;
        let named = functions.into_values().map(|function| Code {
            name: function.name,
            license: CString::default(),
            instructions: function.instructions.into_iter().map(word).collect(),
        });
        named.collect()
    }

    fn calls(codes: &[Code], call: u64) -> Vec<usize> {
        let of = |code: &Code| code.instructions.iter().filter(|it| **it == call).count();
        codes.iter().map(of).collect()
    }

    #[test]
    fn options_that_known_flows_pay_for_have_programs_of_their_own() {
        let mut object = Object::parse(mermin_bpf::OBJECT).unwrap();
        let mut names: Vec<String> = object.programs.drain().map(|(name, _)| name).collect();
        names.sort();
        let loaded = |sizes| -> Vec<(&str, &str)> {
            let hooks = names.iter().filter(|name| name.contains("gress"));
            hooks
                .filter_map(|name| Some((name.as_str(), loaded_as(name, sizes)?)))
                .collect()
        };
        let default = [
            ("mermin_egress", "mermin_egress"),
            ("mermin_ingress", "mermin_ingress"),
        ];
        let chosen = [
            ("mermin_egress_chosen", "mermin_egress"),
            ("mermin_ingress_chosen", "mermin_ingress"),
        ];
        let sizes = Sizes::of_one_flow();
        assert_eq!(loaded(sizes), default);
        for sizes in [
            Sizes {
                keyed: Keyed::Endpoints,
                ..sizes
            },
            Sizes {
                tcp_analysis: true,
                ..sizes
            },
            Sizes {
                tcp_sockets: true,
                ..sizes
            },
            Sizes {
                sampled: true,
                ..sizes
            },
        ] {
            assert_eq!(loaded(sizes), chosen);
        }
        for sizes in [
            Sizes {
                exact_end: true,
                ..sizes
            },
            Sizes {
                sections: 1,
                ..sizes
            },
        ] {
            assert_eq!(loaded(sizes), default);
        }
    }

    #[test]
    fn exact_end_replaces_tick_calls_except_in_the_clock_program() {
        let mut codes = codes();
        let clock = codes
            .iter()
            .position(|code| code.name == names::PROGRAM_CLOCK);
        let clock = clock.unwrap();
        let [ticks, exact] = [JIFFIES64, KTIME_GET_NS].map(|call| calls(&codes, call));
        assert_eq!(ticks[clock], 1);
        assert!(ticks.iter().sum::<usize>() > 1);
        stamp_exactly(&mut codes);
        for (place, calls) in calls(&codes, KTIME_GET_NS).into_iter().enumerate() {
            let more = if place == clock { 0 } else { ticks[place] };
            assert_eq!(calls, exact[place] + more, "{}", codes[place].name);
        }
        assert_eq!(calls(&codes, JIFFIES64).iter().sum::<usize>(), 1);
    }
}
