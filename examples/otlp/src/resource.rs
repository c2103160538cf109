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
    /// Returns the default with `host.name` and `host.id` of this host, if known.
    pub fn of_host() -> Self {
        let host = rustix::system::uname();
        let name = host.nodename().to_str().unwrap_or_default();
        Self::default().with_host(name, Path::new("/etc/machine-id"))
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
