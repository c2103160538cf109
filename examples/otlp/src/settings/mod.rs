//! Settings of the exporter.

mod endpoint;
mod environment;
mod secret;
mod signal;
mod target;
mod temporality;

use std::time::Duration;

#[cfg(any(test, feature = "tls"))]
pub(crate) use self::endpoint::TlsFiles;
#[cfg(test)]
pub(crate) use self::secret::Authorization;
pub use self::{
    endpoint::{Compression, Endpoint, EndpointError, Protocol},
    environment::EnvironmentError,
    signal::Signal,
    target::Target,
    temporality::Temporality,
};
use crate::resource::Resource;

/// Settings: signals, receiver, and transport.
///
/// ```
/// use mermin_otlp::{Endpoint, Settings};
///
/// let collector = Endpoint::grpc("http://collector.example:4317")?;
/// let settings = Settings::new(collector).metrics(true);
/// # Ok::<_, mermin_otlp::EndpointError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "give it to an exporter"]
pub struct Settings {
    endpoints: [Option<Endpoint>; Signal::ALL.len()],
    /// The endpoint of the signal that was turned off last.
    before: Option<Endpoint>,
    pub(crate) resource: Resource,
    pub(crate) community_id_seed: u16,
    pub(crate) trace_id_timeout: Duration,
    pub(crate) message: usize,
    pub(crate) requests: usize,
    pub(crate) metric_interval: Duration,
    pub(crate) metric_attributes: Vec<String>,
    pub(crate) metric_series: usize,
    pub(crate) temporality: Temporality,
}

impl Default for Settings {
    /// Sends spans over gRPC to port 4317 of this host, unencrypted.
    fn default() -> Self {
        Self::new(Endpoint::default())
    }
}

impl Settings {
    /// Sends spans to this endpoint.
    pub fn new(endpoint: Endpoint) -> Self {
        Self::to([Some(endpoint), None, None])
    }

    /// Sends each signal to its endpoint.
    fn to(endpoints: [Option<Endpoint>; Signal::ALL.len()]) -> Self {
        Self {
            endpoints,
            before: None,
            resource: Resource::default(),
            community_id_seed: 0,
            trace_id_timeout: Duration::from_hours(24),
            message: 2 << 20,
            requests: 4,
            metric_interval: Duration::from_mins(1),
            metric_attributes: [
                "network.type",
                "network.transport",
                "network.interface.name",
            ]
            .map(str::to_owned)
            .to_vec(),
            metric_series: 2000,
            temporality: Temporality::default(),
        }
    }

    /// Sets the endpoint of a signal; `None` turns it off. Default: spans only.
    pub fn signal(mut self, signal: Signal, endpoint: Option<Endpoint>) -> Self {
        if let Some(place) = self.endpoints.get_mut(signal as usize) {
            *place = endpoint;
        }
        self
    }

    fn switch(mut self, signal: Signal, on: bool) -> Self {
        let there = self.endpoints.iter().flatten().next();
        let own = self.endpoint(signal).or(there).cloned();
        let endpoint = own.or(self.before.take());
        self.before.clone_from(&endpoint);
        self.signal(signal, endpoint.filter(|_| on))
    }

    /// Sets if each record becomes a span. Default: yes. Spans go to the endpoint of the first active signal, or else
    /// to that of the signal that was turned off last.
    pub fn traces(self, on: bool) -> Self {
        self.switch(Signal::Traces, on)
    }

    /// Sets if each record becomes a log record, with or without spans. Default: no. Log records go to the endpoint
    /// of spans.
    pub fn logs(self, on: bool) -> Self {
        self.switch(Signal::Logs, on)
    }

    /// Sets if flows are added up in metrics. Default: no. Metrics go to the endpoint of spans.
    pub fn metrics(self, on: bool) -> Self {
        self.switch(Signal::Metrics, on)
    }

    /// Returns the endpoint of a signal.
    #[must_use]
    pub fn endpoint(&self, signal: Signal) -> Option<&Endpoint> {
        self.endpoints.get(signal as usize)?.as_ref()
    }

    /// Sets the resource of the exporter. Default: [`Resource::default`].
    pub fn resource(mut self, resource: Resource) -> Self {
        self.resource = resource;
        self
    }

    /// Sets the seed of `flow.community_id`. Default: 0.
    pub fn community_id_seed(mut self, seed: u16) -> Self {
        self.community_id_seed = seed;
        self
    }

    /// Sets how long flows of one Community ID share a trace id. Default: a day. Above zero.
    pub fn trace_id_timeout(mut self, timeout: Duration) -> Self {
        self.trace_id_timeout = timeout.max(Duration::from_nanos(1));
        self
    }

    /// Sets the largest request in octets, before compression. Default: 2 MiB, half of the limit of grpc-go's
    /// receivers. If a receiver reports a request as too large, the size is halved for good. At least 4,096; a larger
    /// record is sent alone.
    pub fn message(mut self, octets: usize) -> Self {
        self.message = octets.max(4096);
        self
    }

    /// Sets the number of concurrent requests over gRPC. Default: 4. HTTP has one.
    pub fn requests(mut self, requests: usize) -> Self {
        self.requests = requests.max(1);
        self
    }

    /// Sets the interval of metrics. Default: a minute.
    pub fn metric_interval(mut self, interval: Duration) -> Self {
        self.metric_interval = interval.max(Duration::from_millis(1));
        self
    }

    /// Sets the attributes of metrics, by [name](mermin_core::flow::attributes::ALL). Default: `network.type`,
    /// `network.transport` and `network.interface.name`, which have few values. Each combination is a series.
    pub fn metric_attributes<T: Into<String>>(
        mut self,
        names: impl IntoIterator<Item = T>,
    ) -> Self {
        self.metric_attributes = names.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the largest number of series of a metric. Default: 2,000, as in the OpenTelemetry SDK's specification.
    /// Further combinations are added up under `otel.metric.overflow`.
    pub fn metric_series(mut self, series: usize) -> Self {
        self.metric_series = series.max(1);
        self
    }

    /// Sets the start of sums. Default: cumulative.
    pub fn temporality(mut self, temporality: Temporality) -> Self {
        self.temporality = temporality;
        self
    }
}
