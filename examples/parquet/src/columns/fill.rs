//! From flows to the values of one column. Each has a loop of its own, so that what it reads is compiled into it.

use std::{
    net::IpAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use mermin_core::Flow;
use parquet::data_type::{ByteArray, FixedLenByteArray};

use super::{Gathered, Lists, Texts};

type Filler<T> = Box<dyn Fn(&[Flow], &mut T) + Send>;

/// How a column is filled.
pub(crate) enum Fill {
    Narrow(Filler<Gathered<i32>>),
    Wide(Filler<Gathered<i64>>),
    Words(Filler<Gathered<ByteArray>>),
    Texts(Filler<Texts>),
    Addresses(Filler<Gathered<FixedLenByteArray>>),
    WordLists(Filler<Lists<ByteArray>>),
    NumberLists(Filler<Lists<i64>>),
    /// By [`Flow::attributes`], which gives every attribute there is: for those that nothing here reads by itself.
    Attribute,
}

pub(super) fn narrow<T: Into<u32>>(get: impl Fn(&Flow) -> Option<T> + Send + 'static) -> Fill {
    Fill::Narrow(Box::new(move |flows, into| {
        for flow in flows {
            into.push(get(flow).map(|number| number.into().cast_signed()));
        }
    }))
}

pub(super) fn wide(get: impl Fn(&Flow) -> Option<u64> + Send + 'static) -> Fill {
    Fill::Wide(Box::new(move |flows, into| {
        for flow in flows {
            into.push(get(flow).map(u64::cast_signed));
        }
    }))
}

pub(super) fn time(get: impl Fn(&Flow) -> Option<SystemTime> + Send + 'static) -> Fill {
    Fill::Wide(Box::new(move |flows, into| {
        for flow in flows {
            into.push(get(flow).map(microseconds));
        }
    }))
}

/// Since 1970, rounded down; what lies beyond 292,000 years is cut to that.
pub(crate) fn microseconds(time: SystemTime) -> i64 {
    let micros = |time: Duration| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => micros(after),
        Err(before) => -micros(before.duration().saturating_add(Duration::from_nanos(999))),
    }
}

pub(super) fn words(get: impl Fn(&Flow) -> Option<&'static str> + Send + 'static) -> Fill {
    Fill::Words(Box::new(move |flows, into| {
        for flow in flows {
            into.push(get(flow).map(word));
        }
    }))
}

fn word(text: &'static str) -> ByteArray {
    ByteArray::from(bytes::Bytes::from_static(text.as_bytes()))
}

pub(super) fn texts(write: impl Fn(&Flow, &mut Vec<u8>) -> bool + Send + 'static) -> Fill {
    Fill::Texts(Box::new(move |flows, into| {
        for flow in flows {
            into.push(|text| write(flow, text));
        }
    }))
}

/// 16 octets; those of an IPv4 address are `::ffff:a.b.c.d`, so that all are compared alike.
pub(super) fn addresses(get: impl Fn(&Flow) -> Option<IpAddr> + Send + 'static) -> Fill {
    Fill::Addresses(Box::new(move |flows, into| {
        let mut all = Vec::with_capacity(16 * flows.len());
        for flow in flows {
            let address = get(flow);
            all.extend(address.map(octets).into_iter().flatten());
            into.present.push(address.is_some().into());
        }
        let all = bytes::Bytes::from(all);
        for start in (0..all.len()).step_by(16) {
            let one = ByteArray::from(all.slice(start..start + 16));
            into.values.push(FixedLenByteArray::from(one));
        }
    }))
}

pub(crate) fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

pub(super) fn word_lists<I: Iterator<Item = &'static str>>(
    get: impl Fn(&Flow) -> Option<I> + Send + 'static,
) -> Fill {
    Fill::WordLists(Box::new(move |flows, into| {
        for flow in flows {
            into.push(get(flow).map(|words| words.map(word)));
        }
    }))
}

pub(super) fn number_lists(get: impl Fn(&Flow) -> Option<&[u16]> + Send + 'static) -> Fill {
    Fill::NumberLists(Box::new(move |flows, into| {
        for flow in flows {
            into.push(get(flow).map(|numbers| numbers.iter().copied().map(i64::from)));
        }
    }))
}

pub(super) fn text_lists(get: impl Fn(&Flow) -> Option<Vec<&str>> + Send + 'static) -> Fill {
    Fill::WordLists(Box::new(move |flows, into| {
        for flow in flows {
            let own = |text: &str| ByteArray::from(text.as_bytes().to_vec());
            into.push(get(flow).map(|texts| texts.into_iter().map(own)));
        }
    }))
}

pub(super) fn wide_lists(get: impl Fn(&Flow) -> Option<Vec<u64>> + Send + 'static) -> Fill {
    Fill::NumberLists(Box::new(move |flows, into| {
        for flow in flows {
            into.push(get(flow).map(|numbers| numbers.into_iter().map(u64::cast_signed)));
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_down() {
        let at = |seconds, nanos| UNIX_EPOCH + Duration::new(seconds, nanos);
        assert_eq!(microseconds(at(1, 1_999)), 1_000_001);
        assert_eq!(microseconds(UNIX_EPOCH), 0);
        assert_eq!(microseconds(UNIX_EPOCH - Duration::from_nanos(1)), -1);
        assert_eq!(microseconds(UNIX_EPOCH - Duration::from_micros(3)), -3);
    }
}
