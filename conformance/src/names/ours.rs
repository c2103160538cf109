//! Names in this project's records.

use std::{collections::BTreeSet, path::Path, time::Duration};

use futures::{StreamExt as _, executor::block_on};
use mermin_core::{
    FlowSource,
    flow::{Application, Endpoint},
    lab::{Fault, with_fault},
};

use super::Values;
use crate::conversation::Conversation;

/// Longer than any capture.
const LONG: Duration = Duration::from_secs(1 << 31);

/// Names, and the conversations that there are.
#[derive(Debug, Default)]
pub(super) struct Ours {
    pub(super) values: Values,
    pub(super) conversations: BTreeSet<Conversation>,
    pub(super) cut: u64,
    pub(super) malformed: u64,
}

/// Returns the names that a source finds when it reads the capture, one record for each flow.
pub(super) fn ours(path: &Path, octets: usize) -> Ours {
    let builder = FlowSource::builder()
        .pcap(path)
        .names(true)
        .active_timeout(LONG)
        .tcp_timeout(LONG)
        .udp_timeout(LONG)
        .tcp_fin_timeout(LONG)
        .tcp_half_closed_timeout(LONG)
        .tcp_rst_timeout(LONG);
    let builder = with_fault(builder, Fault::PayloadOctets(octets));
    let mut ours = Ours::default();
    block_on(async {
        let Ok(mut source) = builder.open().await else {
            return ours;
        };
        // A capture that is broken has flows up to there.
        while let Some(Ok(flow)) = source.next().await {
            let end = |end: &Endpoint| (end.address, end.port.unwrap_or(0));
            let conversation =
                Conversation::new(end(&flow.source), end(&flow.destination), flow.protocol.0);
            ours.conversations.insert(conversation);
            if let Some(application) = &flow.application {
                add(&mut ours.values, conversation, application);
            }
        }
        let payloads = source.handle().stats().payloads;
        (ours.cut, ours.malformed) = (payloads.cut, payloads.malformed);
        ours
    })
}

fn add(values: &mut Values, conversation: Conversation, application: &Application) {
    let mut put = |field, value: String| {
        values
            .entry(field)
            .or_default()
            .insert((conversation, value));
    };
    if let Some(tls) = &application.tls {
        if let Some(name) = &tls.server_name {
            put("tls.client.server_name", name.to_string());
        }
        if !tls.alpn.is_empty() {
            put("tls.alpn", tls.alpn.join(","));
        }
    }
    if let Some(dns) = &application.dns {
        put("dns.question.name", dns.question.to_string());
        put("dns.question.type", dns.question_type.to_string());
        if let Some(code) = dns.response_code {
            put("dns.response_code", code.to_string());
        }
    }
    if let Some(host) = &application.http_host {
        put("http.host", host.to_string());
    }
    if let Some(version) = application.quic_version {
        put("quic.version", format!("{:#010x}", version.0));
    }
}
