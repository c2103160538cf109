//! The running kernel's description of its types (BTF): offsets of members, numbers of enumerators, arguments of tracepoints.
//!
//! The format is in `include/uapi/linux/btf.h` and Documentation/bpf/btf.rst of Linux. The library that loads the object reads BTF as well,
//! but offers none of these.

use std::{fs, io};

const FILE: &str = "/sys/kernel/btf/vmlinux";
const MAGIC: u16 = 0xeb9f;
const HEADER: usize = 24;
/// Octets of a type before what its kind adds.
const TYPE: usize = 12;
/// Levels of unnamed structures and unions that are searched for a member.
const DEEPEST: u32 = 8;

/// Kinds of types (`BTF_KIND_*`).
mod kind {
    pub(super) const INT: u32 = 1;
    pub(super) const PTR: u32 = 2;
    pub(super) const ARRAY: u32 = 3;
    pub(super) const STRUCT: u32 = 4;
    pub(super) const UNION: u32 = 5;
    pub(super) const ENUM: u32 = 6;
    pub(super) const TYPEDEF: u32 = 8;
    pub(super) const VOLATILE: u32 = 9;
    pub(super) const CONST: u32 = 10;
    pub(super) const FUNC_PROTO: u32 = 13;
    pub(super) const VAR: u32 = 14;
    pub(super) const DATASEC: u32 = 15;
    pub(super) const DECL_TAG: u32 = 17;
    pub(super) const ENUM64: u32 = 19;
}

/// Types of a kernel.
pub(crate) struct KernelTypes {
    octets: Vec<u8>,
    strings: usize,
    /// Place of each type; ids begin at 1.
    places: Vec<usize>,
}

/// One type.
#[derive(Clone, Copy)]
struct Type {
    place: usize,
    kind: u32,
    /// Members, enumerators or parameters.
    many: usize,
    /// The offsets of members have the size of a bit field beside them.
    has_bit_fields: bool,
    /// The type that it refers to.
    other: u32,
}

impl KernelTypes {
    /// Reads the running kernel's.
    ///
    /// # Errors
    /// Those of reading `/sys/kernel/btf/vmlinux`; `InvalidData` if it is no BTF.
    pub(crate) fn read() -> io::Result<Self> {
        Self::parse(fs::read(FILE)?).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    fn parse(octets: Vec<u8>) -> Option<Self> {
        let magic = octets.get(..2)?;
        if magic != MAGIC.to_le_bytes() || octets.len() < HEADER {
            return None;
        }
        let word = |at: usize| usize::try_from(u32_at(&octets, at)?).ok();
        let header = word(4)?;
        let (first, length) = (header.checked_add(word(8)?)?, word(12)?);
        let strings = header.checked_add(word(16)?)?;
        let end = first.checked_add(length)?;
        let mut types = Self {
            octets,
            strings,
            places: Vec::new(),
        };
        let mut at = first;
        while at < end {
            types.places.push(at);
            at = at.checked_add(TYPE)?.checked_add(types.at(at)?.added()?)?;
        }
        Some(types)
    }

    fn at(&self, place: usize) -> Option<Type> {
        let info = u32_at(&self.octets, place + 4)?;
        Some(Type {
            place,
            kind: info >> 24 & 0x1f,
            many: usize::try_from(info & 0xffff).ok()?,
            has_bit_fields: info >> 31 != 0,
            other: u32_at(&self.octets, place + 8)?,
        })
    }

    fn of(&self, id: u32) -> Option<Type> {
        let number = usize::try_from(id.checked_sub(1)?).ok()?;
        self.at(*self.places.get(number)?)
    }

    fn name(&self, place: usize) -> Option<&str> {
        let offset = usize::try_from(u32_at(&self.octets, place)?).ok()?;
        let name = self.octets.get(self.strings.checked_add(offset)?..)?;
        let end = name.iter().position(|octet| *octet == 0)?;
        str::from_utf8(&name[..end]).ok()
    }

    fn find(&self, kind: u32, name: &str) -> Option<Type> {
        self.places.iter().find_map(|&place| {
            let found = self.at(place)?;
            (found.kind == kind && self.name(place) == Some(name)).then_some(found)
        })
    }

    /// Returns the octets before a member of a structure: `sk_buff.head`. The path may go on into a member that is a structure itself.
    pub(crate) fn offset(&self, path: &str) -> Option<u32> {
        let mut names = path.split('.');
        let mut structure = self.find(kind::STRUCT, names.next()?)?;
        let mut octets = 0;
        for name in names {
            let (bits, id) = self.member(&structure, name, DEEPEST)?;
            octets += bits / 8;
            structure = self.of(id)?;
            while matches!(structure.kind, kind::CONST | kind::VOLATILE) {
                structure = self.of(structure.other)?;
            }
        }
        Some(octets)
    }

    /// The bits before a member, and its type.
    fn member(&self, structure: &Type, name: &str, deepest: u32) -> Option<(u32, u32)> {
        let members = (0..structure.many).filter_map(|number| {
            let place = structure.place + TYPE + number * 12;
            let id = u32_at(&self.octets, place + 4)?;
            let offset = u32_at(&self.octets, place + 8)?;
            let bits = if structure.has_bit_fields {
                offset & 0x00ff_ffff
            } else {
                offset
            };
            Some((self.name(place)?, bits, id))
        });
        for (own, bits, id) in members {
            if own == name {
                return Some((bits, id));
            }
            let inner = self.of(id).filter(|inner| {
                own.is_empty() && deepest != 0 && matches!(inner.kind, kind::STRUCT | kind::UNION)
            });
            if let Some(inner) = inner
                && let Some((more, id)) = self.member(&inner, name, deepest - 1)
            {
                return Some((bits + more, id));
            }
        }
        None
    }

    /// Returns the enumerators of an enumeration, as names and numbers.
    pub(crate) fn enumerators(&self, name: &str) -> Option<Vec<(&str, u32)>> {
        let found = self.find(kind::ENUM, name)?;
        (0..found.many)
            .map(|number| {
                let place = found.place + TYPE + number * 8;
                Some((self.name(place)?, u32_at(&self.octets, place + 4)?))
            })
            .collect()
    }

    /// Returns the number of arguments that a tracepoint has for a program.
    pub(crate) fn arguments(&self, tracepoint: &str) -> Option<usize> {
        let named = self.find(kind::TYPEDEF, &format!("btf_trace_{tracepoint}"))?;
        let prototype = self.of(self.of(named.other)?.other)?;
        // The first parameter is the probe's own.
        (prototype.kind == kind::FUNC_PROTO).then(|| prototype.many.saturating_sub(1))
    }
}

impl Type {
    /// Octets behind the common part. `None` for an unknown kind.
    fn added(self) -> Option<usize> {
        Some(match self.kind {
            kind::INT | kind::VAR | kind::DECL_TAG => 4,
            kind::ARRAY => 12,
            kind::STRUCT | kind::UNION | kind::DATASEC | kind::ENUM64 => 12 * self.many,
            kind::ENUM | kind::FUNC_PROTO => 8 * self.many,
            // Forward declarations, qualifiers, functions, floating point, type tags.
            kind::PTR | 7..=12 | 16 | 18 => 0,
            _ => return None,
        })
    }
}

fn u32_at(octets: &[u8], at: usize) -> Option<u32> {
    let word = octets.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*word))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `struct s { int a; union { int b; struct { int c; } d; }; }`, `enum e { X = 7 }`, and the type of a tracepoint with two arguments.
    fn types() -> Vec<u8> {
        let names = b"\0s\0a\0b\0c\0d\0int\0e\0X\0btf_trace_t\0";
        let name = |text: &[u8]| {
            let place = names
                .windows(text.len() + 1)
                .position(|it| it[..text.len()] == *text && it[text.len()] == 0);
            u32::try_from(place.unwrap()).unwrap()
        };
        let info = |kind: u32, many: u32| kind << 24 | many;
        let words = [
            // 1: int
            vec![name(b"int"), info(kind::INT, 0), 4, 32],
            // 2: struct { int c; }
            vec![0, info(kind::STRUCT, 1), 4, name(b"c"), 1, 0],
            // 3: union
            vec![
                0,
                info(kind::UNION, 2),
                4,
                name(b"b"),
                1,
                0,
                name(b"d"),
                2,
                0,
            ],
            // 4: struct s
            vec![
                name(b"s"),
                info(kind::STRUCT, 2),
                8,
                name(b"a"),
                1,
                0,
                0,
                3,
                32,
            ],
            // 5: enum e
            vec![name(b"e"), info(kind::ENUM, 1), 4, name(b"X"), 7],
            // 6: void (void *, int, int), 7: a pointer to it, 8: its name
            vec![0, info(kind::FUNC_PROTO, 3), 0, 0, 0, 0, 1, 0, 1],
            vec![0, info(kind::PTR, 0), 6],
            vec![name(b"btf_trace_t"), info(kind::TYPEDEF, 0), 7],
        ]
        .concat();
        let length = u32::try_from(words.len() * 4).unwrap();
        let header = [u32::from(MAGIC) | 1 << 16, 24, 0, length, length];
        let mut octets: Vec<u8> = header
            .iter()
            .chain([&u32::try_from(names.len()).unwrap()])
            .chain(&words)
            .flat_map(|word| word.to_le_bytes())
            .collect();
        octets.extend(names);
        octets
    }

    #[test]
    fn members_are_found_inside_of_unnamed_ones() {
        let types = KernelTypes::parse(types()).unwrap();
        assert_eq!(types.offset("s.a"), Some(0));
        assert_eq!(types.offset("s.b"), Some(4));
        assert_eq!(types.offset("s.d.c"), Some(4));
        assert_eq!(types.offset("s.c"), None);
        assert_eq!(types.offset("t.a"), None);
        assert_eq!(types.enumerators("e"), Some(vec![("X", 7)]));
        assert_eq!(types.arguments("t"), Some(2));
    }

    #[test]
    fn any_octets_are_read_without_a_panic() {
        let whole = types();
        for end in 0..whole.len() {
            let cut = KernelTypes::parse(whole[..end].to_vec());
            if let Some(types) = cut {
                let _ = (
                    types.offset("s.d.c"),
                    types.enumerators("e"),
                    types.arguments("t"),
                );
            }
        }
        for place in 0..whole.len() {
            let mut changed = whole.clone();
            changed[place] ^= 0xff;
            if let Some(types) = KernelTypes::parse(changed) {
                let _ = (
                    types.offset("s.d.c"),
                    types.enumerators("e"),
                    types.arguments("t"),
                );
            }
        }
    }
}
