//! The plan for naming Kubernetes objects, as a file asks.

use std::{path::PathBuf, time::Duration};

use mermin_config::{
    Config,
    keys::{Extract as ExtractKeys, K8sInformer, OwnerRelations, Pick, Selector},
    value::Kind as KindOfFile,
};
use mermin_kubernetes::{Extract, FollowSettings, Kind, Name, Settings};

use super::metadata::{Fields, origin};

/// The plan for naming Kubernetes objects: the kinds to follow, and the attributes that flows get.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ClusterPlan {
    /// The kubeconfig file; `None` for the service account of the pod.
    pub kubeconfig: Option<PathBuf>,
    /// Time for which `/startup` waits for the first list of all objects. Capturing does not wait.
    pub sync_timeout: Duration,
    /// Kinds to follow.
    pub kinds: Vec<Kind>,
    /// Attributes that flows get.
    pub names: Vec<Name>,
    /// Flows get the names of network policies.
    pub policies: bool,
    /// Labels and annotations that flows get.
    pub extract: Extract,
    /// The name of the cluster, if it has one.
    pub cluster_name: Option<String>,
    /// Names of networks: each network in CIDR notation, and its name.
    pub networks: Vec<(String, String)>,
}

impl ClusterPlan {
    /// Reads the plan from a file, and adds an error for each value on which the agent cannot act.
    pub(super) fn new(config: &Config, problems: &mut Vec<String>) -> Self {
        let k8s = config.discovery().informer().k8s();
        let selected = selected(k8s.selectors(), problems);
        let path = k8s.kubeconfig_path();
        let (source, destination) = (
            config.attributes().source().k8s().extract(),
            config.attributes().destination().k8s().extract(),
        );
        if source != destination {
            problems.push(
                "cannot extract other attributes of the source than of the destination: write the same `extract` for both"
                    .to_owned(),
            );
        }
        let fields = Fields::new(source.metadata(), problems);
        let owners = k8s.owner_relations();
        let is_left = |name: Name| {
            let (kind, _) = origin(name);
            kind.is_none_or(|kind| selected.contains(&kind) || !can_be_selected(kind))
                && level(name).is_none_or(|(kind, level)| is_owner(owners, kind, level))
        };
        let names = Name::ALL.iter().copied();
        let names = names.filter(|name| fields.choose(*name) && is_left(*name));
        let has_node_uid = selected.contains(&KindOfFile::Node);
        let without =
            fields.without(|name| is_left(name) && (name != Name::NodeUid || has_node_uid));
        for (path, kind) in without {
            problems.push(if selected.contains(&kind) {
                format!(
                    "cannot use `{path}` in `metadata`, because `owner_relations` leave out {kind}: leave out the path as well"
                )
            } else {
                let remedy = remedy(kind.as_str(), k8s.selectors());
                format!("cannot use `{path}` in `metadata`, because no {kind} is followed: {remedy}")
            });
        }
        let kinds = followed(&selected);
        let name = k8s.cluster_name();
        Self {
            cluster_name: (!name.is_empty()).then(|| name.to_owned()),
            networks: networks(k8s, problems),
            kubeconfig: (!path.is_empty()).then(|| path.into()),
            sync_timeout: k8s.informers_sync_timeout().get(),
            names: names.collect(),
            extract: extract(source, (&kinds, k8s.selectors()), problems),
            kinds,
            policies: policies(k8s, &selected, problems)
                && selected.contains(&KindOfFile::NetworkPolicy),
        }
    }

    /// Returns the settings of following the cluster.
    #[must_use]
    pub fn follow(&self) -> FollowSettings {
        let settings = FollowSettings::default().kinds(self.kinds.iter().copied());
        match &self.kubeconfig {
            Some(path) => settings.kubeconfig(path),
            None => settings,
        }
    }

    /// Returns the settings of the decoration.
    #[must_use]
    pub fn decorate(&self) -> Settings {
        let settings = Settings::default()
            .only(self.names.iter().copied())
            .policies(self.policies);
        let settings = match &self.cluster_name {
            Some(name) => settings.cluster_name(name),
            None => settings,
        };
        self.networks
            .iter()
            .fold(settings, |settings, (network, name)| {
                // The plan has no network that cannot be read.
                settings.clone().network(network, name).unwrap_or(settings)
            })
    }
}

/// Returns the names of networks, and adds an error for each that cannot be read.
fn networks(k8s: &K8sInformer, problems: &mut Vec<String>) -> Vec<(String, String)> {
    let mut networks = Vec::new();
    for (network, name) in k8s.networks() {
        match Settings::default().network(network, name) {
            Ok(_) => networks.push((network.clone(), name.clone())),
            Err(error) => problems.push(format!(
                "in `networks` of `discovery \"informer\"`: {error}"
            )),
        }
    }
    networks
}

/// Returns the kinds that the selectors leave.
fn selected(selectors: &[Selector], problems: &mut Vec<String>) -> Vec<KindOfFile> {
    let mut kinds = Vec::new();
    for selector in selectors {
        for (key, given) in [
            ("namespaces", !selector.namespaces().is_empty()),
            ("match_labels", !selector.match_labels().is_empty()),
            (
                "match_expressions",
                !selector.match_expressions().is_empty(),
            ),
        ] {
            if given {
                problems.push(format!(
                    "cannot use `{key}` in `selectors` ({}): all objects of a kind are followed: leave it out",
                    selector.kind()
                ));
            }
        }
    }
    for selector in selectors.iter().filter(|it| it.include()) {
        if selector.kind() == KindOfFile::Endpoint {
            problems.push(
                "cannot use the kind `Endpoint` in `selectors`: `EndpointSlice` has the same endpoints, name that kind"
                    .to_owned(),
            );
        }
        kinds.push(selector.kind());
    }
    let omitted = selectors.iter().filter(|it| !it.include());
    let omitted: Vec<_> = omitted.map(Selector::kind).collect();
    // Only omissions: every other kind is meant.
    if kinds.is_empty() {
        kinds.extend(KindOfFile::ALL);
    }
    kinds.retain(|kind| !omitted.contains(kind));
    kinds
}

/// Returns the remedy for a kind that is not followed.
fn remedy(kind: &str, selectors: &[Selector]) -> String {
    let is_omitted = |it: &Selector| !it.include() && it.kind().as_str() == kind;
    if selectors.iter().any(is_omitted) {
        format!("take `{{ kind = \"{kind}\", include = false }}` out of `selectors`")
    } else {
        // A list replaces the default.
        format!(
            "name every kind to follow in `selectors`, `{{ kind = \"{kind}\" }}` among them; without the key, these are all but \
             Endpoint and Node"
        )
    }
}

/// Returns the kinds to ask the server for. Deployments and cron jobs are not asked for: replica sets and jobs have their names.
/// Namespaces are always asked for: the uid of one identifies the cluster.
fn followed(selected: &[KindOfFile]) -> Vec<Kind> {
    let has = |kind: KindOfFile| selected.contains(&kind);
    let wanted = |kind: &Kind| match kind {
        Kind::Pod => has(KindOfFile::Pod),
        Kind::Node => has(KindOfFile::Node),
        Kind::Service => has(KindOfFile::Service),
        Kind::EndpointSlice => has(KindOfFile::EndpointSlice),
        Kind::ReplicaSet => has(KindOfFile::ReplicaSet) || has(KindOfFile::Deployment),
        Kind::Job => has(KindOfFile::Job) || has(KindOfFile::CronJob),
        Kind::NetworkPolicy => has(KindOfFile::NetworkPolicy),
        Kind::Ingress => has(KindOfFile::Ingress),
        Kind::Gateway => has(KindOfFile::Gateway),
        _ => true,
    };
    Kind::ALL.into_iter().filter(wanted).collect()
}

/// Returns false for nodes: a pod has its node's name, so selectors do not decide about it. The uid comes only from a followed
/// node.
fn can_be_selected(kind: KindOfFile) -> bool {
    kind != KindOfFile::Node
}

/// Returns the kind of an owner, and its level above a pod.
fn level(name: Name) -> Option<(KindOfFile, u32)> {
    let (kind, _) = origin(name);
    let kind = kind?;
    Some(match kind {
        KindOfFile::ReplicaSet
        | KindOfFile::StatefulSet
        | KindOfFile::DaemonSet
        | KindOfFile::Job => (kind, 1),
        KindOfFile::Deployment | KindOfFile::CronJob => (kind, 2),
        _ => return None,
    })
}

fn is_owner(relations: &OwnerRelations, kind: KindOfFile, level: u32) -> bool {
    let included = relations.include_kinds();
    level <= relations.max_depth().get()
        && (included.is_empty() || included.contains(&kind))
        && !relations.exclude_kinds().contains(&kind)
}

/// Returns true if network policies are related to pods. A service is named by its addresses and its endpoints.
fn policies(k8s: &K8sInformer, selected: &[KindOfFile], problems: &mut Vec<String>) -> bool {
    let (mut policies, mut services) = (false, false);
    for relation in k8s.selector_relations() {
        let labels = relation.selector_match_labels_field();
        let expressions = relation.selector_match_expressions_field();
        let usual = |wanted: &str, field: Option<&str>| field.is_none_or(|it| it == wanted);
        match (relation.kind(), relation.to()) {
            (KindOfFile::NetworkPolicy, KindOfFile::Pod)
                if usual("spec.podSelector.matchLabels", labels)
                    && usual("spec.podSelector.matchExpressions", expressions) =>
            {
                policies = true;
            }
            (KindOfFile::Service, KindOfFile::Pod)
                if usual("spec.selector", labels) && expressions.is_none() =>
            {
                services = true;
            }
            (kind, to) => problems.push(format!(
                "cannot use the relation of {kind} to {to} in `selector_relations` (`selector_match_labels_field`, \
                 `selector_match_expressions_field`): the agent relates NetworkPolicy to Pod by `spec.podSelector`, and Service \
                 to Pod by `spec.selector`"
            )),
        }
    }
    if !services && selected.contains(&KindOfFile::Service) {
        problems.push(
            "cannot leave Service out of `selector_relations`: write `{ kind = \"Service\", to = \"Pod\" }`, or leave Service out of \
             `selectors`"
                .to_owned(),
        );
    }
    policies
}

/// Returns labels and annotations.
fn extract(
    keys: &ExtractKeys,
    followed: (&[Kind], &[Selector]),
    problems: &mut Vec<String>,
) -> Extract {
    let labels = keys
        .label()
        .iter()
        .filter_map(|it| pick("label", it, followed, problems));
    let labels: Vec<_> = labels.collect();
    let annotations = keys.annotation().iter();
    let annotations = annotations.filter_map(|it| pick("annotation", it, followed, problems));
    let annotations: Vec<_> = annotations.collect();
    let extract = labels
        .into_iter()
        .fold(Extract::default(), |extract, (kind, key)| {
            extract.label(kind, key)
        });
    annotations
        .into_iter()
        .fold(extract, |extract, (kind, key)| {
            extract.annotation(kind, key)
        })
}

fn pick(
    block: &str,
    pick: &Pick,
    (followed, selectors): (&[Kind], &[Selector]),
    problems: &mut Vec<String>,
) -> Option<(Kind, String)> {
    let given = [
        ("key_regex", pick.key_regex().is_some()),
        ("value_regex", pick.value_regex().is_some()),
        ("attribute", pick.attribute().is_some()),
        ("attribute_value", pick.attribute_value().is_some()),
        ("tag_name", pick.tag_name().is_some()),
    ];
    for (key, _) in given.iter().filter(|(_, given)| *given) {
        problems.push(format!(
            "cannot use `{key}` in `{block}`: a {block} is named by its kind and key, as in `source.k8s.pod.{block}s.app`: give \
             `from` and `key` alone"
        ));
    }
    let (from, key) = (
        pick.from().unwrap_or_default(),
        pick.key().unwrap_or_default(),
    );
    let kinds = [Kind::Pod, Kind::Node, Kind::Namespace, Kind::Service];
    let kind = kinds
        .into_iter()
        .find(|kind| kind.as_str().eq_ignore_ascii_case(from));
    match kind {
        Some(kind) if !followed.contains(&kind) => problems.push(format!(
            "cannot use a `{block}` of `{from}`, because no {kind} is followed: {}",
            remedy(kind.as_str(), selectors)
        )),
        Some(kind) if !key.is_empty() => return Some((kind, key.to_owned())),
        _ if given.iter().any(|(_, given)| *given) => {}
        _ => problems.push(format!(
            "cannot use a `{block}` of `{from}` with the key `{key}`: give `from`, one of pod, node, namespace and service, and `key`"
        )),
    }
    None
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use mermin_core::{
        Flow,
        flow::{Endpoint, FlowId, Interface, Protocol, Value},
    };
    use mermin_kubernetes::{Cluster, Decorator, Moment, api::Object};

    use super::*;

    fn decided(text: &str) -> (ClusterPlan, Vec<String>) {
        let config: Config = text.parse().unwrap();
        let mut problems = Vec::new();
        let plan = ClusterPlan::new(&config, &mut problems);
        (plan, problems)
    }

    fn names(text: &str) -> Vec<Name> {
        let (plan, problems) = decided(text);
        assert!(problems.is_empty(), "{problems:?}");
        plan.names
    }

    #[test]
    fn defaults_name_everything_and_follow_all_but_nodes() {
        let (plan, problems) = decided("");
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(plan.names, Name::ALL);
        assert!(plan.policies);
        let others: Vec<_> = Kind::ALL
            .into_iter()
            .filter(|it| *it != Kind::Node)
            .collect();
        assert_eq!(plan.kinds, others);
    }

    #[test]
    fn cluster_and_networks_have_the_names_of_the_file() {
        let (plan, problems) = decided(
            "discovery \"informer\" \"k8s\" {\ncluster_name = \"prod\"\nnetworks = { \"10.0.0.0/8\" = \"private\", \"10.20.0.0/16\" = \"office\" }\n}\n",
        );
        assert!(problems.is_empty(), "{problems:?}");
        let cluster = Cluster::new(plan.extract.clone());
        let pod = r#"{"metadata": {"name": "web-1", "namespace": "shop", "uid": "1"},
            "status": {"phase": "Running", "podIP": "10.20.0.7", "startTime": "2026-01-01T00:00:00Z"}}"#;
        let pod = Object::parse(Kind::Pod, pod).unwrap();
        let flow = Flow::new(
            FlowId::from_u128(7),
            Protocol::TCP,
            Endpoint::new([10, 20, 0, 7], 50_000),
            Endpoint::new([10, 1, 0, 1], 443),
            Interface::new(2, "eth0"),
            SystemTime::now(),
        );
        cluster.change(|index| index.apply(&pod, Moment::from(flow.start)));
        let added = |plan: &ClusterPlan| {
            let mut flows = [flow.clone()];
            cluster.decorate(&mut Decorator::new(plan.decorate()), &mut flows);
            let added = flows[0].attributes().filter_map(|(name, value)| {
                let wanted = name.ends_with("cluster.name") || name.ends_with("network.name");
                match value {
                    Value::Text(text) if wanted => Some(format!("{name}={text}")),
                    _ => None,
                }
            });
            added.collect::<Vec<_>>()
        };
        let expected = [
            "destination.network.name=private",
            "source.k8s.cluster.name=prod",
            "source.network.name=office",
        ];
        let mut named = added(&plan);
        named.sort_unstable();
        assert_eq!(named, expected);
        assert_eq!(added(&decided("").0), [""; 0]);
        let text =
            "discovery \"informer\" \"k8s\" {\nnetworks = { \"10.0.0.0/33\" = \"private\" }\n}\n";
        let problems = decided(text).1;
        assert!(
            problems.len() == 1
                && problems[0].contains("in `networks`")
                && problems[0].contains("cannot read the network `10.0.0.0/33`"),
            "{problems:?}"
        );
    }

    #[test]
    fn owners_are_limited_by_depth_and_kind() {
        let owners = |text: &str| {
            names(&format!(
                "discovery \"informer\" \"k8s\" {{\nowner_relations = {{ {text} }}\n}}\n"
            ))
        };
        assert!(!owners("max_depth = 0").contains(&Name::ReplicaSetName));
        let first = owners("max_depth = 1");
        assert!(first.contains(&Name::ReplicaSetName) && !first.contains(&Name::DeploymentName));
        let jobs = owners("include_kinds = [\"Job\"]");
        assert!(jobs.contains(&Name::JobUid) && !jobs.contains(&Name::DeploymentUid));
        assert!(jobs.contains(&Name::PodName));
        assert!(!owners("exclude_kinds = [\"Job\"]").contains(&Name::JobName));
    }

    #[test]
    fn metadata_chooses_names_by_kind_and_field() {
        let metadata = |list: &str| {
            let extract = format!("extract {{ metadata = [{list}] }}");
            names(&format!(
                "attributes \"source\" \"k8s\" {{\n{extract}\n}}\nattributes \"destination\" \"k8s\" {{\n{extract}\n}}\n"
            ))
        };
        let pods = metadata("\"pod.metadata.name\"");
        assert!(pods.contains(&Name::PodName) && pods.contains(&Name::ImageName));
        assert!(!pods.contains(&Name::PodUid) && !pods.contains(&Name::ServiceName));
        let all = metadata("\"[*].metadata.uid\", \"[*].metadata.namespace\"");
        assert!(all.contains(&Name::NamespaceName) && all.contains(&Name::ServiceUid));
        assert!(!all.contains(&Name::PodName));
    }

    #[test]
    fn kinds_are_left_out_by_selectors() {
        let (plan, problems) = decided(
            "discovery \"informer\" \"k8s\" {\nselectors = [{ kind = \"Pod\" }, { kind = \"Deployment\" }]\n}\n",
        );
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(plan.kinds, [Kind::Pod, Kind::ReplicaSet, Kind::Namespace]);
        assert!(!plan.policies && !plan.names.contains(&Name::ServiceName));
        assert!(plan.names.contains(&Name::DeploymentName));
        let (plan, _) = decided(
            "discovery \"informer\" \"k8s\" {\nselectors = [{ kind = \"Service\", include = false }]\n}\n",
        );
        assert!(!plan.kinds.contains(&Kind::Service) && plan.kinds.contains(&Kind::Node));
    }

    #[test]
    fn kinds_without_services_take_no_relation_of_services() {
        let refused = |kinds: &str| {
            let kinds = format!("selectors = [{kinds}]\nselector_relations = []\n");
            decided(&format!("discovery \"informer\" \"k8s\" {{\n{kinds}}}\n")).1
        };
        assert_eq!(refused("{ kind = \"Pod\" }"), [""; 0]);
        let both = refused("{ kind = \"Pod\" }, { kind = \"Service\" }");
        assert!(
            both.len() == 1 && both[0].contains("cannot leave Service out"),
            "{both:?}"
        );
    }

    #[test]
    fn label_of_a_kind_that_is_not_followed_is_refused() {
        let labels = |selectors: &str| {
            let label = "extract {\nlabel {\nfrom = \"node\"\nkey = \"zone\"\n}\n}";
            decided(&format!(
                "attributes \"source\" \"k8s\" {{\n{label}\n}}\nattributes \"destination\" \"k8s\" {{\n{label}\n}}\n\
                 discovery \"informer\" \"k8s\" {{\n{selectors}\n}}\n"
            ))
        };
        let (_, problems) = labels("");
        assert!(
            problems.len() == 1
                && problems[0]
                    .contains("name every kind to follow in `selectors`, `{ kind = \"Node\" }`"),
            "{problems:?}"
        );
        let (_, problems) = labels("selectors = [{ kind = \"Node\", include = false }]");
        assert!(
            problems.len() == 1
                && problems[0].contains("take `{ kind = \"Node\", include = false }` out of"),
            "{problems:?}"
        );
        // The list without this row leaves out nothing.
        let (plan, problems) = labels("selectors = []");
        assert!(
            problems.is_empty() && plan.kinds == Kind::ALL,
            "{problems:?}"
        );
        let (plan, problems) =
            labels("selectors = [{ kind = \"Pod\" }, { kind = \"Service\" }, { kind = \"Node\" }]");
        assert!(
            problems.is_empty() && plan.extract != Extract::default(),
            "{problems:?}"
        );
    }

    #[test]
    fn metadata_of_a_kind_that_is_left_out_is_refused() {
        let decided = |path: &str, informer: &str| {
            let extract = format!("extract {{ metadata = [\"{path}\"] }}");
            decided(&format!(
                "attributes \"source\" \"k8s\" {{\n{extract}\n}}\nattributes \"destination\" \"k8s\" {{\n{extract}\n}}\n\
                 discovery \"informer\" \"k8s\" {{\n{informer}\n}}\n"
            ))
            .1
        };
        for (path, informer, remedy) in [
            (
                "[job].metadata.name",
                "selectors = [{ kind = \"Pod\" }]",
                "name every kind",
            ),
            (
                "[job].metadata.uid",
                "selectors = [{ kind = \"Job\", include = false }]",
                "take `{ kind = \"Job\",",
            ),
            (
                "[job].metadata.uid",
                "owner_relations = { exclude_kinds = [\"Job\"] }",
                "leave out the path",
            ),
            ("[node].metadata.uid", "", "name every kind"),
        ] {
            let problems = decided(path, informer);
            let has = |text: &str| problems.iter().any(|it| it.contains(text));
            assert!(has(path) && has(remedy), "{path}: {problems:?}");
        }
        for path in [
            "[node].metadata.name",
            "[job].metadata.name",
            "[job].metadata.namespace",
        ] {
            assert_eq!(decided(path, ""), [""; 0], "{path}");
        }
    }
}
