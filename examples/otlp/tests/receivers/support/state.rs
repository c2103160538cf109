//! A receiver's requests, and its answers to come.

use std::{collections::VecDeque, time::Duration};

use ::http::HeaderMap;
use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    logs::v1::LogRecord,
    trace::v1::Span,
};

use crate::decoded::{check_resource, key};

/// Reply to a request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// It is taken.
    Accept,
    /// It is taken, but for so many.
    Partial(i64),
    /// It is taken, and HTTP 503 answers.
    Lost,
    /// It is read, and never answered.
    Silence,
    /// It is refused with a status of gRPC, and the delay of a `RetryInfo`.
    Status(tonic::Code, &'static str, Option<i64>),
    /// It is answered by HTTP: a status, headers and a body.
    Http(u16, Vec<(&'static str, String)>, &'static [u8]),
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) traces: Vec<ExportTraceServiceRequest>,
    pub(crate) logs: Vec<ExportLogsServiceRequest>,
    pub(crate) metrics: Vec<ExportMetricsServiceRequest>,
    /// Headers of each request, also of those that were not taken.
    pub(crate) headers: Vec<HeaderMap>,
    pub(crate) paths: Vec<String>,
    pub(crate) replies: VecDeque<Reply>,
    /// Octets of a message at most.
    pub(crate) most: Option<usize>,
    /// How long each answer takes.
    pub(crate) pause: Duration,
    /// Connections so far.
    pub(crate) connections: usize,
    /// It closes each connection after its first answer; HTTP/2 has GOAWAY for that.
    pub(crate) once: bool,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<super::certificates::Server>,
}

impl State {
    pub(crate) fn spans(&self) -> Vec<Span> {
        let parts = self
            .traces
            .iter()
            .flat_map(|request| &request.resource_spans);
        let scopes = parts.flat_map(|part| {
            check_resource(part.resource.as_ref());
            &part.scope_spans
        });
        let spans = scopes.flat_map(|scope| {
            assert_eq!(scope.scope.as_ref().unwrap().name, "mermin");
            &scope.spans
        });
        spans.cloned().collect()
    }

    pub(crate) fn records(&self) -> Vec<LogRecord> {
        let parts = self.logs.iter().flat_map(|request| &request.resource_logs);
        let scopes = parts.flat_map(|part| {
            check_resource(part.resource.as_ref());
            &part.scope_logs
        });
        scopes.flat_map(|scope| scope.log_records.clone()).collect()
    }

    /// Keys of all spans, in their order.
    pub(crate) fn keys(&self) -> Vec<(String, u64)> {
        let spans = self.spans();
        spans.iter().map(|span| key(&span.attributes)).collect()
    }

    /// The next reply, unless all are accepted.
    pub(crate) fn reply(&mut self, octets: Option<usize>) -> Reply {
        if let (Some(most), Some(octets)) = (self.most, octets)
            && octets > most
        {
            return Reply::Http(413, Vec::new(), b"");
        }
        self.replies.pop_front().unwrap_or(Reply::Accept)
    }
}
