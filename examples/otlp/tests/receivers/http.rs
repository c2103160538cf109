//! Requests over HTTP as they arrive.

use futures::executor::block_on;
use mermin_core::sink::{FlowSink, retry, testing::flows};
use mermin_otlp::{Compression, Exporter, Protocol};
use mermin_testing::{soon, trouble};

use crate::{
    decoded::{check_log, check_span},
    grpc::{all_kinds, export},
    support::{Receiver, settings},
};

#[test]
fn spans_and_log_records_equal_the_flows_field_by_field() {
    for compression in [
        Compression::None,
        Compression::Gzip,
        #[cfg(feature = "zstd")]
        Compression::Zstd,
    ] {
        let receiver = Receiver::new(Protocol::Http);
        let flows = all_kinds();
        let endpoint = receiver.endpoint().compression(compression);
        let both = settings(endpoint).logs(true);
        export(Exporter::new(&both).unwrap(), &flows);
        let state = receiver.state();
        let (spans, records) = (state.spans(), state.records());
        assert_eq!((spans.len(), records.len()), (flows.len(), flows.len()));
        for ((span, record), flow) in spans.iter().zip(&records).zip(&flows) {
            check_span(span, flow);
            check_log(record, flow);
        }
        // One connection for each signal, which is kept.
        assert_eq!(state.connections, 2);
        let headers = &state.headers[0];
        assert_eq!(headers["content-type"], "application/x-protobuf");
        assert_eq!(headers["host"], format!("127.0.0.1:{}", receiver.port()));
        assert!(
            state
                .paths
                .iter()
                .all(|path| path == "/v1/traces" || path == "/v1/logs")
        );
    }
}

#[test]
fn sink_contract_holds() {
    trouble::sink_contract_holds(|| Receiver::new(Protocol::Http), 5);
}

#[test]
fn closed_connection_is_reopened() {
    let mut receiver = Receiver::new(Protocol::Http);
    // A request may be on its way before it is noticed; that one is an error, and given again.
    let mut sink = retry(receiver.exporter(), soon());
    for batch in flows(30).chunks(10) {
        block_on(sink.export(batch)).unwrap();
        receiver.stop();
        receiver.start();
    }
    let mut keys = receiver.state().keys();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 30);
}
