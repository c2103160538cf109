//! Converts one attribute to a column: its type and its getter.

// Writing to memory does not fail.
use std::{io::Write as _, time::Duration};

use mermin_core::{
    Flow,
    flow::{Endpoint, MacAddress, Protocol},
};

use super::{
    fill::{Filler, address_texts, narrow, shown, texts, wide, words},
    kind::Kind,
    part::Part,
};

/// The conversion of an attribute.
pub(super) struct Way {
    pub(super) kind: Kind,
    pub(super) always: bool,
    /// The part of a record without which it has no value.
    pub(super) part: Part,
    pub(super) fill: Filler,
}

impl Way {
    pub(super) fn new(kind: Kind, fill: Filler) -> Self {
        Self {
            kind,
            always: false,
            part: Part::Whole,
            fill,
        }
    }

    pub(super) fn always(mut self) -> Self {
        self.always = true;
        self
    }

    pub(super) fn part(mut self, part: Part) -> Self {
        self.part = part;
        self
    }
}

pub(super) fn small<T: Into<u32>>(
    bits: u8,
    get: impl Fn(&Flow) -> Option<T> + Send + 'static,
) -> Way {
    Way::new(Kind::Unsigned(bits), narrow(get))
}

pub(super) fn counted(get: impl Fn(&Flow) -> Option<u64> + Send + 'static) -> Way {
    Way::new(Kind::Unsigned(64), wide(get))
}

/// Creates a column of nanoseconds. A time of 585 years or more is absent.
pub(super) fn timed(get: impl Fn(&Flow) -> Option<Duration> + Send + 'static) -> Way {
    counted(move |flow| nanoseconds(get(flow)?))
}

/// Returns nanoseconds. `None` if 64 bits do not suffice.
pub(super) fn nanoseconds(time: Duration) -> Option<u64> {
    u64::try_from(time.as_nanos()).ok()
}

pub(super) fn named(get: impl Fn(&Flow) -> Option<&'static str> + Send + 'static) -> Way {
    Way::new(Kind::Text, words(get))
}

pub(super) fn written(write: impl Fn(&Flow, &mut Vec<u8>) -> bool + Send + 'static) -> Way {
    Way::new(Kind::Text, texts(write))
}

/// Creates a column of texts that a flow has as such.
pub(super) fn text(get: impl Fn(&Flow) -> Option<&str> + Send + 'static) -> Way {
    written(move |flow, text| {
        let found = get(flow);
        text.extend_from_slice(found.unwrap_or_default().as_bytes());
        found.is_some()
    })
}

pub(super) fn address(get: impl Fn(&Flow) -> Option<&Endpoint> + Send + 'static) -> Way {
    let fill = address_texts(move |flow| get(flow).map(|side| side.address));
    Way::new(Kind::Text, fill)
}

/// Creates a column of texts from the `Display` of a value.
pub(super) fn displayed(
    show: fn(u64, &mut Vec<u8>),
    get: impl Fn(&Flow) -> Option<u64> + Send + 'static,
) -> Way {
    Way::new(Kind::Text, shown(show, get))
}

pub(super) fn mac(get: impl Fn(&Flow) -> Option<MacAddress> + Send + 'static) -> Way {
    let show = |bits: u64, text: &mut Vec<u8>| {
        let [_, _, octets @ ..] = bits.to_be_bytes();
        let _ = write!(text, "{}", MacAddress(octets));
    };
    displayed(show, move |flow| {
        let octets = get(flow)?.0;
        Some(
            octets
                .iter()
                .fold(0, |bits, octet| bits << 8 | u64::from(*octet)),
        )
    })
}

pub(super) fn transport(get: impl Fn(&Flow) -> Option<Protocol> + Send + 'static) -> Way {
    let show = |number: u64, text: &mut Vec<u8>| {
        let _ = write!(text, "{}", Protocol(number.to_le_bytes()[0]));
    };
    displayed(show, move |flow| get(flow).map(|it| it.0.into()))
}

pub(super) const fn version(side: &Endpoint) -> &'static str {
    if side.address.is_ipv4() {
        "ipv4"
    } else {
        "ipv6"
    }
}
