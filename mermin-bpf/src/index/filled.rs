//! Tests how many keys of several kinds find room, and that chosen keys do not share places.

use std::{vec, vec::Vec};

use super::{
    insert::{Inserted, insert},
    memory::{Keys, Memory},
    remove::remove,
    search::{Found, search},
};
use core::cell::RefCell;

use crate::abi::{
    digest::{Seed, digest},
    index::{Bucket, ENTRIES, Head, PLACES, Shape},
    key::{KeyTail, KeyV4, KeyV6, KeyWords},
    sampling::split_mix,
};

/// An index of one thread.
struct Table {
    shape: Shape,
    buckets: RefCell<Vec<Bucket>>,
    keys: RefCell<Vec<u64>>,
}

/// The table, and the key that is searched for.
struct Wanted<'a>(&'a Table, u64);

impl Memory for Wanted<'_> {
    type Bucket = usize;

    fn bucket(&self, number: u32) -> Option<usize> {
        Some(number as usize)
    }

    fn head(&self, bucket: usize) -> Head {
        Head(self.0.buckets.borrow()[bucket].head)
    }

    fn swap_head(&self, bucket: usize, from: Head, to: Head) -> bool {
        let head = &mut self.0.buckets.borrow_mut()[bucket].head;
        let is_same = *head == from.0;
        if is_same {
            *head = to.0;
        }
        is_same
    }

    fn subtract(&self, bucket: usize, amount: u64) {
        self.0.buckets.borrow_mut()[bucket].head -= amount;
    }

    fn entry(&self, bucket: usize, number: usize) -> u32 {
        self.0.buckets.borrow()[bucket].entries[number]
    }

    fn swap_entry(&self, bucket: usize, number: usize, from: u32, to: u32) -> bool {
        let is_same = self.entry(bucket, number) == from;
        if is_same {
            self.set_entry(bucket, number, to);
        }
        is_same
    }

    fn set_entry(&self, bucket: usize, number: usize, to: u32) {
        self.0.buckets.borrow_mut()[bucket].entries[number] = to;
    }
}

impl Keys for Wanted<'_> {
    fn key_matches(&self, slot: u32) -> bool {
        self.0.keys.borrow()[slot as usize] == self.1
    }
}

impl Table {
    fn new(slots: u32) -> Self {
        let shape = Shape::of(slots);
        Self {
            shape,
            buckets: RefCell::new(vec![Bucket::default(); shape.buckets() as usize]),
            keys: RefCell::new(Vec::new()),
        }
    }

    /// Inserts a key. Here its digest stands for the key.
    fn insert(&self, digest: u64) -> Inserted {
        self.insert_as(digest, digest)
    }

    /// Inserts a key, which a number stands for.
    fn insert_as(&self, key: u64, digest: u64) -> Inserted {
        let wanted = Wanted(self, key);
        let head = wanted.head(self.shape.bucket(digest, 0) as usize);
        assert_eq!(search(&wanted, self.shape, digest, head), Found::Nothing);
        let slot = self.keys.borrow().len() as u32;
        let inserted = insert(&wanted, self.shape, digest, head, slot);
        if inserted == Inserted::Done {
            self.keys.borrow_mut().push(key);
        }
        inserted
    }
}

fn seed(number: u64) -> Seed {
    let mut state = number;
    Seed::from_words(&[(); Seed::WORDS].map(|()| split_mix(&mut state)))
}

fn v4(ports: [u16; 2], addresses: [u32; 2]) -> KeyWords {
    let tail = KeyTail {
        ifindex: 2,
        protocol_vlan: 6,
        encapsulation: 0,
        ports,
    };
    KeyV4 { tail, addresses }.words()
}

fn v6(ports: [u16; 2], low: u64) -> KeyWords {
    let tail = KeyTail {
        ifindex: 2,
        protocol_vlan: 17,
        encapsulation: 0,
        ports,
    };
    let addresses = [[0xb80d_0120, low.swap_bytes()], [0xb80d_0120, u64::MAX]];
    KeyV6 { tail, addresses }.words()
}

const SLOTS: u32 = 1 << 14;

/// Keys of one kind, by their number.
type Kind = fn(u32) -> (KeyWords, bool);

/// Ports and addresses that a host counts up, and ones that differ only in their upper bits.
const KINDS: [(&str, Kind); 5] = [
    ("a port scan", |number| {
        (v4([number as u16, 443], [0x0100_000a, 0x0101_a8c0]), false)
    }),
    ("an address scan", |number| {
        (v4([40_000, 80], [0x0100_000a, number.swap_bytes()]), false)
    }),
    ("upper bits of two words", |number| {
        let (port, address) = ((number as u16 & 0x7f) << 9, number >> 7 << 25 | 1);
        (
            v4([1, port], [0x0100_000a, address.rotate_left(number & 16)]),
            false,
        )
    }),
    ("IPv6 hosts", |number| (v6([5000, 53], number.into()), true)),
    ("IPv6 ports", |number| {
        (v6([number as u16, 53], (number >> 10).into()), true)
    }),
];

#[test]
fn table_is_filled_to_the_last_slot() {
    for (name, kind) in KINDS {
        for number in 0..4 {
            let (seed, table) = (seed(number), Table::new(SLOTS));
            let mut known = std::collections::HashSet::new();
            let mut refused = 0;
            for number in 0..SLOTS {
                let (words, ipv6) = kind(number);
                if known.insert(words) {
                    let digest = digest(&words, ipv6, false, &seed);
                    refused += u32::from(table.insert(digest) != Inserted::Done);
                }
            }
            assert_eq!(refused, 0, "{name}, seed {number}");
        }
    }
}

#[test]
fn removed_key_leaves_nothing() {
    let table = Table::new(SLOTS);
    let mut state = 1;
    // As full as entries allow, so that many keys are not in their home.
    let mut refused = 0;
    for _ in 0..table.shape.buckets() * ENTRIES as u32 {
        refused += u32::from(table.insert(split_mix(&mut state)) == Inserted::Full);
    }
    assert!(refused > 0);
    let keys = table.keys.borrow().clone();
    for (slot, digest) in (0..).zip(keys) {
        let wanted = Wanted(&table, digest);
        assert!(remove(&wanted, table.shape, digest, slot));
        assert!(!remove(&wanted, table.shape, digest, slot));
    }
    for bucket in table.buckets.borrow().iter() {
        assert_eq!(bucket.entries, [0; ENTRIES]);
        assert!((1..PLACES).all(|place| Head(bucket.head).count(place) == 0));
    }
}

/// Keys that an attacker has chosen, so that all of them share their places under a known seed.
#[test]
fn chosen_keys_share_no_places_under_another_seed() {
    const CHOSEN: usize = 200;
    let places = |seed: &Seed, words: &KeyWords| {
        let digest = digest(words, false, false, seed);
        let shape = Shape::of(SLOTS / 64);
        [shape.bucket(digest, 0), shape.bucket(digest, 1)]
    };
    let known = seed(7);
    let wanted = places(&known, &v4([1, 443], [1, 2]));
    let chosen: Vec<KeyWords> = (0..u32::MAX)
        .map(|number| v4([number as u16, 443], [number >> 16, 2]))
        .filter(|words| places(&known, words) == wanted)
        .take(CHOSEN)
        .collect();
    for (seed, flooded) in [(known, true), (seed(8), false), (seed(9), false)] {
        let table = Table::new(SLOTS / 64);
        let digests = chosen
            .iter()
            .map(|words| digest(words, false, false, &seed));
        let refused = digests
            .filter(|digest| table.insert(*digest) == Inserted::Full)
            .count();
        let expected = if flooded {
            CHOSEN - PLACES * ENTRIES
        } else {
            0
        };
        assert_eq!(refused, expected);
    }
}

/// A digest without a secret: 64-bit words times constants.
fn without_a_secret(words: &KeyWords) -> u64 {
    let summand = |(power, word): (u32, &u64)| word.wrapping_mul(ODD.wrapping_pow(power));
    let sum = (1..).zip(&words[..KeyV4::WORDS]).map(summand);
    let sum = sum.fold(0, u64::wrapping_add);
    (sum ^ sum >> 32).wrapping_mul(ODD)
}

const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

/// A port and the last two octets of an address are the upper bits of two words, and one cancels the other.
fn crafted(number: u32) -> KeyWords {
    let port = number.wrapping_mul(ODD as u32).wrapping_neg();
    v4([443, port as u16], [0x0100_000a, number << 16 | 0xa8c0])
}

/// As many keys as there are entries: room ends for random keys too, and it ends no earlier for crafted ones.
#[test]
fn keys_that_collide_without_a_secret_are_refused_no_more_than_random_ones() {
    let shape = Shape::of(SLOTS);
    let number = shape.buckets() * ENTRIES as u32;
    let chosen: Vec<KeyWords> = (0..number).map(crafted).collect();
    let known: std::collections::HashSet<_> = chosen.iter().map(without_a_secret).collect();
    assert_eq!(known.len(), 1, "they collide");
    let mut state = 1;
    let random: Vec<KeyWords> = (0..number)
        .map(|_| [(); 2].map(|()| split_mix(&mut state)))
        .map(|[ports, ends]| {
            v4(
                [ports as u16, (ports >> 16) as u16],
                [ends as u32, (ends >> 32) as u32],
            )
        })
        .collect();
    // Of the first keys, as many as there are slots, and of all.
    let refused = |keys: &[KeyWords], digest: &dyn Fn(&KeyWords) -> u64| {
        let table = Table::new(SLOTS);
        let mut refused = [0; 2];
        for (at, key) in (0..).zip(keys) {
            if table.insert_as(at, digest(key)) == Inserted::Full {
                refused[0] += u32::from(at < SLOTS.into());
                refused[1] += 1;
            }
        }
        refused
    };
    let room = (PLACES * ENTRIES) as u32;
    assert_eq!(
        refused(&chosen, &without_a_secret),
        [SLOTS - room, number - room]
    );
    let mut sums = [0; 2];
    for number in 0..4 {
        let seed = seed(number);
        let keyed = |words: &KeyWords| digest(words, false, false, &seed);
        let refused = [&chosen, &random].map(|keys| refused(keys, &keyed));
        std::println!("seed {number}: {refused:?}");
        assert_eq!(
            refused.map(|[in_slots, _]| in_slots),
            [0; 2],
            "seed {number}"
        );
        for (sum, [_, in_all]) in sums.iter_mut().zip(refused) {
            *sum += in_all;
        }
    }
    let [of_chosen, of_random] = sums;
    assert!(
        of_random > 0 && of_chosen <= of_random + of_random / 10,
        "{sums:?}"
    );
}

/// The words of a key say nothing of its IP version.
#[test]
fn keys_of_two_versions_with_the_same_words_differ() {
    let words = v4([1, 2], [3, 4]);
    let seed = seed(1);
    assert_ne!(
        digest(&words, false, false, &seed),
        digest(&words, true, false, &seed)
    );
}

/// The digest leaves VLANs and tunnels out if they are not part of the key.
#[test]
fn bare_digest_has_neither_vlans_nor_tunnels() {
    let with = |protocol_vlan, encapsulation| {
        let tail = KeyTail {
            ifindex: 2,
            protocol_vlan,
            encapsulation,
            ports: [1, 2],
        };
        let addresses = [3, 4];
        KeyV4 { tail, addresses }.words()
    };
    let (one, other) = (
        with(KeyTail::pack(6, 10, 0), 0),
        with(KeyTail::pack(6, 0, 0), 99),
    );
    let seed = seed(1);
    let digest = |words: &KeyWords, bare| digest(words, false, bare, &seed);
    assert_eq!(digest(&one, true), digest(&other, true));
    assert_ne!(digest(&one, false), digest(&other, false));
}
