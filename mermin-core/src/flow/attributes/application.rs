//! Names from payloads.

use std::fmt::Write as _;

use super::{name::name, render::Short, visitor::Visit};
use crate::flow::{Application, Dns, Flow, Tls};

/// Gives what a flow's payloads name.
pub(super) fn give<'a>(visit: &mut impl Visit<'a>, flow: &'a Flow) {
    let Some(application) = flow.application.as_deref() else {
        return;
    };
    let Application {
        tls,
        dns,
        http_host,
        quic_version,
    } = application;
    if let Some(tls) = tls {
        hello(visit, tls);
    }
    if let Some(dns) = dns {
        question(visit, dns);
    }
    if let Some(host) = http_host {
        visit.text(name!("http.host"), host);
    }
    if let Some(version) = quic_version {
        visit.short(name!("quic.version"), written(*version));
    }
}

fn hello<'a>(visit: &mut impl Visit<'a>, tls: &'a Tls) {
    if let Some(server_name) = &tls.server_name {
        visit.text(name!("tls.client.server_name"), server_name);
    }
    if !tls.alpn.is_empty() {
        visit.texts(name!("tls.alpn"), (&*tls.alpn).into());
    }
}

fn question<'a>(visit: &mut impl Visit<'a>, dns: &'a Dns) {
    visit.text(name!("dns.question.name"), &dns.question);
    match dns.type_keyword() {
        Some(keyword) => visit.word(name!("dns.question.type"), keyword),
        None => visit.short(name!("dns.question.type"), written(dns.type_name())),
    }
    if let Some(code) = dns.response_code_name() {
        visit.word(name!("dns.response_code"), code);
    }
    if let Some(latency) = dns.latency {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        visit.number(name!("dns.latency"), nanos);
    }
}

/// A text of a few letters.
fn written(shown: impl std::fmt::Display) -> Short {
    let mut text = Short::empty();
    // The longest has eleven.
    let _ = write!(text, "{shown}");
    text
}
