//! Targets of the exporter as text.

use std::{collections::BTreeMap, fmt, str::FromStr};

use mermin_program::{TargetError, split_target};
use percent_encoding::percent_decode_str;

use super::{EnvironmentError, Settings, Signal};
use crate::resource::Resource;

/// A receiver: `otlp://HOST[:4317]` (gRPC), `otlp+http://HOST[:4318][/PATH]`, and `otlps://`, `otlp+https://` with
/// TLS. Options follow a `?`:
///
/// * `traces`, `logs`, `metrics`: `true` or `false`; default: spans only;
/// * `compression`: `gzip`, `zstd` or `none`; `timeout`: milliseconds;
/// * `temporality`: `cumulative` or `delta`, for metrics;
/// * `ca`, `cert`, `key`: TLS files; `insecure_skip_verify=true`; `bearer_file`: a file with a token.
///
/// Environment variables set everything else, such as headers (see [`Settings::from_environment`]).
///
/// ```
/// use mermin_otlp::Target;
///
/// let target: Target = "otlp+https://collector.example?logs=true&ca=/etc/ca.pem".parse()?;
/// assert_eq!(target.to_string(), "otlp+https://collector.example");
/// # Ok::<_, mermin_otlp::TargetError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    address: String,
    /// The equivalent environment variables.
    variables: BTreeMap<&'static str, String>,
    trusts_anyone: bool,
    bearer_file: Option<String>,
}

/// Schemes, with the settings they stand for.
const FORMS: [(&str, &str, &str); 4] = [
    ("otlp", "http", "grpc"),
    ("otlps", "https", "grpc"),
    ("otlp+http", "http", "http/protobuf"),
    ("otlp+https", "https", "http/protobuf"),
];

const OPTIONS: [(&str, &str); 6] = [
    ("compression", "OTEL_EXPORTER_OTLP_COMPRESSION"),
    ("timeout", "OTEL_EXPORTER_OTLP_TIMEOUT"),
    ("ca", "OTEL_EXPORTER_OTLP_CERTIFICATE"),
    ("cert", "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"),
    ("key", "OTEL_EXPORTER_OTLP_CLIENT_KEY"),
    (
        "temporality",
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
    ),
];

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";

impl Target {
    /// Texts before the first `:` of targets.
    pub const SCHEMES: &[&str] = &[FORMS[0].0, FORMS[1].0, FORMS[2].0, FORMS[3].0];

    /// Returns the settings of the target, completed by environment variables.
    ///
    /// # Errors
    /// An invalid option or variable.
    pub fn settings(
        &self,
        variable: impl Fn(&str) -> Option<String>,
        resource: Resource,
    ) -> Result<Settings, EnvironmentError> {
        let mut settings =
            Settings::from_environment(|name| self.variable(name, &variable), resource)?;
        for signal in Signal::ALL {
            if let Some(mut endpoint) = settings.endpoint(signal).cloned() {
                if let Some(path) = &self.bearer_file {
                    endpoint = endpoint.bearer_file(path);
                }
                let endpoint = endpoint.trust_anyone(self.trusts_anyone);
                settings = settings.signal(signal, Some(endpoint));
            }
        }
        Ok(settings)
    }

    /// Returns a variable from the target, or else from the environment. The target also overrides variables for one
    /// signal.
    fn variable(&self, name: &str, other: impl Fn(&str) -> Option<String>) -> Option<String> {
        if let Some(value) = self.variables.get(name) {
            return Some(value.clone());
        }
        let is_said = |general: &str| {
            let general = general.trim_start_matches("OTEL_EXPORTER_OTLP_");
            Signal::ALL.iter().any(|signal| {
                let own = name.trim_start_matches("OTEL_EXPORTER_OTLP_");
                own.strip_prefix(signal.variable())
                    .is_some_and(|rest| rest.strip_prefix('_') == Some(general))
            })
        };
        if self.variables.keys().any(|general| is_said(general)) {
            return None;
        }
        other(name)
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let fail = |why: String| TargetError::new(text, why);
        let (address, options) = split_target(text);
        let Some((scheme, rest)) = address.split_once("://") else {
            return Err(fail("write `otlp://HOST:PORT`".to_owned()));
        };
        let Some((_, url, protocol)) = FORMS.iter().find(|(known, ..)| *known == scheme) else {
            return Err(fail(format!("there is no `{scheme}`")));
        };
        let mut target = Self {
            address: address.to_owned(),
            variables: BTreeMap::from([
                (ENDPOINT, format!("{url}://{rest}")),
                (PROTOCOL, (*protocol).to_owned()),
            ]),
            trusts_anyone: false,
            bearer_file: None,
        };
        for option in options {
            target.set(option).map_err(fail)?;
        }
        // Validates now, so that errors do not wait for the exporter.
        let settings = target.settings(|_| None, Resource::default());
        settings.map(drop).map_err(|error| fail(error.why))?;
        Ok(target)
    }
}

impl Target {
    fn set(&mut self, option: &str) -> Result<(), String> {
        let (name, value) = option.split_once('=').unwrap_or((option, "true"));
        let value = percent_decode_str(value).decode_utf8();
        let value = value.map_err(|_| format!("`{name}` is not UTF-8"))?;
        let truth = || match &*value {
            "true" => Ok(true),
            "false" => Ok(false),
            other => Err(format!("`{name}` is `true` or `false` and not `{other}`")),
        };
        if let Some(signal) = Signal::ALL.iter().find(|signal| signal.word() == name) {
            let word = if truth()? { "otlp" } else { "none" };
            let variable = match signal {
                Signal::Traces => "OTEL_TRACES_EXPORTER",
                Signal::Logs => "OTEL_LOGS_EXPORTER",
                Signal::Metrics => "OTEL_METRICS_EXPORTER",
            };
            self.variables.insert(variable, word.to_owned());
        } else if let Some((_, variable)) = OPTIONS.iter().find(|(known, _)| *known == name) {
            self.variables.insert(variable, value.into_owned());
        } else if name == "insecure_skip_verify" {
            self.trusts_anyone = truth()?;
        } else if name == "bearer_file" {
            self.bearer_file = Some(value.into_owned());
        } else {
            return Err(format!("there is no option `{name}`"));
        }
        Ok(())
    }
}

/// Prints the address, without options.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Compression, Protocol, settings::Authorization};

    fn settings(text: &str, variables: &[(&str, &str)]) -> Settings {
        let variable = |name: &str| {
            let found = variables.iter().find(|(there, _)| *there == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let target: Target = text.parse().unwrap();
        target.settings(variable, Resource::default()).unwrap()
    }

    #[test]
    fn target_overrides_the_environment() {
        let settings = settings(
            "otlp+https://c:1/base?logs&traces=false&compression=gzip&ca=%2Fa%20b&bearer_file=/t",
            &[
                ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://other"),
                ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://other"),
                ("OTEL_EXPORTER_OTLP_LOGS_COMPRESSION", "none"),
                ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "77"),
                ("OTEL_EXPORTER_OTLP_HEADERS", "x=y"),
            ],
        );
        assert!(settings.endpoint(Signal::Traces).is_none());
        let logs = settings.endpoint(Signal::Logs).unwrap();
        assert_eq!(logs.authority_text(), "c:1");
        assert_eq!(logs.path(Signal::Logs).as_str(), "/base/v1/logs");
        assert_eq!(logs.protocol, Protocol::Http);
        assert!(logs.is_encrypted && !logs.tls.trusts_anyone);
        assert_eq!(logs.compression, Compression::Gzip);
        assert_eq!(logs.tls.authority, Some("/a b".into()));
        assert_eq!(logs.timeout.as_millis(), 77);
        assert_eq!(logs.headers["x"], "y");
        assert_eq!(logs.authorization, Authorization::BearerFile("/t".into()));
    }

    #[test]
    fn each_scheme_selects_protocol_and_port() {
        for (text, protocol, port, encrypted) in [
            ("otlp://h", Protocol::Grpc, 4317, false),
            ("otlps://h?insecure_skip_verify", Protocol::Grpc, 4317, true),
            ("otlp+http://h", Protocol::Http, 4318, false),
            ("otlp+https://[::1]:5", Protocol::Http, 5, true),
        ] {
            let settings = settings(text, &[]);
            let endpoint = settings.endpoint(Signal::Traces).unwrap();
            let seen = (endpoint.protocol, endpoint.port, endpoint.is_encrypted);
            assert_eq!(seen, (protocol, port, encrypted), "{text}");
            assert_eq!(endpoint.tls.trusts_anyone, text.contains("skip"));
        }
    }

    #[test]
    fn invalid_target_is_an_error() {
        for (text, why) in [
            ("collector", "write `otlp://HOST:PORT`"),
            ("otlp+json://c", "there is no `otlp+json`"),
            ("otlp://c?colour=red", "there is no option `colour`"),
            ("otlp://c?logs=yes", "`logs` is `true` or `false`"),
            ("otlp://", "it is no URL"),
            ("otlp://c?timeout=soon", "`soon` is no number"),
            ("otlps://c?cert=/a", "a certificate needs"),
        ] {
            let error = text.parse::<Target>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
