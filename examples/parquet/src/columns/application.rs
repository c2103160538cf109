//! Columns of the names that payloads hold.

use std::io::Write as _;

use mermin_core::{
    Flow,
    flow::{Application, Dns, Tls},
};

use super::{
    fill::text_lists,
    kind::Kind,
    way::{Way, named, text, timed, written},
};

pub(super) fn of_application(name: &str) -> Option<Way> {
    Some(match name {
        "tls.client.server_name" => text(|flow| tls(flow)?.server_name.as_deref()),
        "tls.alpn" => Way::new(Kind::Texts, text_lists(protocols)),
        "dns.question.name" => text(|flow| Some(&*dns(flow)?.question)),
        "dns.question.type" => written(|flow, text| {
            let name = dns(flow).map(Dns::type_name);
            text.extend_from_slice(name.as_deref().unwrap_or_default().as_bytes());
            name.is_some()
        }),
        "dns.response_code" => named(|flow| dns(flow)?.response_code_name()),
        "dns.latency" => timed(|flow| dns(flow)?.latency),
        "http.host" => text(|flow| application(flow)?.http_host.as_deref()),
        "quic.version" => written(|flow, text| {
            let version = application(flow).and_then(|it| it.quic_version);
            // Memory takes all of it.
            version.is_some_and(|version| write!(text, "{version}").is_ok())
        }),
        _ => return None,
    })
}

fn application(flow: &Flow) -> Option<&Application> {
    flow.application.as_deref()
}

fn tls(flow: &Flow) -> Option<&Tls> {
    application(flow)?.tls.as_ref()
}

fn dns(flow: &Flow) -> Option<&Dns> {
    application(flow)?.dns.as_ref()
}

fn protocols(flow: &Flow) -> Option<Vec<&str>> {
    let alpn = &tls(flow)?.alpn;
    (!alpn.is_empty()).then(|| alpn.iter().map(|name| &**name).collect())
}
