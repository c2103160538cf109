//! Sections of payloads: names out of any octets, which are printable and short, and do not depend on what is behind them.

use std::sync::Arc;

use mermin_core::{
    flow::{Application, Dns, Tls},
    lab::{PayloadSection, names_in},
};

use crate::bits::Bits;

/// Sections of a flow at most.
const SECTIONS: usize = 8;
/// Octets of a name: each of 255 as a backslash and three digits, and the dots of labels.
const LONGEST: usize = 4 * 262;

/// An octet for protocol and port, then sections: direction and more octets, sequence number, length, octets.
///
/// # Panics
/// When a promise is broken.
pub fn run(octets: &[u8]) {
    let mut bits = Bits(octets);
    let how = bits.octet();
    let protocol = if how & 1 == 0 { 6 } else { 17 };
    let ports = [50_000, if how & 2 == 0 { 443 } else { 53 }];
    let mut sections = Vec::new();
    while sections.len() < SECTIONS {
        let Some(first) = bits.next() else { break };
        let sequence = bits.word();
        let length = usize::from(bits.octet()) + 1;
        let rest = bits.rest();
        let octets = rest.get(..length).unwrap_or(rest);
        bits = Bits(rest.get(length..).unwrap_or_default());
        sections.push(PayloadSection {
            direction: first & 1,
            sequence: u32::from(sequence),
            more: u32::from(first >> 1),
            octets,
        });
    }
    let names =
        |sections: &[PayloadSection<'_>]| names_in(protocol, ports, sections.iter().copied());
    let whole = names(&sections);
    if let Some(found) = &whole {
        printable(found);
    }
    // A section less gives no name that is not there with it, and of one section neither does an octet less.
    for fewer in 0..sections.len() {
        kept(names(&sections[..fewer]).as_deref(), whole.as_deref());
    }
    if let [section, ..] = *sections
        && !section.octets.is_empty()
    {
        let whole = names(&[section]);
        let cut = PayloadSection {
            octets: &section.octets[..section.octets.len() - 1],
            more: section.more + 1,
            ..section
        };
        let cut = names(&[cut]);
        // Without its tag a packet of QUIC is known by what it holds alone.
        if protocol == 6 {
            kept(cut.as_deref(), whole.as_deref());
        }
    }
}

fn printable(found: &Application) {
    let check = |text: &Arc<str>| {
        assert!(text.len() <= LONGEST, "{} octets", text.len());
        assert!(text.bytes().all(|octet| octet.is_ascii_graphic()), "{text}");
    };
    if let Some(Tls {
        server_name, alpn, ..
    }) = &found.tls
    {
        server_name.iter().chain(alpn.iter()).for_each(check);
    }
    if let Some(Dns { question, .. }) = &found.dns {
        check(question);
    }
    found.http_host.iter().for_each(check);
}

/// A name that was found before is found again.
fn kept(before: Option<&Application>, now: Option<&Application>) {
    let Some(before) = before else { return };
    assert!(now.is_some(), "{before:?} is gone");
    let Some(now) = now else { return };
    let name = |found: &Application| found.tls.as_ref().and_then(|tls| tls.server_name.clone());
    if let Some(before) = name(before) {
        assert_eq!(name(now), Some(before));
    }
    if let Some(before) = &before.dns {
        assert_eq!(
            now.dns.as_ref().map(|dns| &dns.question),
            Some(&before.question)
        );
    }
    if let Some(before) = &before.http_host {
        assert_eq!(now.http_host.as_ref(), Some(before));
    }
    if let Some(before) = before.quic_version {
        assert_eq!(now.quic_version, Some(before));
    }
}
