//! Keys of the reference on which the agent does not act. The agent refuses a file that has one of them. So it never ignores
//! a key silently.

use mermin_config::Loaded;
use mermin_program::begins;

/// A key, or the beginning of several, and the reason with a remedy.
pub(super) const REFUSED: [(&str, &str); 6] = [
    (
        "attributes \"source\" \"k8s\".association",
        "the agent has its own rules, see examples/kubernetes/README.md: leave the block out",
    ),
    (
        "attributes \"destination\" \"k8s\".association",
        "the agent has its own rules, see examples/kubernetes/README.md: leave the block out",
    ),
    (
        "internal \"metrics\".histogram_buckets",
        "the agent has no histograms: leave it out",
    ),
    (
        "internal \"traces\".span_fmt",
        "the agent makes no spans of its own: leave the block out",
    ),
    (
        "internal \"traces\".stdout",
        "the agent makes no spans of its own: leave the block out",
    ),
    (
        "internal \"traces\".otlp",
        "the agent makes no spans of its own: leave the block out",
    ),
];

/// Blocks about Kubernetes: a file that has one of their keys asks for the names of objects.
const CLUSTER: [&str; 2] = ["discovery \"informer\"", "attributes "];

/// Returns true for a key about Kubernetes.
pub(super) fn of_cluster(key: &str) -> bool {
    CLUSTER.iter().any(|block| key.starts_with(block))
}

/// Returns an error for each entry of [`REFUSED`] of which the file has a key. `cluster` refuses further keys, which are valid only with
/// certain values.
pub(super) fn refused(loaded: &Loaded) -> Vec<String> {
    let mut problems: Vec<String> = Vec::new();
    for key in &loaded.for_application {
        if let Some((name, reason)) = REFUSED.iter().find(|(name, _)| begins(key, name)) {
            let problem = format!("cannot use `{name}`: {reason}");
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use mermin_config::Config;

    use super::*;
    use crate::configuration::{Host, Plan};

    const REFERENCE: &str = include_str!("../../../../docs/CONFIG.md");

    /// Keys of the reference, as a reader would write them: those that belong to the application, and those without a
    /// program.
    fn reference() -> (Vec<String>, Vec<String>) {
        let (mut block, mut keys, mut apart) = (String::new(), Vec::new(), Vec::new());
        for line in REFERENCE.lines() {
            if let Some(title) = line.strip_prefix("## ").or(line.strip_prefix("### ")) {
                block = title.trim_matches('`').to_owned();
            }
            let Some(row) = line.strip_prefix("| `") else {
                continue;
            };
            let key = row.split('`').next().unwrap_or_default().to_owned();
            match block.as_str() {
                "Keys without a program" => apart.push(key),
                _ if !line.ends_with(" | application |") => {}
                "The file" => keys.push(key),
                block => keys.push(format!("{block}.{key}")),
            }
        }
        (keys, apart)
    }

    /// For each key, a configuration with that key and the keys that it depends on. Its value makes the agent act differently
    /// from the defaults.
    fn samples() -> BTreeMap<&'static str, String> {
        let k8s = |text: &str| format!("discovery \"informer\" \"k8s\" {{\n{text}\n}}\n");
        let selector = |text: &str| k8s(&format!("selectors = [{{ kind = \"Pod\", {text} }}]"));
        let owners = |text: &str| k8s(&format!("owner_relations = {{ {text} }}"));
        let both = |text: &str| {
            format!(
                "attributes \"source\" \"k8s\" {{\nextract {{\n{text}\n}}\n}}\nattributes \"destination\" \"k8s\" {{\nextract {{\n{text}\n}}\n}}\n"
            )
        };
        let otlp = |text: &str| {
            format!(
                "export \"traces\" {{\notlp = {{ endpoint = \"https://collector:4317\", {text} }}\n}}\n"
            )
        };
        let flows =
            |text: &str| format!("export \"flows\" {{\nto = [\"json:/tmp/a\"]\n{text}\n}}\n");
        let internal = |block: &str, text: &str| format!("internal \"{block}\" {{\n{text}\n}}\n");
        let relations = "selector_relations = [{ kind = \"Service\", to = \"Pod\", selector_match_labels_field = \"spec.selector\" }]";
        BTreeMap::from([
            ("log_level", "log_level = \"debug\"".into()),
            ("log_color", "log_color = true".into()),
            ("auto_reload", "auto_reload = true".into()),
            ("shutdown_timeout", "shutdown_timeout = \"3s\"".into()),
            ("discovery \"informer\" \"k8s\".kubeconfig_path", k8s("kubeconfig_path = \"/k\"")),
            ("discovery \"informer\" \"k8s\".informers_sync_timeout", k8s("informers_sync_timeout = \"3s\"")),
            ("discovery \"informer\" \"k8s\".cluster_name", k8s("cluster_name = \"prod\"")),
            ("discovery \"informer\" \"k8s\".networks", k8s("networks = { \"10.0.0.0/8\" = \"office\" }")),
            ("discovery \"informer\" \"k8s\".selectors", k8s("selectors = [{ kind = \"Pod\" }]")),
            ("discovery \"informer\" \"k8s\".selector_relations", k8s(relations)),
            ("discovery \"informer\" \"k8s\".selectors[].kind", k8s("selectors = [{ kind = \"Node\" }]")),
            ("discovery \"informer\" \"k8s\".selectors[].namespaces", selector("namespaces = [\"a\"]")),
            ("discovery \"informer\" \"k8s\".selectors[].match_labels", selector("match_labels = { a = \"b\" }")),
            ("discovery \"informer\" \"k8s\".selectors[].match_expressions", selector("match_expressions = [{ key = \"a\", operator = \"Exists\" }]")),
            ("discovery \"informer\" \"k8s\".selectors[].include", selector("include = false")),
            ("discovery \"informer\" \"k8s\".owner_relations.max_depth", owners("max_depth = 0")),
            ("discovery \"informer\" \"k8s\".owner_relations.include_kinds", owners("include_kinds = [\"Job\"]")),
            ("discovery \"informer\" \"k8s\".owner_relations.exclude_kinds", owners("exclude_kinds = [\"Job\"]")),
            ("discovery \"informer\" \"k8s\".selector_relations[].kind", k8s(relations)),
            ("discovery \"informer\" \"k8s\".selector_relations[].to", k8s(relations)),
            ("discovery \"informer\" \"k8s\".selector_relations[].selector_match_labels_field", k8s(relations)),
            ("discovery \"informer\" \"k8s\".selector_relations[].selector_match_expressions_field", k8s(&relations.replace("labels_field", "expressions_field"))),
            ("pipeline.flow_producer.flow_span_queue_capacity", "pipeline {\nflow_producer {\nflow_span_queue_capacity = 9\n}\n}".into()),
            ("pipeline.k8s_decorator.decorated_span_queue_capacity", "pipeline {\nk8s_decorator {\ndecorated_span_queue_capacity = 9\n}\n}\nexport \"traces\" {\nstdout = \"json\"\n}\n".into()),
            ("span.community_id_seed", format!("span {{\ncommunity_id_seed = 7\n}}\n{}", otlp(""))),
            ("span.trace_id_timeout", format!("span {{\ntrace_id_timeout = \"7s\"\n}}\n{}", otlp(""))),
            ("extract.metadata", both("metadata = [\"[*].metadata.name\"]")),
            ("extract.label", both("label {\nfrom = \"pod\"\nkey = \"app\"\n}")),
            ("extract.annotation", both("annotation {\nfrom = \"pod\"\nkey = \"app\"\n}")),
            ("extract.label[].from", both("label {\nfrom = \"namespace\"\nkey = \"app\"\n}")),
            ("extract.label[].key", both("label {\nfrom = \"pod\"\nkey = \"web\"\n}")),
            ("extract.annotation[].from", both("annotation {\nfrom = \"namespace\"\nkey = \"app\"\n}")),
            ("extract.annotation[].key", both("annotation {\nfrom = \"pod\"\nkey = \"web\"\n}")),
            ("export \"traces\".stdout.format", "export \"traces\" {\nstdout = \"json\"\n}\n".into()),
            ("export \"traces\".otlp.endpoint", otlp("")),
            ("export \"traces\".otlp.protocol", otlp("protocol = \"http_binary\"")),
            ("export \"traces\".otlp.timeout", otlp("timeout = \"3s\"")),
            ("export \"traces\".otlp.max_batch_size", otlp("max_batch_size = 3")),
            ("export \"traces\".otlp.max_batch_interval", otlp("max_batch_interval = \"3s\"")),
            ("export \"traces\".otlp.max_queue_size", otlp("max_queue_size = 3")),
            ("export \"traces\".otlp.max_concurrent_exports", otlp("max_concurrent_exports = 3")),
            ("export \"traces\".otlp.max_export_timeout", otlp("max_export_timeout = \"3s\"")),
            ("export \"traces\".otlp.headers", otlp("headers = { a = \"b\" }")),
            ("export \"traces\".otlp.auth.bearer", otlp("auth = { bearer = \"b\" }")),
            ("export \"traces\".otlp.auth.basic.user", otlp("auth = { basic = { user = \"a\", pass = \"b\" } }")),
            ("export \"traces\".otlp.auth.basic.pass", otlp("auth = { basic = { user = \"c\", pass = \"b\" } }")),
            ("export \"traces\".otlp.tls.insecure_skip_verify", otlp("tls = { insecure_skip_verify = true }")),
            ("export \"traces\".otlp.tls.ca_cert", otlp("tls = { ca_cert = \"/ca\" }")),
            ("export \"traces\".otlp.tls.client_cert", otlp("tls = { client_cert = \"/c\", client_key = \"/k\" }")),
            ("export \"traces\".otlp.tls.client_key", otlp("tls = { client_cert = \"/c\", client_key = \"/l\" }")),
            ("export \"flows\".to", flows("")),
            ("export \"flows\".buffer", flows("buffer = 7")),
            ("export \"flows\".overflow", flows("overflow = \"drop-oldest\"")),
            ("internal \"metrics\".enabled", internal("metrics", "enabled = false")),
            ("internal \"metrics\".listen_address", internal("metrics", "listen_address = \"::1\"")),
            ("internal \"metrics\".port", internal("metrics", "port = 9")),
            ("internal \"metrics\".debug_metrics_enabled", internal("metrics", "debug_metrics_enabled = true")),
            ("internal \"metrics\".stale_metric_ttl", internal("metrics", "stale_metric_ttl = \"9s\"")),
            ("internal \"metrics\".histogram_buckets", internal("metrics", "histogram_buckets { a = [1] }")),
            ("internal \"server\".enabled", internal("server", "enabled = false")),
            ("internal \"server\".listen_address", internal("server", "listen_address = \"::1\"")),
            ("internal \"server\".port", internal("server", "port = 9")),
            ("internal \"page\".enabled", internal("page", "enabled = true")),
            ("internal \"page\".listen_address", internal("page", "enabled = true\nlisten_address = \"::1\"")),
            ("internal \"page\".port", internal("page", "enabled = true\nport = 9")),
            ("internal \"traces\".span_fmt", internal("traces", "span_fmt = \"full\"")),
            ("internal \"traces\".stdout", internal("traces", "stdout = \"text_indent\"")),
            ("internal \"traces\".otlp", internal("traces", "otlp = { endpoint = \"http://a:1\" }")),
        ])
    }

    fn plan(text: &str) -> Result<Plan, Vec<String>> {
        let loaded = Config::load("sample.hcl", text.as_bytes(), &|_| None);
        let loaded = loaded.unwrap_or_else(|error| panic!("{error}\n{text}"));
        Plan::new(&loaded, &Host::default())
    }

    fn errors(text: &str) -> Vec<String> {
        match plan(text) {
            Ok(_) => panic!("accepted:\n{text}"),
            Err(problems) => problems,
        }
    }

    /// The agent's actions, without the configuration itself.
    fn deeds(plan: Plan) -> String {
        let Plan {
            capture: _,
            batch,
            shutdown_timeout,
            auto_reload,
            log_level,
            log_color,
            receivers,
            cluster,
            metrics,
            server,
            page,
            config: _,
        } = plan;
        format!(
            "{batch} {shutdown_timeout:?} {auto_reload} {log_level} {log_color} {receivers:?} {cluster:?} {metrics:?} {server:?} {page:?}"
        )
    }

    #[test]
    fn every_key_takes_effect() {
        let ((keys, _), samples) = (reference(), samples());
        assert!(keys.len() > 60, "{} keys", keys.len());
        let usual = deeds(plan("").unwrap());
        let mut results: BTreeMap<String, &str> = BTreeMap::new();
        for key in &keys {
            let name = key
                .split_once("\"k8s\".")
                .filter(|_| key.starts_with("attributes"))
                .map_or(key.as_str(), |(_, rest)| rest);
            let text = samples
                .get(name)
                .unwrap_or_else(|| panic!("no sample of `{key}`"));
            match plan(text) {
                Ok(plan) => {
                    let deeds = deeds(plan);
                    assert_ne!(deeds, usual, "`{key}` has no effect:\n{text}");
                    results.insert(key.clone(), "effect");
                }
                Err(problems) => {
                    let mentioned = problems
                        .iter()
                        .any(|it| it.contains(name.rsplit('.').next().unwrap()));
                    assert!(mentioned, "`{key}`: {problems:?}");
                }
            }
        }
        assert!(results.len() > 50, "{results:?}");
    }

    #[test]
    fn key_without_a_program_is_refused() {
        let ((_, keys), samples) = (reference(), samples());
        assert!(keys.len() > 60, "{} keys", keys.len());
        for key in &keys {
            if REFUSED.iter().any(|(name, _)| begins(key, name)) {
                continue;
            }
            // Keys within `match_expressions[]` are covered by the refusal of `match_expressions`.
            let whole = key
                .split_once("match_expressions[]")
                .map_or(key.clone(), |(before, _)| {
                    format!("{before}match_expressions")
                });
            if let Some(text) = samples.get(whole.as_str()) {
                let name = whole.rsplit('.').next().unwrap();
                let problems = errors(text);
                assert!(
                    problems.iter().any(|it| it.contains(name)),
                    "{key}: {problems:?}"
                );
                continue;
            }
            let (block, name) = key.rsplit_once("[].").unwrap();
            let block = block.rsplit_once(".extract.").unwrap().1;
            let text = format!(
                "attributes \"source\" \"k8s\" {{\nextract {{\n{block} {{\nfrom = \"pod\"\nkey = \"app\"\n{name} = \"x\"\n}}\n}}\n}}\n"
            );
            let problems = errors(&text);
            assert!(
                problems.iter().any(|it| it.contains(name)),
                "{key}: {problems:?}"
            );
        }
        for (name, _) in REFUSED {
            assert!(keys.iter().any(|key| begins(key, name)), "{name}");
        }
    }

    #[test]
    fn refused_keys_are_named_with_a_remedy() {
        let texts = [
            ("attributes \"source\" \"k8s\".association", "attributes \"source\" \"k8s\" {\nassociation {\npod = {\nsources = [{ from = \"source.ip\", to = [\"status.podIP\"] }]\n}\n}\n}\n".to_owned()),
            ("attributes \"destination\" \"k8s\".association", "attributes \"destination\" \"k8s\" {\nassociation {\nnode = {\nsources = []\n}\n}\n}\n".to_owned()),
        ];
        let own = samples();
        for (name, _) in REFUSED {
            let text = texts
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, text)| text);
            let text = text.or_else(|| own.get(name)).unwrap();
            let problems = errors(text);
            assert!(
                problems
                    .iter()
                    .any(|it| it.contains(&format!("cannot use `{name}`"))),
                "{name}: {problems:?}"
            );
        }
    }
}
