//! The block `export "traces" otlp` of a file.

use std::time::Duration;

use mermin_config::{Config, keys::Otlp, value::OtlpProtocol};
use mermin_core::sink::{Backoff, Batching, BoxSink, Overflow, buffered, retry};
use mermin_program::Result;

use crate::{Endpoint, Exporter, Protocol, Resource, Settings};

/// The collector of the block `export "traces" otlp` of a file. Two that are equal get the same records in the same way.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    otlp: Otlp,
    seed: u16,
    trace_id_timeout: Duration,
}

impl Block {
    /// Returns it, if the file has the block.
    #[must_use]
    pub fn of(config: &Config) -> Option<Self> {
        let (otlp, span) = (config.export().traces().otlp()?, config.span());
        Some(Self {
            otlp: otlp.clone(),
            seed: u16::try_from(span.community_id_seed().get()).unwrap_or(u16::MAX),
            trace_id_timeout: span.trace_id_timeout().get(),
        })
    }

    /// Its name in metrics and in the final table.
    #[must_use]
    pub fn name(&self) -> &str {
        self.otlp.endpoint().as_str()
    }

    /// Maximum number of records that wait for it.
    #[must_use]
    pub fn buffer(&self) -> usize {
        whole(self.otlp.max_queue_size().get())
    }

    /// Starts its exporter with the retries and the buffer that the block asks for.
    ///
    /// # Errors
    /// An address or a header that cannot be used, or no thread.
    pub fn start(&self, resource: Resource) -> Result<BoxSink> {
        let otlp = &self.otlp;
        let settings = Settings::new(endpoint(otlp)?)
            .resource(resource)
            .community_id_seed(self.seed)
            .trace_id_timeout(self.trace_id_timeout)
            .requests(whole(otlp.max_concurrent_exports().get()));
        let patience = Backoff::default().elapsed(otlp.max_export_timeout().get());
        let batching = Batching::default()
            .records(whole(otlp.max_batch_size().get()))
            .age(otlp.max_batch_interval().get());
        let sink = retry(Exporter::new(&settings)?, patience);
        Ok(BoxSink::new(
            buffered(sink, self.buffer(), Overflow::Block).batch(batching),
        ))
    }
}

fn whole(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn endpoint(otlp: &Otlp) -> Result<Endpoint> {
    let protocol = match otlp.protocol() {
        OtlpProtocol::HttpBinary => Protocol::Http,
        _ => Protocol::Grpc,
    };
    let mut endpoint =
        Endpoint::new(protocol, otlp.endpoint().as_str())?.timeout(otlp.timeout().get());
    for (name, value) in otlp.headers() {
        endpoint = endpoint.header(name, value.expose())?;
    }
    if let Some(auth) = otlp.auth() {
        if let Some(basic) = auth.basic() {
            endpoint = endpoint.basic(basic.user(), basic.pass().expose())?;
        }
        if let Some(token) = auth.bearer() {
            endpoint = endpoint.bearer(token.expose())?;
        }
    }
    if let Some(tls) = otlp.tls() {
        endpoint = endpoint.trust_anyone(tls.insecure_skip_verify());
        if let Some(path) = tls.ca_cert() {
            endpoint = endpoint.further_authority(path);
        }
        if let (Some(certificate), Some(key)) = (tls.client_cert(), tls.client_key()) {
            endpoint = endpoint.identity(certificate, key);
        }
    }
    Ok(endpoint)
}
