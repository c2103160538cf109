//! The application's own metrics, health and traces.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU16,
    time::Duration,
};

use super::Otlp;
use crate::{
    diagnostic::Problem,
    node::Node,
    schema::{Reader, section},
    value::{Buckets, SpanFormat, TracesFormat, port},
};

/// Where the kubelet listens.
const KUBELET: u16 = 10_250;

section! {
    /// The application's own metrics, health and traces.
    Internal, Labels {
        /// Metrics for Prometheus.
        metrics: Metrics = Metrics::defaults(), Application;
        /// Health endpoint for probes.
        server: Server = Server::defaults(), Application;
        /// A page that shows live flows.
        page: Page = Page::defaults(), Application;
        /// The application's own spans.
        traces: InternalTraces = InternalTraces::defaults(), Unsupported;
    }
}

section! {
    /// Metrics for Prometheus.
    Metrics, Nested, kubelet {
        /// Serve metrics.
        enabled: bool = true, Application;
        /// Address to listen on. Loopback is not reachable from outside the pod or host.
        listen_address: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST), Application;
        /// Port to listen on. On a host network, 10250 belongs to the kubelet.
        port: NonZeroU16 = port::<9464>(), Application;
        /// Add labels with many values to metrics. Such labels take memory.
        debug_metrics_enabled: bool = false, Application;
        /// Time for which a metric remains after its object has gone.
        stale_metric_ttl: Duration = Duration::from_secs(5 * 60), Application;
        /// Buckets of histograms, by the metric's name.
        histogram_buckets: BTreeMap<String, Buckets> = BTreeMap::new(), Unsupported;
    }
}

section! {
    /// Health endpoint for probes.
    Server, Nested {
        /// Serve the health endpoint.
        enabled: bool = true, Application;
        /// Address to listen on. Kubernetes probes need the pod's address.
        listen_address: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST), Application;
        /// Port to listen on.
        port: NonZeroU16 = port::<8080>(), Application;
    }
}

section! {
    /// A page that shows live flows, for a browser. It has no password: who reaches it sees who talks to whom.
    Page, Nested {
        /// Serve the page.
        enabled: bool = false, Application;
        /// Address to listen on. Loopback is not reachable from outside the pod or host.
        listen_address: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST), Application;
        /// Port to listen on.
        port: NonZeroU16 = port::<8081>(), Application;
    }
}

section! {
    /// The application's own spans. Each of `stdout` and `otlp` that the file has gets them.
    InternalTraces, Nested {
        /// Span events that are recorded.
        span_fmt: SpanFormat = SpanFormat::Full, Application;
        /// Standard output. A word in place of the block sets its format.
        stdout: Option<InternalStdout> = None, Application;
        /// A collector, by OTLP.
        otlp: Option<Otlp> = None, Application;
        retired span_format "Write `span_fmt` instead.";
    }
}

section! {
    /// Standard output.
    InternalStdout, Nested or "format" {
        /// Format of a span.
        format: TracesFormat = TracesFormat::TextIndent, Application;
    }
}

fn kubelet(metrics: &Metrics, node: &Node, reader: &mut Reader) {
    if metrics.port.get() == KUBELET
        && let Some(port) = node.entry("port")
    {
        reader.warn(
            Problem::at(
                &port.node.span,
                "on a host network, port 10250 is the kubelet's",
            )
            .with_hint("choose another, such as 9464, or do without the host network"),
        );
    }
}
