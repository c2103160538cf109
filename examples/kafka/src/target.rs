//! Targets of the exporter as text.

use std::{fmt, str::FromStr};

use mermin_program::{TargetError, split_hosts, split_target};

use crate::settings::{Compression, Format, Settings};

/// The port of Kafka.
const PORT: u16 = 9092;

/// A topic: `kafka://HOST[:PORT][,HOST..]/TOPIC`. Options may follow a `?`: `compression=zstd`, `lz4` or `none`,
/// and `format=json` or `protobuf`. Default port: 9092.
///
/// ```
/// use mermin_kafka::Target;
///
/// let target: Target = "kafka://kafka.example/flows?compression=lz4".parse()?;
/// assert_eq!(target.to_string(), "kafka://kafka.example:9092/flows");
/// # Ok::<_, mermin_kafka::TargetError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    settings: Settings,
}

impl Target {
    /// Texts before the first `:` of targets.
    pub const SCHEMES: &[&str] = &["kafka"];

    /// Returns its settings.
    pub fn settings(self) -> Settings {
        self.settings
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings { brokers, topic, .. } = &self.settings;
        write!(f, "kafka://{}/{topic}", brokers.join(","))
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let refuse = |why: &str| TargetError::new(text, why);
        let (place, options) = split_target(text);
        let place = place
            .strip_prefix("kafka://")
            .ok_or_else(|| refuse("begin with `kafka://`"))?;
        let (hosts, topic) = place.split_once('/').unwrap_or((place, ""));
        let brokers = split_hosts(hosts, PORT).ok_or_else(|| {
            refuse(
                "name a host, and a port behind a colon if it is not 9092; several between commas",
            )
        })?;
        if !is_topic(topic) {
            return Err(refuse("name a topic: `kafka://kafka.example/flows`"));
        }
        let mut settings = Settings::new(brokers, topic);
        for option in options {
            settings = match option {
                "compression=zstd" => settings.compression(Compression::Zstd),
                "compression=lz4" => settings.compression(Compression::Lz4),
                "compression=none" => settings.compression(Compression::None),
                "format=json" => settings.format(Format::Json),
                "format=protobuf" => settings.format(Format::Protobuf),
                _ => return Err(refuse(OPTIONS)),
            };
        }
        Ok(Self { settings })
    }
}

const OPTIONS: &str =
    "options are `compression=zstd`, `lz4` or `none`, and `format=json` or `protobuf`";

/// Returns true for a valid name in Kafka: at most 249 letters, digits, dots, underscores and hyphens, and neither
/// `.` nor `..`.
fn is_topic(text: &str) -> bool {
    let fits = |it: char| it.is_ascii_alphanumeric() || "._-".contains(it);
    (1..=249).contains(&text.len()) && text.chars().all(fits) && text != "." && text != ".."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn target_names_brokers_and_a_topic() {
        for (text, shown) in [
            ("kafka://127.0.0.1:1/t", "kafka://127.0.0.1:1/t"),
            (
                "kafka://a,[::1],c:1/a.b_c-d",
                "kafka://a:9092,[::1]:9092,c:1/a.b_c-d",
            ),
        ] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), shown);
        }
        let target: Target = "kafka://a/t?compression=none&format=protobuf"
            .parse()
            .unwrap();
        let expected = Settings::new(["a:9092"], "t")
            .compression(Compression::None)
            .format(Format::Protobuf);
        assert_eq!(target.settings(), expected);
    }

    #[test]
    fn invalid_target_error_lists_valid_targets() {
        let long = format!("kafka://a/{}", "x".repeat(250));
        for text in [
            "",
            "kafka:a",
            "kafka://a",
            "kafka:///t",
            "kafka://a/",
            "kafka://a/..",
            "kafka://a/b/c",
            "kafka://a/b c",
            "kafka://a:0/t",
            "kafka://a,/t",
            "kafka://a/t?compression=gzip",
            "kafka://a/t?format=avro",
            "kafka://a/t?x=1",
            &long,
        ] {
            let error = text.parse::<Target>().unwrap_err().to_string();
            let begins = format!("cannot export to `{text}`: ");
            assert!(error.starts_with(&begins), "{error}");
        }
    }
}
