//! The journal: the sums of each flow's latest record, kept for the next process. Only pinned instances have it.
//!
//! A record is written down before the consumer can get it, and counts as delivered when the consumer acknowledges it.
//! If the process is killed in between, the next one delivers the same record again: same id, same sequence number,
//! same counters.
//!
//! Each slot has two notes and a word that says which note is valid. The other note is written first. The stored word
//! then makes it valid or, for a record that is not acknowledged, says so; the acknowledgement makes it valid. A word is
//! stored atomically, so a half-written note is never read.

use std::{
    io,
    os::fd::{BorrowedFd, OwnedFd},
    sync::atomic::Ordering,
};

use mermin_bpf::abi::slot::DIRECTIONS;

use super::{
    names::{DROP_JOURNAL, JOURNAL, TCP_JOURNAL},
    pages::{Pages, SECOND},
};
use crate::{
    failpoint::{FailPoint, fail_point},
    flow::EndReason,
    sys::{
        bpf_pin::{self, Shape},
        mapping::Mapping,
    },
    table::{
        coarse_time::CoarseTime,
        drops::DropSums,
        export_state::{ExportState, Exported, Watermark},
        tcp_analysis::TcpCounters,
    },
};

/// The valid note belongs to this flow. Without this bit, nothing was exported yet.
const EXPORTED: u64 = 1 << 1;
/// A record was made with the values of the other note and is not acknowledged.
const UNACKED: u64 = 1 << 2;
/// Everything was exported, and the slot must be emptied.
pub(crate) const DONE: u64 = 1 << 3;
/// A record of the flow was acknowledged.
const DELIVERED: u64 = 1 << 4;
/// Bit position of the reason of a last record.
const REASON: u32 = 8;

/// Returns the word that makes the other note valid.
fn exported(word: u64) -> u64 {
    (word ^ SECOND) & SECOND | EXPORTED | word & DELIVERED
}

/// Sums of a flow's records up to one of them, which is included.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Note {
    /// Packets, octets and extra octets of each direction.
    exported: [[u64; 3]; DIRECTIONS],
    sequence: u32,
    interval_start: u32,
    /// Time of the last packet counted in the record, monotonic ns.
    last_seen: u64,
}

impl Note {
    fn new(entry: &ExportState, last_seen: u64) -> Self {
        Self {
            exported: entry
                .exported
                .map(|side| [side.packets, side.octets, side.extra]),
            sequence: entry.sequence,
            interval_start: entry.interval_start.to_bits(),
            last_seen,
        }
    }

    fn entry(&self) -> ExportState {
        ExportState {
            exported: self.exported.map(|[packets, octets, extra]| Exported {
                packets,
                octets,
                extra,
            }),
            sequence: self.sequence,
            interval_start: CoarseTime::from_bits(self.interval_start),
        }
    }
}

/// An earlier process's notes of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SlotNotes {
    /// Counts up to the latest record that was acknowledged or suppressed.
    pub(crate) exported: Watermark,
    /// An unacknowledged record: the export state after its acknowledgement, and the time of its last packet
    /// (monotonic ns).
    pub(crate) unacked: Option<(Watermark, u64)>,
    /// The reason of the last record, if that was made.
    pub(crate) ended: Option<EndReason>,
    /// Everything was exported.
    pub(crate) done: bool,
}

/// A page for each slot.
#[derive(Debug)]
pub(crate) struct Journal {
    pages: Pages<[Note; 2]>,
    /// Counters of the analysis of TCP, if TCP is analysed. The word of the page says which of the two is valid.
    tcp: Option<Mapping<[TcpCounters; 2]>>,
    /// Counts of dropped packets, if they are counted, in the same way.
    drops: Option<Mapping<[DropSums; 2]>>,
}

/// Returns the shape of its map.
pub(crate) fn shape(slots: u32) -> Shape {
    Pages::<[Note; 2]>::shape(slots)
}

/// Creates the map.
pub(crate) fn create(slots: u32) -> io::Result<OwnedFd> {
    Pages::<[Note; 2]>::create(JOURNAL, slots)
}

/// Returns the shape of the map for this many analyses of TCP.
pub(crate) fn tcp_shape(analyses: u32) -> Shape {
    bpf_pin::array_shape(size_of::<[TcpCounters; 2]>(), analyses)
}

/// Creates the map for this many analyses of TCP.
pub(crate) fn create_tcp(analyses: u32) -> io::Result<OwnedFd> {
    bpf_pin::create_array_of::<[TcpCounters; 2]>(TCP_JOURNAL, analyses)
}

/// Returns the shape of the map for this many counts of dropped packets.
pub(crate) fn drop_shape(counts: u32) -> Shape {
    bpf_pin::array_shape(size_of::<[DropSums; 2]>(), counts)
}

/// Creates the map for this many counts of dropped packets.
pub(crate) fn create_drops(counts: u32) -> io::Result<OwnedFd> {
    bpf_pin::create_array_of::<[DropSums; 2]>(DROP_JOURNAL, counts)
}

/// Returns the counters of the note that is valid by this word.
fn by_word<T: Copy>(notes: Option<&Mapping<[T; 2]>>, slot: u32, word: u64) -> Option<*mut T> {
    let two = notes?.at(slot as usize);
    // SAFETY: within the mapping, as the index is below two.
    Some(unsafe { &raw mut (*two)[usize::from(word & SECOND != 0)] })
}

impl Journal {
    /// Opens the journal of this many slots; `tcp` and `drops` are the maps for as many analyses of TCP and counts of dropped packets.
    pub(crate) fn open(
        map: BorrowedFd<'_>,
        slots: u32,
        tcp: Option<BorrowedFd<'_>>,
        drops: Option<BorrowedFd<'_>>,
    ) -> io::Result<Self> {
        Ok(Self {
            pages: Pages::open(map, slots)?,
            tcp: tcp
                .map(|map| Mapping::new(map, slots as usize))
                .transpose()?,
            drops: drops
                .map(|map| Mapping::new(map, slots as usize))
                .transpose()?,
        })
    }

    /// Returns true if a record of this flow is not acknowledged.
    pub(crate) fn is_unacked(&self, slot: u32) -> bool {
        let word = self.pages.word(slot).load(Ordering::Acquire);
        word & UNACKED != 0 || word >> REASON != 0
    }

    /// Writes down the export state after the next record, before that record is delivered. The caller makes sure that
    /// the flow has no [unacknowledged](Self::is_unacked) record.
    pub(crate) fn begin_delivery(&self, slot: u32, then: &Watermark, last_seen: u64) {
        let word = self.write(slot, then, last_seen);
        self.set(slot, word | UNACKED);
        fail_point(FailPoint::Offered);
    }

    /// Writes the invalid note. Returns the present word.
    fn write(&self, slot: u32, then: &Watermark, last_seen: u64) -> u64 {
        let word = self.pages.word(slot).load(Ordering::Acquire);
        let note = self.pages.by(slot, !word);
        let noted = Note::new(&then.state, last_seen);
        if let (Some(place), Some(counters)) = (by_word(self.tcp.as_ref(), slot, !word), then.tcp) {
            // SAFETY: as below.
            unsafe { place.write_volatile(counters) };
        }
        if let (Some(place), Some(sums)) = (by_word(self.drops.as_ref(), slot, !word), then.drops) {
            // SAFETY: as below.
            unsafe { place.write_volatile(sums) };
        }
        // SAFETY: within the mapping; only the capture thread writes, and only the invalid note.
        unsafe {
            (&raw mut (*note).exported).write_volatile(noted.exported);
            fail_point(FailPoint::Noted);
            note.write_volatile(noted);
        }
        word
    }

    /// Writes down the export state after a suppressed record. Returns the word that makes it valid, for
    /// [`set`](Self::set). The caller makes sure that the flow has no [unacknowledged](Self::is_unacked) record.
    pub(crate) fn prepare(&self, slot: u32, then: &Watermark, last_seen: u64) -> u64 {
        exported(self.write(slot, then, last_seen))
    }

    /// Stores a word.
    pub(crate) fn set(&self, slot: u32, word: u64) {
        self.pages.word(slot).store(word, Ordering::Release);
    }

    /// Writes down the reason of the flow's last record, before that record is delivered. Its counters stay in the slot.
    pub(crate) fn begin_last_delivery(&self, slot: u32, reason: EndReason) {
        let word = self.pages.word(slot).load(Ordering::Acquire) & (SECOND | EXPORTED | DELIVERED);
        let reason = u64::from(reason.number()) << REASON;
        self.set(slot, word | reason);
        fail_point(FailPoint::Finished);
    }

    /// Acknowledges this flow's record.
    pub(crate) fn acknowledge(&self, slot: u32) {
        let word = self.pages.word(slot).load(Ordering::Acquire);
        let next = if word >> REASON != 0 {
            DONE
        } else if word & UNACKED != 0 {
            exported(word) | DELIVERED
        } else {
            return;
        };
        self.set(slot, next);
    }

    /// Returns true if a record of the flow in this slot was acknowledged.
    pub(crate) fn is_delivered(&self, slot: u32) -> bool {
        self.pages.word(slot).load(Ordering::Acquire) & DELIVERED != 0
    }

    /// Returns true if everything of the flow in this slot was exported and the slot must be emptied.
    pub(crate) fn is_done(&self, slot: u32) -> bool {
        self.pages.word(slot).load(Ordering::Acquire) & DONE != 0
    }

    /// Returns true if the last record of the flow in this slot was made.
    pub(crate) fn is_finished(&self, slot: u32) -> bool {
        let word = self.pages.word(slot).load(Ordering::Acquire);
        word & DONE != 0 || word >> REASON != 0
    }

    /// Clears the page of an empty slot.
    pub(crate) fn clear(&self, slot: u32) {
        self.set(slot, 0);
    }

    /// Returns the notes of a slot.
    pub(crate) fn recover(&self, slot: u32) -> SlotNotes {
        let word = self.pages.word(slot).load(Ordering::Acquire);
        // SAFETY: within the mapping; every bit pattern is a valid `Note`.
        let [counts, other] =
            [word, !word].map(|number| unsafe { self.pages.by(slot, number).read_volatile() });
        let note = |note: &Note, word| Watermark {
            state: note.entry(),
            // SAFETY: within the mapping; every bit pattern is a valid `TcpCounters`.
            tcp: by_word(self.tcp.as_ref(), slot, word)
                .map(|place| unsafe { place.read_volatile() }),
            // SAFETY: within the mapping; every bit pattern is a valid `DropSums`.
            drops: by_word(self.drops.as_ref(), slot, word)
                .map(|place| unsafe { place.read_volatile() }),
        };
        SlotNotes {
            exported: if word & EXPORTED == 0 {
                Watermark::default()
            } else {
                note(&counts, word)
            },
            unacked: (word & UNACKED != 0).then(|| (note(&other, !word), other.last_seen)),
            ended: EndReason::from_number(u8::try_from(word >> REASON).unwrap_or(0)),
            done: word & DONE != 0,
        }
    }

    /// Overwrites the invalid note with impossible numbers, which [`recover`](Self::recover) must not return.
    #[cfg(test)]
    fn tear(&self, slot: u32) {
        let word = self.pages.word(slot).load(Ordering::Acquire);
        let torn = Note {
            exported: [[u64::MAX; 3]; DIRECTIONS],
            sequence: 77,
            ..Note::default()
        };
        // SAFETY: within the mapping.
        unsafe { self.pages.by(slot, !word).write_volatile(torn) };
    }
}

const _: () = {
    assert!(size_of::<Note>() == 64);
    assert!(Pages::<[Note; 2]>::SIZE == 136);
};

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use mermin_bpf::abi::{drops::Drops, tcp_analysis::TcpAnalysis};

    use super::*;

    fn journal() -> Option<Journal> {
        match create(2) {
            Ok(map) => {
                let tcp = create_tcp(2).unwrap();
                let drops = create_drops(2).unwrap();
                let journal = Journal::open(map.as_fd(), 2, Some(tcp.as_fd()), Some(drops.as_fd()));
                Some(journal.unwrap())
            }
            Err(error) => {
                eprintln!("skipped: {error}");
                assert!(std::env::var_os("MERMIN_REQUIRE_KERNEL").is_none());
                None
            }
        }
    }

    fn entry(number: u64) -> Watermark {
        let side = Exported {
            packets: number,
            octets: 100 * number,
            extra: 3,
        };
        let state = ExportState {
            exported: [side, Exported::default()],
            sequence: u32::try_from(number).unwrap(),
            interval_start: CoarseTime::at(number << 40),
        };
        let mut analysis = TcpAnalysis::default();
        analysis.directions[1].counters.resets = number;
        let mut drops = Drops::default();
        drops.directions[0][0].packets = 2 * number;
        Watermark {
            state,
            tcp: Some(TcpCounters::of(&analysis)),
            drops: Some(DropSums::of(&drops)),
        }
    }

    #[test]
    fn record_counts_as_exported_when_it_is_acknowledged() {
        let Some(journal) = journal() else { return };
        let nothing = journal.recover(1);
        assert_eq!(nothing.exported, Watermark::default());
        assert_eq!(
            (nothing.unacked, nothing.ended, nothing.done),
            (None, None, false)
        );
        for number in 1..5 {
            journal.begin_delivery(1, &entry(number), 9);
            assert!(journal.is_unacked(1));
            let recovered = journal.recover(1);
            assert_eq!(
                recovered.exported,
                if number == 1 {
                    Watermark::default()
                } else {
                    entry(number - 1)
                }
            );
            assert_eq!(recovered.unacked, Some((entry(number), 9)));
            journal.acknowledge(1);
            assert!(!journal.is_unacked(1));
            assert_eq!(journal.recover(1).exported, entry(number));
            assert_eq!(journal.recover(1).unacked, None);
        }
        assert_eq!(journal.recover(0).exported, Watermark::default());
    }

    #[test]
    fn half_written_note_is_ignored() {
        let Some(journal) = journal() else { return };
        journal.tear(0);
        assert_eq!(journal.recover(0).exported, Watermark::default());
        journal.begin_delivery(0, &entry(1), 9);
        journal.acknowledge(0);
        journal.tear(0);
        assert_eq!(journal.recover(0).exported, entry(1));
        assert_eq!(journal.recover(0).unacked, None);
    }

    #[test]
    fn last_record_is_unacked_until_acknowledged_and_clears_its_note() {
        let Some(journal) = journal() else { return };
        journal.begin_delivery(0, &entry(1), 9);
        journal.acknowledge(0);
        journal.begin_last_delivery(0, EndReason::EndOfFlow);
        let recovered = journal.recover(0);
        assert_eq!(
            (recovered.exported, recovered.ended),
            (entry(1), Some(EndReason::EndOfFlow))
        );
        assert!(journal.is_unacked(0) && !journal.is_done(0));
        journal.acknowledge(0);
        assert!(journal.is_done(0) && journal.recover(0).done);
        // A second call changes nothing.
        journal.acknowledge(0);
        assert!(journal.is_done(0));
        journal.clear(0);
        assert_eq!(journal.recover(0).exported, Watermark::default());
    }

    #[test]
    fn delivered_state_survives_suppressed_records() {
        let Some(journal) = journal() else { return };
        let suppress = |number| journal.set(0, journal.prepare(0, &entry(number), 9));
        suppress(1);
        assert!(!journal.is_delivered(0));
        journal.begin_delivery(0, &entry(2), 9);
        assert!(!journal.is_delivered(0));
        journal.acknowledge(0);
        suppress(3);
        assert!(journal.is_delivered(0));
        assert_eq!(journal.recover(0).exported, entry(3));
        journal.begin_last_delivery(0, EndReason::EndOfFlow);
        assert!(journal.is_delivered(0));
        journal.clear(0);
        assert!(!journal.is_delivered(0));
    }
}
