//! Fields of `metadata` that become attributes.

use mermin_config::value::Kind as KindOfFile;
use mermin_kubernetes::Name;

/// Fields of `metadata` that a file chooses.
pub(super) struct Fields(Vec<Field>);

/// A field of a kind, or of all kinds. Namespaces are no kind of a file.
struct Field {
    path: String,
    of: Of,
    name: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    All,
    Namespaces,
    Kind(KindOfFile),
}

impl Fields {
    /// Reads paths such as `[pod].metadata.name`, and adds an error for each that names no attribute.
    pub(super) fn new(paths: &[String], problems: &mut Vec<String>) -> Self {
        let mut fields = Vec::new();
        for path in paths {
            match Field::new(path) {
                Some(field) => fields.push(field),
                None => problems.push(format!(
                    "cannot use `{path}` in `metadata`: write a kind that flows have names of or `*` in brackets, and one of \
                     `.metadata.name`, `.metadata.namespace` and (not of Ingress and Gateway) `.metadata.uid`, such as \
                     `[*].metadata.name`"
                )),
            }
        }
        Self(fields)
    }

    /// Returns true if they choose this attribute.
    pub(super) fn choose(&self, name: Name) -> bool {
        let (kind, field) = origin(name);
        // Containers, images and the cluster's name are no metadata of objects.
        field.is_none_or(|field| self.0.iter().any(|it| it.shows(kind, field)))
    }

    /// Returns the paths, and their kinds, of which none of these attributes shows anything.
    pub(super) fn without(
        &self,
        is_left: impl Fn(Name) -> bool,
    ) -> impl Iterator<Item = (&str, KindOfFile)> {
        self.0.iter().filter_map(move |field| match field.of {
            Of::Kind(kind) if !field.has_name(&is_left) => Some((field.path.as_str(), kind)),
            _ => None,
        })
    }
}

impl Field {
    fn new(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.split('.').collect();
        let [kind, "metadata", name @ ("name" | "namespace" | "uid")] = parts.as_slice() else {
            return None;
        };
        let bare = kind.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        let of = match bare.unwrap_or(kind) {
            "*" => Of::All,
            word if word.eq_ignore_ascii_case("namespace") => Of::Namespaces,
            word => {
                let mut kinds = KindOfFile::ALL.iter().copied();
                let kind = kinds.find(|kind| word.eq_ignore_ascii_case(kind.as_str()))?;
                let named = Name::ALL.iter().any(|name| origin(*name).0 == Some(kind));
                // Nodes are in no namespace.
                if !named || (kind, *name) == (KindOfFile::Node, "namespace") {
                    return None;
                }
                Of::Kind(kind)
            }
        };
        let field = Self {
            path: path.to_owned(),
            of,
            name: (*name).to_owned(),
        };
        field.has_name(|_| true).then_some(field)
    }

    /// Returns true if one of these attributes shows the field.
    fn has_name(&self, is_left: impl Fn(Name) -> bool) -> bool {
        Name::ALL.iter().any(|name| {
            let (kind, field) = origin(*name);
            is_left(*name) && field.is_some_and(|field| self.shows(kind, field))
        })
    }

    /// Returns true if an attribute of this origin shows the field. There is one attribute for the namespace of an end, whatever object
    /// the end is, and it is the name of the namespace.
    fn shows(&self, kind: Option<KindOfFile>, field: &str) -> bool {
        if kind.is_none() && field == "namespace" {
            return self.name == "namespace"
                || (self.of, self.name.as_str()) == (Of::Namespaces, "name");
        }
        let of = kind.map_or(Of::Namespaces, Of::Kind);
        self.name == field && (self.of == Of::All || self.of == of)
    }
}

/// Returns the kind whose metadata an attribute shows, and the field. No kind stands for namespaces.
pub(super) fn origin(name: Name) -> (Option<KindOfFile>, Option<&'static str>) {
    let (kind, field) = match name {
        Name::NodeName => (KindOfFile::Node, "name"),
        Name::NodeUid => (KindOfFile::Node, "uid"),
        Name::NamespaceName => return (None, Some("namespace")),
        Name::NamespaceUid => return (None, Some("uid")),
        Name::PodName => (KindOfFile::Pod, "name"),
        Name::PodUid => (KindOfFile::Pod, "uid"),
        Name::DeploymentName => (KindOfFile::Deployment, "name"),
        Name::DeploymentUid => (KindOfFile::Deployment, "uid"),
        Name::ReplicaSetName => (KindOfFile::ReplicaSet, "name"),
        Name::ReplicaSetUid => (KindOfFile::ReplicaSet, "uid"),
        Name::StatefulSetName => (KindOfFile::StatefulSet, "name"),
        Name::StatefulSetUid => (KindOfFile::StatefulSet, "uid"),
        Name::DaemonSetName => (KindOfFile::DaemonSet, "name"),
        Name::DaemonSetUid => (KindOfFile::DaemonSet, "uid"),
        Name::JobName => (KindOfFile::Job, "name"),
        Name::JobUid => (KindOfFile::Job, "uid"),
        Name::CronJobName => (KindOfFile::CronJob, "name"),
        Name::CronJobUid => (KindOfFile::CronJob, "uid"),
        Name::ServiceName => (KindOfFile::Service, "name"),
        Name::ServiceUid => (KindOfFile::Service, "uid"),
        Name::IngressName => (KindOfFile::Ingress, "name"),
        Name::GatewayName => (KindOfFile::Gateway, "name"),
        _ => return (None, None),
    };
    (Some(kind), Some(field))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(path: &str) -> Fields {
        let mut problems = Vec::new();
        let fields = Fields::new(&[path.to_owned()], &mut problems);
        assert!(problems.is_empty(), "{problems:?}");
        fields
    }

    #[test]
    fn kind_may_be_in_brackets_and_in_any_case() {
        for path in [
            "[pod].metadata.name",
            "pod.metadata.name",
            "[Pod].metadata.name",
        ] {
            let fields = fields(path);
            let chosen =
                [Name::PodName, Name::PodUid, Name::ServiceName].map(|it| fields.choose(it));
            assert_eq!(chosen, [true, false, false], "{path}");
        }
    }

    #[test]
    fn namespace_of_an_object_is_the_namespace_of_the_end() {
        for path in [
            "pod.metadata.namespace",
            "[*].metadata.namespace",
            "[namespace].metadata.name",
        ] {
            let fields = fields(path);
            let chosen = [Name::NamespaceName, Name::NamespaceUid].map(|it| fields.choose(it));
            assert_eq!(chosen, [true, false], "{path}");
        }
    }

    #[test]
    fn path_that_names_no_attribute_is_refused() {
        for path in [
            "pood.metadata.name",
            "[pod.metadata.name",
            "pod.metadata.labels",
            "pod.spec.name",
            "networkpolicy.metadata.name",
            "node.metadata.namespace",
            "[ingress].metadata.uid",
            "[gateway].metadata.uid",
        ] {
            let mut problems = Vec::new();
            Fields::new(&[path.to_owned()], &mut problems);
            assert!(
                problems.len() == 1 && problems[0].contains(path),
                "{path}: {problems:?}"
            );
        }
    }
}
