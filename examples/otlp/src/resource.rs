//! The resource of the exporter: its attributes, once per request.

use std::{fs, path::Path};

/// Attributes of the resource. Each name occurs once, in the order of setting.
///
/// ```
/// use mermin_otlp::Resource;
///
/// let resource = Resource::default().with("k8s.node.name", "node-7");
/// assert_eq!(resource.get("service.name"), Some("mermin"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "give it to the settings"]
pub struct Resource {
    attributes: Vec<(String, String)>,
}

impl Default for Resource {
    /// Has `service.name`, `service.version`, `telemetry.distro.name` and `telemetry.distro.version`.
    fn default() -> Self {
        let version = env!("CARGO_PKG_VERSION");
        let empty = Self {
            attributes: Vec::new(),
        };
        empty
            .with("service.name", "mermin")
            .with("service.version", version)
            .with("telemetry.distro.name", "mermin")
            .with("telemetry.distro.version", version)
    }
}

impl Resource {
    /// Returns the default with `host.name` and `host.id` of this host, if known. The name is the one with the domain that
    /// `hosts(5)` has for the host's name, if any; no name server is asked.
    pub fn of_host() -> Self {
        let host = rustix::system::uname();
        let name = host.nodename().to_str().unwrap_or_default();
        let hosts = fs::read_to_string("/etc/hosts").unwrap_or_default();
        Self::default().with_host(full_name(name, &hosts), Path::new("/etc/machine-id"))
    }

    /// Adds a host's name, and its id from systemd's `machine-id(5)` file.
    fn with_host(self, name: &str, machine_id: &Path) -> Self {
        let id = fs::read_to_string(machine_id).unwrap_or_default();
        [("host.name", name), ("host.id", id.trim())]
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .fold(self, |resource, (name, value)| resource.with(name, value))
    }

    /// Sets an attribute, such as `k8s.node.name` or `k8s.cluster.name`, and replaces one with the same name.
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = (name.into(), value.into());
        match self.attributes.iter_mut().find(|(there, _)| *there == name) {
            Some((_, place)) => *place = value,
            None => self.attributes.push((name, value)),
        }
        self
    }

    /// Returns the value of an attribute.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(there, _)| *there == name)
            .map(|(_, value)| value)
    }

    /// Returns all attributes.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attributes
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Returns the name with its domain from a line of `hosts(5)` that has both, or the name itself.
fn full_name<'t>(name: &'t str, hosts: &'t str) -> &'t str {
    let lines = hosts.lines().filter_map(|line| line.split('#').next());
    let mut full = lines.filter_map(|line| {
        // The first word is an address.
        let names = || line.split_whitespace().skip(1);
        let is_longer = |it: &&str| {
            it.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with('.') && rest.len() > 1)
        };
        names()
            .any(|it| it == name)
            .then(|| names().find(is_longer))?
    });
    full.next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_attributes_are_present_if_known() {
        let nobody = Resource::default().with_host("", Path::new("/there/is/no/file"));
        assert_eq!(nobody, Resource::default());
        let file = std::env::temp_dir().join(format!("mermin-otlp-id-{}", std::process::id()));
        fs::write(&file, "0123abcd\n").unwrap();
        let host = Resource::default().with_host("db7.example", &file);
        fs::remove_file(&file).unwrap();
        assert_eq!(host.get("host.name"), Some("db7.example"));
        assert_eq!(host.get("host.id"), Some("0123abcd"));
        assert_eq!(host.iter().count(), Resource::default().iter().count() + 2);
        assert!(Resource::of_host().get("host.name").is_some());
    }

    #[test]
    fn host_name_has_the_domain_of_the_file_of_hosts() {
        let hosts = "127.0.0.1 localhost\n# 10.0.0.1 db7.wrong db7\n10.0.0.1\tdb7.example.org db7 # db7.no\n";
        for (name, full) in [
            ("db7", "db7.example.org"),
            ("db7.example.org", "db7.example.org"),
            ("db", "db"),
            ("localhost", "localhost"),
            ("", ""),
        ] {
            assert_eq!(full_name(name, hosts), full);
        }
    }

    /// The reference is a page of the library, which does not have this type.
    #[test]
    fn reference_has_every_attribute() {
        const REFERENCE: &str = include_str!("../../../docs/ATTRIBUTES.md");
        let part = REFERENCE.split("## Resource, scope and span").nth(1);
        let resource = Resource::default().with_host("a", Path::new("/proc/self/comm"));
        assert_eq!(resource.iter().count(), 6);
        for (name, _) in resource.iter() {
            let row = format!("`{name}`");
            assert!(part.is_some_and(|part| part.contains(&row)), "{name}");
        }
    }

    #[test]
    fn attribute_names_are_unique() {
        let resource = Resource::default().with("service.name", "other");
        assert_eq!(resource.get("service.name"), Some("other"));
        assert_eq!(
            resource
                .iter()
                .filter(|(name, _)| *name == "service.name")
                .count(),
            1
        );
    }
}
