//! gRPC by tonic and the service that opentelemetry-proto generates.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use hyper::body::Incoming;
use opentelemetry_proto::tonic::collector::{
    logs::v1::{
        ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
        logs_service_server::{LogsService, LogsServiceServer},
    },
    metrics::v1::{
        ExportMetricsServiceRequest, ExportMetricsServiceResponse,
        metrics_service_server::{MetricsService, MetricsServiceServer},
    },
    trace::v1::{
        ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
};
use prost::encoding;
use tonic::{
    Request, Response, Status, body::Body, codec::CompressionEncoding, codegen::Service as _,
};

use super::{Reply, State};

#[derive(Clone)]
struct Service(Arc<Mutex<State>>);

impl Service {
    /// Takes or refuses a request; gives how many items of it are refused.
    async fn decide<T>(&self, request: &Request<T>) -> Result<i64, Status> {
        let (reply, pause) = {
            let mut state = self.0.lock().unwrap();
            state
                .headers
                .push(request.metadata().clone().into_headers());
            (state.reply(None), state.pause)
        };
        tokio::time::sleep(pause).await;
        match reply {
            Reply::Accept => Ok(0),
            Reply::Partial(rejected) => Ok(rejected),
            Reply::Silence => std::future::pending().await,
            Reply::Status(code, words, delay) => {
                let details = delay.map(retry_info).unwrap_or_default();
                Err(Status::with_details(code, words, details.into()))
            }
            Reply::Http(..) | Reply::Lost => panic!("gRPC answers by its own status"),
        }
    }
}

/// A `google.rpc.Status` with a `RetryInfo` of so many seconds.
fn retry_info(seconds: i64) -> Vec<u8> {
    let [mut duration, mut info, mut any, mut status] = [const { Vec::new() }; 4];
    encoding::int64::encode(1, &seconds, &mut duration);
    encoding::bytes::encode(1, &duration, &mut info);
    let kind = "type.googleapis.com/google.rpc.RetryInfo".to_owned();
    encoding::string::encode(1, &kind, &mut any);
    encoding::bytes::encode(2, &info, &mut any);
    encoding::bytes::encode(3, &any, &mut status);
    status
}

#[tonic::async_trait]
impl TraceService for Service {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let rejected = self.decide(&request).await?;
        self.0.lock().unwrap().traces.push(request.into_inner());
        let partial = ExportTracePartialSuccess {
            rejected_spans: rejected,
            error_message: "too old".to_owned(),
        };
        Ok(Response::new(ExportTraceServiceResponse {
            partial_success: (rejected != 0).then_some(partial),
        }))
    }
}

#[tonic::async_trait]
impl LogsService for Service {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        let rejected = self.decide(&request).await?;
        self.0.lock().unwrap().logs.push(request.into_inner());
        let partial = ExportLogsPartialSuccess {
            rejected_log_records: rejected,
            error_message: "too old".to_owned(),
        };
        Ok(Response::new(ExportLogsServiceResponse {
            partial_success: (rejected != 0).then_some(partial),
        }))
    }
}

#[tonic::async_trait]
impl MetricsService for Service {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        self.decide(&request).await?;
        self.0.lock().unwrap().metrics.push(request.into_inner());
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

/// The service that a path names.
pub(super) async fn answer(
    state: Arc<Mutex<State>>,
    request: ::http::Request<Incoming>,
) -> Result<::http::Response<Body>, Infallible> {
    let most = state.lock().unwrap().most.unwrap_or(4 << 20);
    let service = Service(state);
    macro_rules! call {
        ($server:ident) => {{
            let server = $server::new(service).max_decoding_message_size(most);
            let server = server.accept_compressed(CompressionEncoding::Gzip);
            let mut server = server.accept_compressed(CompressionEncoding::Zstd);
            server.call(request).await
        }};
    }
    match request.uri().path().split('.').nth(3) {
        Some("trace") => call!(TraceServiceServer),
        Some("logs") => call!(LogsServiceServer),
        Some("metrics") => call!(MetricsServiceServer),
        other => panic!("{other:?}"),
    }
}
