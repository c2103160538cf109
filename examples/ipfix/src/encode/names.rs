//! Fields of the names that payloads hold.

use mermin_core::{
    Flow,
    flow::{Application, Dns},
};

/// The names that a record has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::struct_excessive_bools, reason = "each is a name of its own")]
pub(crate) struct Names {
    /// A protocol was recognised.
    pub(crate) application: bool,
    pub(crate) http_host: bool,
    pub(crate) server: bool,
    pub(crate) question: bool,
    pub(crate) response: bool,
}

impl Names {
    pub(crate) fn of(flow: &Flow) -> Self {
        if flow.application.is_none() {
            return Self::default();
        }
        Self {
            application: application_name(flow).is_some(),
            http_host: http_host(flow).is_some(),
            server: server_name(flow).is_some(),
            question: dns(flow).is_some(),
            response: response_code(flow).is_some(),
        }
    }
}

fn application(flow: &Flow) -> Option<&Application> {
    flow.application.as_deref()
}

/// Returns the protocol that payloads show, for `applicationName`.
pub(crate) fn application_name(flow: &Flow) -> Option<&'static str> {
    let found = application(flow)?;
    [
        (found.quic_version.is_some(), "quic"),
        (found.tls.is_some(), "tls"),
        (found.dns.is_some(), "dns"),
        (found.http_host.is_some(), "http"),
    ]
    .into_iter()
    .find_map(|(is_it, name)| is_it.then_some(name))
}

pub(crate) fn http_host(flow: &Flow) -> Option<&str> {
    application(flow)?.http_host.as_deref()
}

pub(crate) fn server_name(flow: &Flow) -> Option<&str> {
    application(flow)?.tls.as_ref()?.server_name.as_deref()
}

pub(crate) fn dns(flow: &Flow) -> Option<&Dns> {
    application(flow)?.dns.as_ref()
}

pub(crate) fn response_code(flow: &Flow) -> Option<u8> {
    dns(flow)?.response_code
}

/// Returns the octets of a text with its length before it.
pub(crate) fn text_length(text: &str) -> usize {
    let prefix = if text.len() < LONG { 1 } else { 3 };
    prefix + text.len()
}

/// Length at which a text has three octets before it (RFC 7011 section 7).
const LONG: usize = 255;

/// Writes a text of variable length. A flow has no text of 65,536 octets or more.
pub(crate) fn put_text(text: &str, out: &mut Vec<u8>) {
    match u8::try_from(text.len()) {
        Ok(length) if usize::from(length) < LONG => out.push(length),
        _ => {
            out.push(u8::MAX);
            let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
            out.extend_from_slice(&length.to_be_bytes());
        }
    }
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_255_octets_have_a_long_length() {
        for (length, head) in [
            (0, [0].as_slice()),
            (254, &[254]),
            (255, &[255, 0, 255]),
            (300, &[255, 1, 44]),
        ] {
            let text = "x".repeat(length);
            let mut out = Vec::new();
            put_text(&text, &mut out);
            assert_eq!(out.len(), text_length(&text));
            assert_eq!(out[..head.len()], *head);
            assert_eq!(out.len(), head.len() + length);
        }
    }
}
