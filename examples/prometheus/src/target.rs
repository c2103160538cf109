//! Targets of the exporter as text.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    str::FromStr,
    time::Duration,
};

use mermin_program::{TargetError, split_target};

use crate::{Exporter, ListenError, Settings, count::Label};

/// The port of OpenTelemetry's exporters in Prometheus' registry.
const PORT: u16 = 9464;

/// An address to listen on: `prometheus://[ADDRESS][:PORT]`. Options follow a `?`: `labels=a,b`, `series=1000`,
/// `pairs=20`, `ttl=300` (seconds), `linger=15` (seconds). Default address: 127.0.0.1; default port: 9464.
///
/// ```
/// use mermin_prometheus::Target;
///
/// let target: Target = "prometheus://?labels=network_transport,destination_port".parse()?;
/// assert_eq!(target.to_string(), "prometheus://127.0.0.1:9464");
/// # Ok::<_, mermin_prometheus::TargetError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    address: SocketAddr,
    settings: Settings,
}

impl Target {
    /// Texts before the first `:` of targets.
    pub const SCHEMES: &[&str] = &["prometheus"];

    /// Starts its exporter.
    ///
    /// # Errors
    /// Those of [`Exporter::listen`].
    pub fn exporter(self) -> Result<Exporter, ListenError> {
        Exporter::listen(self.address, self.settings)
    }

    /// Returns how long its exporter waits for a last scrape at closing. The time limit of closing must be longer.
    #[must_use]
    pub fn linger(&self) -> Duration {
        self.settings.linger
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "prometheus://{}", self.address)
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let refuse = |why: String| TargetError::new(text, why);
        let (place, options) = split_target(text);
        let place = place
            .strip_prefix("prometheus://")
            .ok_or_else(|| refuse("begin with `prometheus://`".to_owned()))?;
        let address = address(place).ok_or_else(|| {
            refuse(format!(
                "name an address of this host and a port, as in `prometheus://127.0.0.1:{PORT}`"
            ))
        })?;
        let mut settings = Settings::default();
        for option in options {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            settings = set(settings, name, value).map_err(refuse)?;
        }
        Ok(Self { address, settings })
    }
}

/// Parses an address. `None` if it is invalid. Names are not looked up, because a host may have several addresses.
fn address(place: &str) -> Option<SocketAddr> {
    if place.is_empty() {
        return Some((Ipv4Addr::LOCALHOST, PORT).into());
    }
    if let Ok(address) = place.parse() {
        return Some(address);
    }
    if let Some(port) = place.strip_prefix(':') {
        return Some((Ipv4Addr::LOCALHOST, port.parse().ok()?).into());
    }
    let bare = place.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let address: std::net::IpAddr = match bare {
        Some(ipv6) => ipv6.parse::<std::net::Ipv6Addr>().ok()?.into(),
        None => place.parse::<Ipv4Addr>().ok()?.into(),
    };
    Some((address, PORT).into())
}

fn set(settings: Settings, name: &str, value: &str) -> Result<Settings, String> {
    let number = || {
        let number: u32 = value
            .parse()
            .map_err(|_| format!("`{name}` is a whole number"))?;
        Ok::<_, String>(number)
    };
    let seconds = || Ok::<_, String>(Duration::from_secs(number()?.into()));
    Ok(match name {
        "labels" => settings.labels(labels(value)?),
        "series" => settings.series(number()? as usize),
        "pairs" => settings.pairs(number()? as usize),
        "ttl" => settings.ttl(seconds()?),
        "linger" => settings.linger(seconds()?),
        _ => return Err("options are `labels`, `series`, `pairs`, `ttl` and `linger`".to_owned()),
    })
}

fn labels(names: &str) -> Result<Vec<Label>, String> {
    let names = names.split(',').filter(|name| !name.is_empty());
    names
        .map(|name| {
            Label::from_name(name).ok_or_else(|| {
                let known = Label::ALL.map(|label| label.name());
                format!(
                    "no label is called `{name}`; there are {}, and the names of added attributes, such as \
                     `source.k8s.pod.name`",
                    known.join(", ")
                )
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_listen_address_is_loopback() {
        for (text, shown) in [
            ("prometheus://", "prometheus://127.0.0.1:9464"),
            ("prometheus://:9000", "prometheus://127.0.0.1:9000"),
            ("prometheus://0.0.0.0", "prometheus://0.0.0.0:9464"),
            ("prometheus://[::1]", "prometheus://[::1]:9464"),
            ("prometheus://[::]:1?ttl=60", "prometheus://[::]:1"),
        ] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn options_are_settings() {
        let target: Target =
            "prometheus://?labels=destination_port,network_type,source.k8s.pod.name&series=7&pairs=0&ttl=60&linger=15"
                .parse()
                .unwrap();
        let added = Label::Added("source.k8s.pod.name".into());
        let expected = Settings::default()
            .labels([Label::DestinationPort, Label::NetworkType, added])
            .series(7)
            .pairs(0)
            .ttl(Duration::from_mins(1))
            .linger(Duration::from_secs(15));
        assert_eq!(target.settings, expected);
    }

    #[test]
    fn invalid_target_error_lists_valid_targets() {
        for text in [
            "",
            "http://a",
            "prometheus://localhost",
            "prometheus://a:1",
            "prometheus://:x",
            "prometheus://::1",
            "prometheus://?series=-1",
            "prometheus://?labels=interface",
            "prometheus://?x=1",
        ] {
            let error = text.parse::<Target>().unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("cannot export to `{text}`: ")),
                "{error}"
            );
        }
    }
}
