//! The reader of payloads by itself.

use std::sync::Arc;

use crate::{
    flow::Application,
    payload::{FlowPayloads, Section},
};

/// The first octets of a payload.
#[derive(Clone, Copy, Debug)]
pub struct PayloadSection<'a> {
    /// 0 or 1.
    pub direction: u8,
    /// TCP's sequence number.
    pub sequence: u32,
    /// Octets of the payload behind these.
    pub more: u32,
    /// The octets.
    pub octets: &'a [u8],
}

/// Returns the names in the sections of one flow.
pub fn names_in<'a>(
    protocol: u8,
    ports: [u16; 2],
    sections: impl IntoIterator<Item = PayloadSection<'a>>,
) -> Option<Arc<Application>> {
    let mut payloads = FlowPayloads::default();
    for (section, time) in sections.into_iter().zip(0..) {
        let length = u32::try_from(section.octets.len()).unwrap_or(u32::MAX);
        let section = Section {
            direction: section.direction,
            time: Some(time),
            sequence: section.sequence,
            payload: length.saturating_add(section.more),
            octets: section.octets,
        };
        payloads.add(protocol, ports, &section);
    }
    payloads.application().cloned()
}
