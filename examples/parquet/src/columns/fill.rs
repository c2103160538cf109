//! Reads the values of one column from flows. Each column has a loop of its own, so the compiler can inline its
//! getter.

use std::{
    net::IpAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use mermin_core::{Flow, flow::Value};

use super::Kind;
use crate::layout::{
    Chunk, Ids, Keys, Laid, Lists, Narrow, Octets, Plain, Scalars, Show, Shown, Signed, Sparse,
    TextLists, Texts, Times, Wide, Word, Words,
};

/// A column of a row group while it is filled.
pub(crate) trait Fill: Send {
    /// Adds a value, or none, for each flow.
    fn add(&mut self, flows: &[Flow]);

    /// Adds none for each of these flows.
    fn skip(&mut self, flows: &[Flow]);

    /// Returns the chunk, see [`Laid::finish`].
    fn finish(&mut self, always: bool) -> Chunk;
}

/// Values, and the function that reads them from flows.
struct Filled<L, F> {
    values: L,
    add: F,
}

impl<L: Sparse, F: Fn(&[Flow], &mut L) + Send> Fill for Filled<L, F> {
    fn add(&mut self, flows: &[Flow]) {
        (self.add)(flows, &mut self.values);
    }

    fn skip(&mut self, flows: &[Flow]) {
        self.values.skip(flows.len());
    }

    fn finish(&mut self, always: bool) -> Chunk {
        self.values.finish(always)
    }
}

/// The same of a column that has a value in every row.
struct Every<L, F>(Filled<L, F>);

impl<L: Laid, F: Fn(&[Flow], &mut L) + Send> Fill for Every<L, F> {
    fn add(&mut self, flows: &[Flow]) {
        (self.0.add)(flows, &mut self.0.values);
    }

    fn skip(&mut self, flows: &[Flow]) {
        self.add(flows);
    }

    fn finish(&mut self, always: bool) -> Chunk {
        self.0.values.finish(always)
    }
}

pub(super) type Filler = Box<dyn Fill>;

fn filled<L: Sparse + 'static>(
    values: L,
    add: impl Fn(&[Flow], &mut L) + Send + 'static,
) -> Filler {
    Box::new(Filled { values, add })
}

fn every<L: Laid + 'static>(values: L, add: impl Fn(&[Flow], &mut L) + Send + 'static) -> Filler {
    Box::new(Every(Filled { values, add }))
}

fn scalars<S: Show>(show: S, get: impl Fn(&Flow) -> Option<S::Key> + Send + 'static) -> Filler {
    filled(Scalars::new(show), move |flows, into| into.add(flows, &get))
}

pub(super) fn narrow<T: Into<u32>>(get: impl Fn(&Flow) -> Option<T> + Send + 'static) -> Filler {
    scalars(Narrow, move |flow| {
        get(flow).map(|number| number.into().into())
    })
}

pub(super) fn wide(get: impl Fn(&Flow) -> Option<u64> + Send + 'static) -> Filler {
    scalars(Wide, get)
}

pub(super) fn signed(get: impl Fn(&Flow) -> Option<u64> + Send + 'static) -> Filler {
    scalars(Signed, get)
}

pub(super) fn time(get: impl Fn(&Flow) -> Option<SystemTime> + Send + 'static) -> Filler {
    filled(Times::default(), move |flows, into| {
        into.add(flows, |flow| get(flow).map(microseconds));
    })
}

/// Returns microseconds since 1970, rounded down and limited to 292,000 years.
pub(crate) fn microseconds(time: SystemTime) -> i64 {
    // Seconds and fraction separately, because `as_micros` multiplies 128-bit numbers.
    let micros = |time: Duration| {
        let whole = i64::try_from(time.as_secs()).ok()?.checked_mul(1_000_000)?;
        whole.checked_add(time.subsec_micros().into())
    };
    let micros = |time| micros(time).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => micros(after),
        Err(before) => -micros(before.duration().saturating_add(Duration::from_nanos(999))),
    }
}

pub(super) fn words(get: impl Fn(&Flow) -> Option<&'static str> + Send + 'static) -> Filler {
    scalars(Words, move |flow| get(flow).map(Word))
}

/// Creates a column of texts formatted from numbers.
pub(super) fn shown(
    show: fn(u64, &mut Vec<u8>),
    get: impl Fn(&Flow) -> Option<u64> + Send + 'static,
) -> Filler {
    scalars(Shown(show), get)
}

pub(super) fn address_texts(get: impl Fn(&Flow) -> Option<IpAddr> + Send + 'static) -> Filler {
    use std::io::Write as _;

    let show = Shown(|address: IpAddr, text: &mut Vec<u8>| {
        // Writing to memory does not fail.
        let _ = write!(text, "{address}");
    });
    scalars(show, get)
}

pub(super) fn addresses(get: impl Fn(&Flow) -> Option<IpAddr> + Send + 'static) -> Filler {
    scalars(Octets, get)
}

pub(super) fn texts(write: impl Fn(&Flow, &mut Vec<u8>) -> bool + Send + 'static) -> Filler {
    filled(Texts::default(), move |flows, into| into.add(flows, &write))
}

/// Creates a column of distinct texts, one in every row.
pub(super) fn plain(write: impl Fn(&Flow, &mut Vec<u8>) + Send + 'static) -> Filler {
    every(Plain::default(), move |flows, into| into.add(flows, &write))
}

pub(super) fn ids() -> Filler {
    every(Ids::default(), |flows, into| into.add(flows))
}

pub(super) fn word_lists<I: Iterator<Item = &'static str>>(
    get: impl Fn(&Flow) -> Option<I> + Send + 'static,
) -> Filler {
    filled(Lists::<Keys<Words>>::default(), move |flows, into| {
        for flow in flows {
            into.keys(get(flow).map(|words| words.map(Word)));
        }
    })
}

pub(super) fn number_lists<I: IntoIterator<Item = u64>>(
    get: impl Fn(&Flow) -> Option<I> + Send + 'static,
) -> Filler {
    filled(Lists::<Keys<Wide>>::default(), move |flows, into| {
        for flow in flows {
            into.keys(get(flow));
        }
    })
}

pub(super) fn text_lists(get: impl Fn(&Flow) -> Option<Vec<&str>> + Send + 'static) -> Filler {
    filled(TextLists::default(), move |flows, into| {
        for flow in flows {
            into.texts(get(flow));
        }
    })
}

/// Creates a column of an attribute without a getter here; it is searched among all attributes of a flow.
pub(super) fn attribute(name: &'static str, kind: Kind, community_id_seed: u16) -> Filler {
    let find = find(name, community_id_seed);
    match kind {
        Kind::Time => time(move |flow| match find(flow)? {
            Value::Time(time) => Some(time),
            _ => None,
        }),
        Kind::Numbers => number_lists(move |flow| match find(flow)? {
            Value::Numbers(numbers) => Some(numbers.collect::<Vec<_>>()),
            _ => None,
        }),
        Kind::Texts => filled(TextLists::default(), move |flows, into| {
            for flow in flows {
                into.texts(match find(flow) {
                    Some(Value::Texts(texts)) => Some(texts),
                    _ => None,
                });
            }
        }),
        Kind::Text => texts(move |flow, text| {
            let Some(Value::Text(found)) = find(flow) else {
                return false;
            };
            text.extend_from_slice(found.as_bytes());
            true
        }),
        _ => wide(move |flow| match find(flow)? {
            Value::Number(number) => Some(number),
            _ => None,
        }),
    }
}

fn find(name: &'static str, community_id_seed: u16) -> impl Fn(&Flow) -> Option<Value<'_>> {
    move |flow| {
        let mut all = flow.attributes().community_id_seed(community_id_seed);
        all.find(|(found, _)| *found == name).map(|found| found.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_down_to_the_unit() {
        let at = |seconds, nanos| UNIX_EPOCH + Duration::new(seconds, nanos);
        assert_eq!(microseconds(at(1, 1_999)), 1_000_001);
        assert_eq!(microseconds(UNIX_EPOCH), 0);
        assert_eq!(microseconds(UNIX_EPOCH - Duration::from_nanos(1)), -1);
        assert_eq!(microseconds(UNIX_EPOCH - Duration::from_micros(3)), -3);
    }
}
