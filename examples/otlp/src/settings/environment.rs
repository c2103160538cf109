//! The `OTEL_*` environment variables that OpenTelemetry's specification defines for exporters.

use std::time::Duration;

use percent_encoding::percent_decode_str;

use super::{Compression, Endpoint, EndpointError, Protocol, Settings, Signal, Temporality};
use crate::resource::Resource;

/// An invalid variable.
#[derive(Debug, thiserror::Error)]
#[error("cannot use `{variable}`: {why}")]
pub struct EnvironmentError {
    variable: String,
    pub(super) why: String,
}

const TEMPORALITY: &str = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";

impl Settings {
    /// Reads settings from environment variables: `OTEL_EXPORTER_OTLP_ENDPOINT`, `_PROTOCOL`, `_HEADERS`, `_TIMEOUT`,
    /// `_COMPRESSION`, `_INSECURE`, `_CERTIFICATE`, `_CLIENT_CERTIFICATE`, `_CLIENT_KEY`, each also for one signal
    /// (`OTEL_EXPORTER_OTLP_LOGS_ENDPOINT`); `OTEL_TRACES_EXPORTER`, `OTEL_LOGS_EXPORTER` and
    /// `OTEL_METRICS_EXPORTER`, which are `otlp` or `none` (default here: spans only); `OTEL_SERVICE_NAME`,
    /// `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_METRIC_EXPORT_INTERVAL` and
    /// `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`. An empty variable counts as absent.
    ///
    /// ```no_run
    /// use mermin_otlp::{Resource, Settings};
    ///
    /// let settings = Settings::from_environment(|name| std::env::var(name).ok(), Resource::of_host())?;
    /// # Ok::<_, mermin_otlp::EnvironmentError>(())
    /// ```
    ///
    /// # Errors
    /// The first invalid variable.
    pub fn from_environment(
        variable: impl Fn(&str) -> Option<String>,
        resource: Resource,
    ) -> Result<Self, EnvironmentError> {
        let mut settings =
            Self::to([None, None, None]).resource(resource.with_environment(&variable)?);
        let environment = Environment {
            variable: &|name| value(&variable, name),
        };
        for signal in Signal::ALL {
            if environment.exports(signal)? {
                settings = settings.signal(signal, Some(environment.endpoint(signal)?));
            }
        }
        if let Some((name, text)) = environment.general("OTEL_METRIC_EXPORT_INTERVAL") {
            settings = settings.metric_interval(milliseconds(name, &text)?);
        }
        if let Some((name, text)) = environment.general(TEMPORALITY) {
            let why = || format!("`{text}` is none of `cumulative`, `delta` and `lowmemory`");
            let temporality = Temporality::by_word(&text).ok_or_else(|| bad(name, why()))?;
            settings = settings.temporality(temporality);
        }
        Ok(settings)
    }
}

impl Resource {
    /// Adds the attributes of `OTEL_RESOURCE_ATTRIBUTES`, and `service.name` of `OTEL_SERVICE_NAME`, which overrides the one
    /// of the former. An empty variable counts as absent.
    ///
    /// ```
    /// use mermin_otlp::Resource;
    ///
    /// let resource = Resource::of_host().with_environment(|name| std::env::var(name).ok())?;
    /// # Ok::<_, mermin_otlp::EnvironmentError>(())
    /// ```
    ///
    /// # Errors
    /// An invalid variable.
    pub fn with_environment(
        mut self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, EnvironmentError> {
        const ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";
        if let Some(text) = value(&variable, ATTRIBUTES) {
            for (key, value) in pairs(ATTRIBUTES, &text)? {
                self = self.with(key, value);
            }
        }
        Ok(match value(&variable, "OTEL_SERVICE_NAME") {
            Some(service) => self.with("service.name", service),
            None => self,
        })
    }
}

/// Returns the value of a variable that is not empty.
fn value(variable: impl Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    variable(name).filter(|value| !value.trim().is_empty())
}

struct Environment<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
}

/// A variable and its value.
type Found = (String, String);

impl Environment<'_> {
    fn general(&self, name: &str) -> Option<Found> {
        (self.variable)(name).map(|value| (name.to_owned(), value))
    }

    /// Returns the variable of the signal, or else that of all signals.
    fn of(&self, signal: Signal, name: &str) -> Option<Found> {
        let own = format!("OTEL_EXPORTER_OTLP_{}_{name}", signal.variable());
        self.general(&own)
            .or_else(|| self.general(&format!("OTEL_EXPORTER_OTLP_{name}")))
    }

    fn exports(&self, signal: Signal) -> Result<bool, EnvironmentError> {
        let name = format!("OTEL_{}_EXPORTER", signal.variable());
        match self.general(&name) {
            None => Ok(signal == Signal::Traces),
            Some((_, value)) if value == "otlp" => Ok(true),
            Some((_, value)) if value == "none" => Ok(false),
            Some((name, value)) => {
                Err(bad(name, format!("`{value}` is neither `otlp` nor `none`")))
            }
        }
    }

    fn endpoint(&self, signal: Signal) -> Result<Endpoint, EnvironmentError> {
        let protocol = match self.of(signal, "PROTOCOL") {
            None => Protocol::Grpc,
            Some((_, value)) if value == "grpc" => Protocol::Grpc,
            Some((_, value)) if value == "http/protobuf" => Protocol::Http,
            Some((name, value)) => {
                let why = format!("`{value}` is neither `grpc` nor `http/protobuf`");
                return Err(bad(name, why));
            }
        };
        let mut endpoint = self.address(signal, protocol)?;
        if let Some((name, text)) = self.of(signal, "HEADERS") {
            for (key, value) in pairs(&name, &text)? {
                endpoint = endpoint.header(&key, &value).map_err(because(&name))?;
            }
        }
        if let Some((name, text)) = self.of(signal, "TIMEOUT") {
            endpoint = endpoint.timeout(milliseconds(name, &text)?);
        }
        if let Some((name, text)) = self.of(signal, "COMPRESSION") {
            let why = || format!("there is no compression `{text}` here");
            let compression = Compression::by_word(&text).ok_or_else(|| bad(name, why()))?;
            endpoint = endpoint.compression(compression);
        }
        let file = |name| self.of(signal, name).map(|(_, path)| path.into());
        endpoint.tls.authority = file("CERTIFICATE");
        endpoint.tls.certificate = file("CLIENT_CERTIFICATE");
        endpoint.tls.key = file("CLIENT_KEY");
        if !endpoint.is_paired() {
            let why = "a certificate needs `CLIENT_KEY`, and a key needs `CLIENT_CERTIFICATE`";
            return Err(bad(
                "OTEL_EXPORTER_OTLP_CLIENT_..".to_owned(),
                why.to_owned(),
            ));
        }
        Ok(endpoint)
    }

    fn address(&self, signal: Signal, protocol: Protocol) -> Result<Endpoint, EnvironmentError> {
        let own = format!("OTEL_EXPORTER_OTLP_{}_ENDPOINT", signal.variable());
        let is_whole = self.general(&own).is_some();
        let Some((name, mut url)) = self.of(signal, "ENDPOINT") else {
            return Ok(Endpoint::here(protocol));
        };
        // A gRPC address may have no scheme; then `INSECURE` decides.
        if protocol == Protocol::Grpc && !url.contains("://") {
            let insecure = self.of(signal, "INSECURE");
            let is_insecure = insecure.is_some_and(|(_, value)| value.eq_ignore_ascii_case("true"));
            url.insert_str(0, if is_insecure { "http://" } else { "https://" });
        }
        let endpoint = Endpoint::new(protocol, &url).map_err(because(&name))?;
        Ok(if is_whole {
            endpoint.whole_path()
        } else {
            endpoint
        })
    }
}

/// Parses `key=value,key=value`, with special octets as `%41` (W3C Baggage).
fn pairs(variable: &str, text: &str) -> Result<Vec<(String, String)>, EnvironmentError> {
    // The error does not repeat the text, which may contain a secret.
    let fail = |why: &str| bad(variable.to_owned(), why.to_owned());
    let decode = |text: &str| {
        let decoded = percent_decode_str(text.trim()).decode_utf8();
        decoded
            .map(String::from)
            .map_err(|_| fail("it is not UTF-8"))
    };
    let parts = text.split(',').filter(|part| !part.trim().is_empty());
    parts
        .map(|part| {
            let (key, value) = part
                .split_once('=')
                .ok_or_else(|| fail("write `key=value,key=value`"))?;
            Ok((decode(key)?, decode(value)?))
        })
        .collect()
}

fn milliseconds(variable: String, text: &str) -> Result<Duration, EnvironmentError> {
    match text.trim().parse() {
        Ok(number) if number > 0 => Ok(Duration::from_millis(number)),
        _ => Err(bad(
            variable,
            format!("`{text}` is no number of milliseconds"),
        )),
    }
}

fn bad(variable: String, why: String) -> EnvironmentError {
    EnvironmentError { variable, why }
}

fn because(variable: &str) -> impl Fn(EndpointError) -> EnvironmentError {
    let variable = variable.to_owned();
    move |error| bad(variable.clone(), error.to_string())
}

#[cfg(test)]
mod tests;
