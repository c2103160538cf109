//! Parsing of target names, shared by all exporters.

/// An invalid target. The error does not show the user and the password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot export to `{text}`: {why}")]
pub struct TargetError {
    text: String,
    why: String,
}

impl TargetError {
    /// Creates the error for this text and reason.
    pub fn new(text: impl Into<String>, why: impl Into<String>) -> Self {
        let (text, why) = (without_user(&text.into()), why.into());
        Self { text, why }
    }
}

/// Replaces the text between `//` and the last `@` by `..`: errors are logged, and a password may contain any
/// character.
///
/// ```
/// assert_eq!(mermin_program::without_user("kafka://me:a/b@c/d"), "kafka://..@c/d");
/// assert_eq!(mermin_program::without_user("kafka://c/d"), "kafka://c/d");
/// ```
#[must_use]
pub fn without_user(text: &str) -> String {
    let parts = text
        .split_once("//")
        .and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1)));
    parts.map_or_else(
        || text.to_owned(),
        |(scheme, place)| format!("{scheme}//..@{place}"),
    )
}

/// Splits a text into the place and the options behind `?`, each `name=value` or a name.
///
/// ```
/// let (place, options) = mermin_program::split_target("ipfix://[::1]:4739?biflow=true&domain=1");
/// assert_eq!(place, "ipfix://[::1]:4739");
/// assert_eq!(options.collect::<Vec<_>>(), ["biflow=true", "domain=1"]);
/// ```
pub fn split_target(text: &str) -> (&str, impl Iterator<Item = &str>) {
    let (place, options) = text.split_once('?').unwrap_or((text, ""));
    let options = options.split('&').filter(|option| !option.is_empty());
    (place, options)
}

/// Parses hosts separated by commas, and adds this port to hosts without one. `None` if [`with_port`] rejects one of
/// them.
///
/// ```
/// let hosts = mermin_program::split_hosts("a,b:9", 4222);
/// assert_eq!(hosts.as_deref(), Some(&["a:4222".to_owned(), "b:9".to_owned()][..]));
/// ```
#[must_use]
pub fn split_hosts(hosts: &str, port: u16) -> Option<Vec<String>> {
    hosts.split(',').map(|host| with_port(host, port)).collect()
}

/// Returns a host with this port, unless it already has a port. IPv6 addresses are in brackets. `None` for invalid
/// text.
///
/// ```
/// use mermin_program::with_port;
///
/// assert_eq!(with_port("collector", 4739).as_deref(), Some("collector:4739"));
/// assert_eq!(with_port("[::1]:99", 4739).as_deref(), Some("[::1]:99"));
/// assert_eq!(with_port("::1", 4739), None);
/// ```
#[must_use]
pub fn with_port(host: &str, port: u16) -> Option<String> {
    let behind = host.rsplit(']').next().unwrap_or(host);
    let (name, port) = match behind.rsplit_once(':') {
        Some((_, port)) => (
            &host[..host.len() - port.len() - 1],
            port.parse::<u16>().ok().filter(|port| *port != 0)?,
        ),
        None => (host, port),
    };
    let bare = name
        .strip_prefix('[')
        .map_or(name, |inner| inner.strip_suffix(']').unwrap_or_default());
    let is_ipv6 = name.starts_with('[');
    let fits = if is_ipv6 {
        bare.parse::<std::net::Ipv6Addr>().is_ok()
    } else {
        !name.is_empty() && !name.contains([':', '/', ' ', '[', ']'])
    };
    fits.then(|| format!("{name}:{port}"))
}
