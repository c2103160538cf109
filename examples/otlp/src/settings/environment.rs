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
        let environment = Environment {
            variable: &|name| variable(name).filter(|value| !value.trim().is_empty()),
        };
        let mut settings = Self::to([None, None, None]).resource(environment.resource(resource)?);
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

    /// `OTEL_SERVICE_NAME` overrides `service.name` of the attributes.
    fn resource(&self, mut resource: Resource) -> Result<Resource, EnvironmentError> {
        if let Some((name, text)) = self.general("OTEL_RESOURCE_ATTRIBUTES") {
            for (key, value) in pairs(&name, &text)? {
                resource = resource.with(key, value);
            }
        }
        if let Some((_, service)) = self.general("OTEL_SERVICE_NAME") {
            resource = resource.with("service.name", service);
        }
        Ok(resource)
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
mod tests {
    use super::*;
    use crate::settings::{Authorization, TlsFiles};

    fn read(variables: &[(&str, &str)]) -> Result<Settings, EnvironmentError> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(there, _)| *there == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Settings::from_environment(variable, Resource::default())
    }

    #[test]
    fn defaults_are_spans_over_grpc_to_localhost() {
        let settings = read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]).unwrap();
        assert_eq!(
            settings.endpoint(Signal::Traces),
            Some(&Endpoint::default())
        );
        assert_eq!(settings.endpoint(Signal::Logs), None);
        assert_eq!(settings.endpoint(Signal::Metrics), None);
    }

    #[test]
    fn signal_specific_variables_take_precedence() {
        let settings = read(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://c.example/base"),
            ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://l.example:9/in"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "grpc"),
            (
                "OTEL_EXPORTER_OTLP_HEADERS",
                "x-a=b%20c, Authorization=Bearer%20t",
            ),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
            ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "70"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca"),
            ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "/cert"),
            ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/key"),
            ("OTEL_LOGS_EXPORTER", "otlp"),
            ("OTEL_METRICS_EXPORTER", "otlp"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "15000"),
            (TEMPORALITY, "Delta"),
            (
                "OTEL_RESOURCE_ATTRIBUTES",
                "service.name=no,k8s.cluster.name=east%2C1",
            ),
            ("OTEL_SERVICE_NAME", "edge"),
        ])
        .unwrap();
        let traces = settings.endpoint(Signal::Traces).unwrap();
        assert_eq!(traces.path(Signal::Traces).as_str(), "/base/v1/traces");
        assert_eq!(traces.protocol, Protocol::Http);
        assert_eq!(traces.authority_text(), "c.example:4318");
        assert_eq!(traces.headers["x-a"], "b c");
        assert_eq!(
            Some(&traces.authorization),
            Authorization::bearer("t").as_ref()
        );
        assert_eq!(traces.timeout, Duration::from_millis(2500));
        assert_eq!(traces.compression, Compression::Gzip);
        let files = TlsFiles {
            authority: Some("/ca".into()),
            certificate: Some("/cert".into()),
            key: Some("/key".into()),
            trusts_anyone: false,
        };
        assert_eq!(traces.tls, files);
        let logs = settings.endpoint(Signal::Logs).unwrap();
        assert_eq!(logs.path(Signal::Logs).as_str(), "/in");
        assert_eq!(logs.timeout, Duration::from_millis(70));
        let metrics = settings.endpoint(Signal::Metrics).unwrap();
        assert_eq!((metrics.protocol, metrics.port), (Protocol::Grpc, 4317));
        assert_eq!(settings.metric_interval, Duration::from_secs(15));
        assert_eq!(settings.temporality, Temporality::Delta);
        assert_eq!(settings.resource.get("service.name"), Some("edge"));
        assert_eq!(settings.resource.get("k8s.cluster.name"), Some("east,1"));
    }

    #[test]
    fn endpoint_without_scheme_uses_tls_unless_insecure() {
        for (insecure, encrypted) in [("", true), ("false", true), ("true", false)] {
            let settings = read(&[
                ("OTEL_EXPORTER_OTLP_ENDPOINT", "c:4317"),
                ("OTEL_EXPORTER_OTLP_INSECURE", insecure),
            ])
            .unwrap();
            let endpoint = settings.endpoint(Signal::Traces).unwrap();
            assert_eq!(endpoint.is_encrypted, encrypted);
        }
    }

    #[test]
    fn invalid_variable_is_named_in_the_error() {
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "hush"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a b=hush"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=hush%ff"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "br"),
            ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/key"),
            ("OTEL_TRACES_EXPORTER", "zipkin"),
            (TEMPORALITY, "absolute"),
        ] {
            let error = read(&[(name, value)]).unwrap_err().to_string();
            assert!(error.starts_with("cannot use `OTEL_"), "{error}");
            assert!(!error.contains("hush"), "{error}");
        }
    }
}
