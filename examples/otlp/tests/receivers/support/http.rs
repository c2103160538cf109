//! OTLP over HTTP by hyper's server and prost.

use std::{
    convert::Infallible,
    io::Read as _,
    sync::{Arc, Mutex},
};

use ::http::{Request, Response};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message;

use super::{Reply, State};

pub(super) async fn answer(
    state: Arc<Mutex<State>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let octets = body.collect().await.unwrap().to_bytes();
    let encoding = head.headers.get("content-encoding");
    let octets = match encoding.map(|it| it.to_str().unwrap()) {
        None => octets.to_vec(),
        Some("gzip") => {
            let mut plain = Vec::new();
            flate2::read::GzDecoder::new(&octets[..])
                .read_to_end(&mut plain)
                .unwrap();
            plain
        }
        #[cfg(feature = "zstd")]
        Some("zstd") => zstd::stream::decode_all(&octets[..]).unwrap(),
        Some(other) => panic!("{other}"),
    };
    let (reply, pause) = {
        let mut state = state.lock().unwrap();
        state.headers.push(head.headers.clone());
        state.paths.push(head.uri.to_string());
        (state.reply(Some(octets.len())), state.pause)
    };
    tokio::time::sleep(pause).await;
    let is_lost = matches!(reply, Reply::Lost);
    let rejected = match reply {
        Reply::Accept | Reply::Lost => 0,
        Reply::Partial(rejected) => rejected,
        Reply::Silence => std::future::pending().await,
        Reply::Http(status, headers, body) => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            return Ok(response.body(Bytes::from_static(body).into()).unwrap());
        }
        Reply::Status(..) => panic!("HTTP has no status of gRPC"),
    };
    let mut state = state.lock().unwrap();
    match head.uri.path() {
        "/v1/traces" => state.traces.push(Message::decode(&octets[..]).unwrap()),
        "/v1/logs" => state.logs.push(Message::decode(&octets[..]).unwrap()),
        "/v1/metrics" => state.metrics.push(Message::decode(&octets[..]).unwrap()),
        other => panic!("{other}"),
    }
    if is_lost {
        let response = Response::builder().status(503);
        return Ok(response.body(Bytes::new().into()).unwrap());
    }
    let partial = ExportTracePartialSuccess {
        rejected_spans: rejected,
        error_message: "too old".to_owned(),
    };
    let response = ExportTraceServiceResponse {
        partial_success: (rejected != 0).then_some(partial),
    };
    let response = Bytes::from(response.encode_to_vec());
    let kind = "application/x-protobuf";
    let builder = Response::builder().header("content-type", kind);
    Ok(builder.body(response.into()).unwrap())
}
