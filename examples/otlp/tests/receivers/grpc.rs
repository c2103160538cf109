//! Requests over gRPC as they arrive.

use futures::executor::block_on;
use mermin_core::{
    Flow,
    flow::{Count, FlowId},
    sink::{
        FlowSink, retry,
        testing::{detailed_flows, flows},
    },
};
use mermin_otlp::{Compression, Endpoint, Exporter, Protocol};
use mermin_testing::{soon, times_of_a_stepped_clock, trouble};

use crate::{
    decoded::{check_log, check_span},
    support::{Receiver, settings},
};

/// Exports in batches and closes.
pub(crate) fn export(mut sink: impl FlowSink, flows: &[Flow]) {
    block_on(async {
        for batch in flows.chunks(500) {
            sink.export(batch).await.unwrap();
        }
        sink.close().await.unwrap();
    });
}

/// With all that a source adds on request, and with a count that OTLP has no number for.
pub(crate) fn all_kinds() -> Vec<Flow> {
    let mut flows = detailed_flows(1200);
    flows[3].forward.octets = Count {
        delta: u64::MAX,
        total: i64::MAX as u64 + 1,
    };
    flows
}

#[test]
fn spans_equal_the_flows_field_by_field() {
    let receiver = Receiver::new(Protocol::Grpc);
    let flows = all_kinds();
    export(receiver.exporter(), &flows);
    let state = receiver.state();
    let spans = state.spans();
    assert_eq!(spans.len(), flows.len());
    for (span, flow) in spans.iter().zip(&flows) {
        check_span(span, flow);
    }
    assert_eq!(state.connections, 1);
}

/// Nothing goes by them, and they are as they are.
#[test]
fn records_with_stepped_clock_times_arrive() {
    let receiver = Receiver::new(Protocol::Grpc);
    let flows = times_of_a_stepped_clock(90);
    export(receiver.exporter(), &flows);
    let spans = receiver.state().spans();
    assert_eq!(spans.len(), flows.len());
    for (span, flow) in spans.iter().zip(&flows) {
        check_span(span, flow);
    }
}

#[test]
fn redelivered_record_has_the_same_span_id() {
    let receiver = Receiver::new(Protocol::Grpc);
    let one = flows(300);
    export(receiver.exporter(), &one);
    export(receiver.exporter(), &one);
    let mut other = one.clone();
    for flow in &mut other {
        flow.sequence += 1;
    }
    export(receiver.exporter(), &other);
    let spans = receiver.state().spans();
    assert_eq!(spans[..300], spans[300..600]);
    for (before, after) in spans[..300].iter().zip(&spans[600..]) {
        // The next record of a flow is another span of its trace.
        assert_eq!(before.trace_id, after.trace_id);
        assert_ne!(before.span_id, after.span_id);
    }
}

#[test]
fn flows_of_one_conversation_share_a_trace() {
    let receiver = Receiver::new(Protocol::Grpc);
    let mut pair = vec![flows(1).remove(0); 2];
    pair[1].id = FlowId::from_u128(77);
    pair[1].interface.index = 9;
    export(receiver.exporter(), &pair);
    // By another seed it has another Community ID.
    let seeded = receiver.settings().community_id_seed(7);
    export(Exporter::new(&seeded).unwrap(), &pair);
    let spans = receiver.state().spans();
    assert_eq!(spans[0].trace_id, spans[1].trace_id);
    assert_ne!(spans[0].span_id, spans[1].span_id);
    assert_ne!(spans[0].trace_id, spans[2].trace_id);
}

#[test]
fn log_records_equal_the_flows_and_reference_their_spans() {
    let receiver = Receiver::new(Protocol::Grpc);
    let flows = all_kinds();
    let both = receiver.settings().logs(true);
    export(Exporter::new(&both).unwrap(), &flows);
    let state = receiver.state();
    let (spans, records) = (state.spans(), state.records());
    assert_eq!((spans.len(), records.len()), (flows.len(), flows.len()));
    for ((span, record), flow) in spans.iter().zip(&records).zip(&flows) {
        check_log(record, flow);
        assert_eq!(
            (&span.trace_id, &span.span_id),
            (&record.trace_id, &record.span_id)
        );
    }
}

#[test]
fn each_compression_arrives() {
    for compression in [
        Compression::Gzip,
        #[cfg(feature = "zstd")]
        Compression::Zstd,
    ] {
        let receiver = Receiver::new(Protocol::Grpc);
        let flows = flows(300);
        let endpoint = receiver.endpoint().compression(compression);
        export(Exporter::new(&settings(endpoint)).unwrap(), &flows);
        let state = receiver.state();
        assert!(state.headers[0].contains_key("grpc-encoding"));
        for (span, flow) in state.spans().iter().zip(&flows) {
            check_span(span, flow);
        }
        assert_eq!(state.spans().len(), 300);
    }
}

#[test]
fn configured_headers_are_sent() {
    let receiver = Receiver::new(Protocol::Grpc);
    let file = std::env::temp_dir().join(format!("mermin-otlp-token-{}", std::process::id()));
    let with = |endpoint: Endpoint| Exporter::new(&settings(endpoint)).unwrap();
    let endpoint = || receiver.endpoint().header("x-tenant", "blue").unwrap();
    export(
        with(endpoint().basic("Aladdin", "open sesame").unwrap()),
        &flows(1),
    );
    export(with(endpoint().bearer("t0").unwrap()), &flows(1));
    std::fs::write(&file, "t1\n").unwrap();
    let mut sink = with(endpoint().bearer_file(&file));
    block_on(sink.export(&flows(1))).unwrap();
    // A token that rotates is heeded on the same connection.
    std::fs::write(&file, "t2\n").unwrap();
    block_on(sink.export(&flows(1))).unwrap();
    std::fs::remove_file(&file).unwrap();
    let error = block_on(sink.export(&flows(1))).unwrap_err().to_string();
    assert!(error.starts_with("cannot read the token: "), "{error}");
    let state = receiver.state();
    let said = state
        .headers
        .iter()
        .map(|headers| headers["authorization"].to_str().unwrap());
    let basic = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
    assert_eq!(
        said.collect::<Vec<_>>(),
        [basic, "Bearer t0", "Bearer t1", "Bearer t2"]
    );
    for headers in &state.headers {
        assert_eq!(headers["x-tenant"], "blue");
        let agent = headers["user-agent"].to_str().unwrap();
        assert!(agent.starts_with("OTel-OTLP-Exporter-Mermin/"), "{agent}");
    }
}

#[test]
fn sink_contract_holds() {
    trouble::sink_contract_holds(|| Receiver::new(Protocol::Grpc), 5);
}

#[test]
fn retried_batch_arrives_once() {
    use tonic::Code::Unavailable;

    use crate::support::Reply;
    let receiver = Receiver::new(Protocol::Grpc);
    // Four requests of a batch: two are taken, two are not.
    let busy = || Reply::Status(Unavailable, "busy", None);
    receiver.replies([busy(), Reply::Accept, busy(), Reply::Accept]);
    let flows = flows(400);
    let settings = receiver.settings().message(200_000);
    let mut sink = retry(Exporter::new(&settings).unwrap(), soon());
    block_on(sink.export(&flows)).unwrap();
    let counts = sink.meter().unwrap().stats();
    assert_eq!(
        (counts.accepted, counts.delivered, counts.dropped_in_all()),
        (400, 400, 0)
    );
    assert!(counts.retried > 0);
    let state = receiver.state();
    assert!(state.traces.len() > 2, "{}", state.traces.len());
    let mut keys = state.keys();
    assert_eq!(keys.len(), 400);
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 400);
}
