//! Targets of the exporter as text.

use std::{fmt, io, path::PathBuf, str::FromStr};

use mermin_program::{TargetError, split_target, with_port};

use crate::{Exporter, Settings};

/// The port of IPFIX (RFC 7011 section 10).
const PORT: u16 = 4739;

/// A collector or a file: `ipfix://HOST[:PORT]` (UDP), `ipfix+tcp://HOST[:PORT]`, `ipfix+file:PATH`. Options follow a
/// `?`: `biflow=true`, `domain=7`. Default port: 4739.
///
/// ```
/// use mermin_ipfix::Target;
///
/// let target: Target = "ipfix+tcp://collector.example?biflow=true".parse()?;
/// assert_eq!(target.to_string(), "ipfix+tcp://collector.example:4739");
/// # Ok::<_, mermin_ipfix::TargetError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    place: Place,
    settings: Settings,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Udp(String),
    Tcp(String),
    File(PathBuf),
}

impl Target {
    /// Texts before the first `:` of targets.
    pub const SCHEMES: &[&str] = &["ipfix", "ipfix+tcp", "ipfix+file"];

    /// Sends datagrams from a thread of the exporter or not, see [`Settings::own_thread`].
    #[must_use]
    pub fn own_thread(mut self, own_thread: bool) -> Self {
        self.settings = self.settings.own_thread(own_thread);
        self
    }

    /// Starts its exporter.
    ///
    /// # Errors
    /// If its thread cannot start.
    pub fn exporter(self) -> io::Result<Exporter> {
        match self.place {
            Place::Udp(target) => Exporter::udp(target, self.settings),
            Place::Tcp(target) => Exporter::tcp(target, self.settings),
            Place::File(path) => Exporter::file(path, self.settings),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Udp(target) => write!(f, "ipfix://{target}"),
            Place::Tcp(target) => write!(f, "ipfix+tcp://{target}"),
            Place::File(path) => write!(f, "ipfix+file:{}", path.display()),
        }
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let refuse = |why: &str| TargetError::new(text, why);
        let (place, options) = split_target(text);
        let place = if let Some(host) = place.strip_prefix("ipfix://") {
            Place::Udp(with_port(host, PORT).ok_or_else(|| refuse(HOST))?)
        } else if let Some(host) = place.strip_prefix("ipfix+tcp://") {
            Place::Tcp(with_port(host, PORT).ok_or_else(|| refuse(HOST))?)
        } else if let Some(path) = place.strip_prefix("ipfix+file:") {
            if path.is_empty() {
                return Err(refuse("name the file: `ipfix+file:flows.ipfix`"));
            }
            Place::File(path.into())
        } else {
            return Err(refuse(
                "begin with `ipfix://` (UDP), `ipfix+tcp://` or `ipfix+file:`",
            ));
        };
        let mut settings = Settings::default();
        for option in options {
            settings = match option.split_once('=') {
                Some(("biflow", "true")) => settings.biflow(true),
                Some(("biflow", "false")) => settings.biflow(false),
                Some(("domain", number)) => match number.parse() {
                    Ok(domain) => settings.domain(domain),
                    Err(_) => return Err(refuse("a domain is a number below 4294967296")),
                },
                _ => return Err(refuse("options are `biflow=true` and `domain=NUMBER`")),
            };
        }
        Ok(Self { place, settings })
    }
}

const HOST: &str = "name a host, and a port behind a colon if it is not 4739";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_have_three_forms() {
        for (text, shown) in [
            ("ipfix://127.0.0.1:9995", "ipfix://127.0.0.1:9995"),
            ("ipfix://collector", "ipfix://collector:4739"),
            ("ipfix://[::1]", "ipfix://[::1]:4739"),
            ("ipfix+tcp://[::1]:1?domain=3", "ipfix+tcp://[::1]:1"),
            ("ipfix+file:/tmp/a b.ipfix", "ipfix+file:/tmp/a b.ipfix"),
        ] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), shown);
        }
        let target: Target = "ipfix://a?biflow=true&domain=4294967295".parse().unwrap();
        let expected = Settings::default().biflow(true).domain(u32::MAX);
        assert_eq!(target.settings, expected);
    }

    #[test]
    fn invalid_target_error_lists_valid_targets() {
        for text in [
            "",
            "udp://a",
            "ipfix://",
            "ipfix://:1",
            "ipfix://a:0",
            "ipfix://a:x",
            "ipfix://::1",
            "ipfix://[::1",
            "ipfix://a/b",
            "ipfix+file:",
            "ipfix://a?biflow",
            "ipfix://a?domain=-1",
            "ipfix://a?x=1",
        ] {
            let error = text.parse::<Target>().unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("cannot export to `{text}`: ")),
                "{error}"
            );
        }
    }
}
