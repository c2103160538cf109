//! How one attribute becomes a column: its type, its layout, and how it is read from a flow.

use std::io::Write as _;

use mermin_core::{
    Flow,
    flow::{Endpoint, Protocol},
};

use super::{
    fill::{Fill, narrow, texts, wide, words},
    kind::{Kind, Layout},
};

/// How an attribute is written.
pub(super) struct Way {
    pub(super) kind: Kind,
    pub(super) layout: Layout,
    pub(super) always: bool,
    pub(super) fill: Fill,
}

impl Way {
    pub(super) fn always(mut self) -> Self {
        self.always = true;
        self
    }

    pub(super) fn layout(mut self, layout: Layout) -> Self {
        self.layout = layout;
        self
    }
}

pub(super) fn small<T: Into<u32>>(
    bits: u8,
    get: impl Fn(&Flow) -> Option<T> + Send + 'static,
) -> Way {
    Way {
        kind: Kind::Unsigned(bits),
        layout: Layout::Dictionary,
        always: false,
        fill: narrow(get),
    }
}

pub(super) fn counted(get: impl Fn(&Flow) -> Option<u64> + Send + 'static) -> Way {
    Way {
        kind: Kind::Unsigned(64),
        layout: Layout::Dictionary,
        always: false,
        fill: wide(get),
    }
}

pub(super) fn named(get: impl Fn(&Flow) -> Option<&'static str> + Send + 'static) -> Way {
    Way {
        kind: Kind::Text,
        layout: Layout::Dictionary,
        always: false,
        fill: words(get),
    }
}

pub(super) fn written(write: impl Fn(&Flow, &mut Vec<u8>) -> bool + Send + 'static) -> Way {
    Way {
        kind: Kind::Text,
        layout: Layout::Dictionary,
        always: false,
        fill: texts(write),
    }
}

pub(super) fn address(get: impl Fn(&Flow) -> Option<&Endpoint> + Send + 'static) -> Way {
    written(move |flow, text| {
        get(flow).is_some_and(|side| write!(text, "{}", side.address).is_ok())
    })
}

pub(super) fn transport(get: impl Fn(&Flow) -> Option<Protocol> + Send + 'static) -> Way {
    written(move |flow, text| {
        let Some(protocol) = get(flow) else {
            return false;
        };
        match protocol.keyword() {
            Some(keyword) => text.extend_from_slice(keyword.as_bytes()),
            None => return write!(text, "{protocol}").is_ok(),
        }
        true
    })
}

pub(super) const fn version(side: &Endpoint) -> &'static str {
    if side.address.is_ipv4() {
        "ipv4"
    } else {
        "ipv6"
    }
}
