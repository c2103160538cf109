//! The manifests, the chart, the unit and the page about them agree with each other and with the programs that read them.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and the lint knows only functions that are marked as tests"
)]

mod chart;
mod helm;
mod unit;

use std::{env, fs, path::PathBuf, process::Command};

use mermin_agent::configuration::{File, Host, Memory};
use mermin_config::Config;
use mermin_kubernetes::Kind;
use mermin_testing::{Folder, Kubernetes, is_installed};

use chart::{manifest, render, values};

fn place(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(place(name)).unwrap()
}

/// Returns false if a program is missing, and with it a test. In CI, that is a failure.
fn has(program: &str) -> bool {
    let has = is_installed(program);
    if !has {
        let lacks = format!("`{program}` is not installed");
        assert!(env::var_os("MERMIN_REQUIRE_KERNEL").is_none(), "{lacks}");
        eprintln!("skipped: {lacks}");
    }
    has
}

const MANIFESTS: [(&str, bool); 2] = [
    ("deploy/kubernetes/privileged.yaml", true),
    ("deploy/kubernetes/capabilities.yaml", false),
];

#[test]
fn manifests_are_what_the_chart_renders() {
    for (name, privileged) in MANIFESTS {
        let rendered = manifest(privileged);
        if env::var_os("MERMIN_WRITE_DOCS").is_some() {
            fs::write(place(name), &rendered).unwrap();
        }
        let committed = read(name);
        assert!(
            committed == rendered,
            "{name} differs: type `MERMIN_WRITE_DOCS=1 cargo test -p mermin-agent --test deploy`"
        );
    }
}

#[test]
fn variants_differ_in_privileges() {
    let (whole, few) = (manifest(true), manifest(false));
    assert!(whole.contains("privileged: true") && !whole.contains("hostNetwork"));
    assert!(
        few.contains("add: [\"BPF\", \"NET_ADMIN\", \"PERFMON\"]")
            && few.contains("hostNetwork: true")
    );
    // The API server refuses this kind of mount for a container without privileges.
    assert!(!few.contains("Bidirectional") && !few.contains("privileged: true"));
    for text in [&whole, &few] {
        for needed in [
            "readOnlyRootFilesystem: true",
            "hostPID: true",
            "path: /livez",
            "path: /readyz",
            "path: /startup",
            // Kubernetes replaces only variables that are defined before.
            "fieldPath: metadata.namespace\n        - name: CLUSTER_NAME\n          value: \"\"\n        - name: OTEL_RESOURCE_ATTRIBUTES\n          value: k8s.node.name=$(NODE_NAME),",
        ] {
            assert!(text.contains(needed), "{needed}");
        }
    }
    assert!(
        read("deploy/kubernetes/namespace.yaml")
            .contains("pod-security.kubernetes.io/enforce: privileged")
    );
}

#[test]
fn values_reach_the_pod() {
    let mut values = values();
    let template = read("deploy/chart/templates/daemonset.yaml");
    let by_default = render(&template, &values);
    for (name, value) in [
        ("env", "- name: OTLP_TOKEN\n  value: x"),
        ("envFrom", "- secretRef:\n    name: receivers"),
        (
            "volumes",
            "- name: certificates\n  secret: {secretName: tls}",
        ),
        ("volumeMounts", "- name: certificates\n  mountPath: /tls"),
        (
            "capabilities",
            "[\"BPF\", \"NET_ADMIN\", \"PERFMON\", \"SYS_PTRACE\"]",
        ),
        ("clusterName", "\"prod-east\""),
        ("probesPort", "18080"),
        ("metricsPort", "19464"),
    ] {
        values.insert(name.to_owned(), value.to_owned());
        let last = value.lines().last().unwrap().trim();
        assert!(!by_default.contains(last), "{name}");
        assert!(render(&template, &values).contains(last), "{name}");
    }
    // A number is a name: the API server refuses one as the value of a variable.
    values.insert("clusterName".to_owned(), "20251201".to_owned());
    assert!(
        render(&template, &values)
            .contains("- name: CLUSTER_NAME\n          value: \"20251201\"\n")
    );
    // Each list follows the elements that are always there, at their depth.
    let rendered = render(&template, &values);
    for joined in [
        "          value: k8s.node.name=$(NODE_NAME),k8s.namespace.name=$(POD_NAMESPACE),k8s.cluster.name=$(CLUSTER_NAME)\n        - name: OTLP_TOKEN\n          value: x\n        envFrom:\n        - secretRef:\n            name: receivers\n        ports:\n",
        "          mountPropagation: HostToContainer\n        - name: certificates\n          mountPath: /tls\n      volumes:\n",
        "          type: Directory\n      - name: certificates\n        secret: {secretName: tls}\n",
    ] {
        assert!(rendered.contains(joined), "{joined}\n{rendered}");
    }
}

#[test]
fn pod_monitor_reads_the_metrics_of_the_agents_pods() {
    let mut values = values();
    let template = read("deploy/chart/templates/podmonitor.yaml");
    assert_eq!(render(&template, &values), "");
    values.insert("podMonitor".to_owned(), "true".to_owned());
    let expected = "\
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata:
  name: mermin-agent
  namespace: mermin
spec:
  selector:
    matchLabels:
      app.kubernetes.io/name: mermin-agent
  podMetricsEndpoints:
  - port: metrics
";
    assert_eq!(render(&template, &values), expected);
    let pods = render(&read("deploy/chart/templates/daemonset.yaml"), &values);
    for part in [
        "    metadata:\n      labels:\n        app.kubernetes.io/name: mermin-agent\n",
        "        - name: metrics\n          containerPort: 9464\n",
    ] {
        assert!(pods.contains(part), "{part}\n{pods}");
    }
}

#[test]
fn cluster_role_is_that_of_the_library() {
    let page = read("../kubernetes/README.md");
    let rules = page.split("```yaml\n").nth(1).unwrap();
    let rules = rules.split("```").next().unwrap();
    let role = read("deploy/chart/templates/clusterrole.yaml");
    assert!(role.ends_with(rules), "{rules}");
}

#[test]
fn file_of_the_manifests_takes_effect() {
    let text = values().remove("config").unwrap();
    for netns in ["own", "host"] {
        let environment = |name: &str| match name {
            "POD_IP" => Some("10.0.0.7".to_owned()),
            "MERMIN_NETNS" => Some(netns.to_owned()),
            "CLUSTER_NAME" => Some("prod-east".to_owned()),
            _ => None,
        };
        let loaded = Config::load("mermin.hcl", text.as_bytes(), &environment).unwrap();
        assert!(loaded.warnings.is_empty());
        let host = Host {
            in_pod: true,
            ..Host::default()
        };
        let file = File::of(None, &loaded, &host).unwrap();
        let at = |port: &str| format!("10.0.0.7:{}", values()[port]).parse().unwrap();
        assert_eq!(file.plan.server, Some(at("probesPort")));
        assert_eq!(
            file.plan.metrics.map(|it| it.address),
            Some(at("metricsPort"))
        );
        assert_eq!(file.plan.receivers.len(), 1);
        // The role may list all of them.
        let kinds = file.plan.cluster.as_ref().map(|it| it.kinds.as_slice());
        assert_eq!(kinds, Some(Kind::ALL.as_slice()));
        let name = file
            .plan
            .cluster
            .as_ref()
            .and_then(|it| it.cluster_name.as_deref());
        assert_eq!(name, Some("prod-east"));
        let memory = Memory::of(&file.plan);
        let mebi = |name: &str| -> u64 {
            let value = &values()[name];
            value.strip_suffix("Mi").unwrap().parse().unwrap()
        };
        assert!(memory.request() <= mebi("memory"), "{memory:?}");
        assert!(memory.limit() <= mebi("memoryLimit"), "{memory:?}");
        // The kubelet kills a pod that takes longer.
        let grace: u64 = values()["terminationGracePeriodSeconds"].parse().unwrap();
        assert!(file.plan.shutdown_timeout.as_secs() + 10 <= grace);
        // Two seconds from one attempt to the next.
        let attempts: u64 = values()["startupFailureThreshold"].parse().unwrap();
        let first_list = file.plan.cluster.unwrap().sync_timeout;
        assert!(first_list.as_secs() + 10 <= 2 * attempts);
    }
}

/// An error of a target names a feature, and the agent must have it under the same name.
#[test]
fn features_of_receivers_are_features_of_the_agent() {
    let (agent, export) = (read("Cargo.toml"), read("../export/Cargo.toml"));
    let readme = read("README.md");
    for feature in ["kafka", "s3", "tls", "zstd"] {
        assert!(export.contains(&format!("\n{feature} = [")), "{feature}");
        let passed_on = format!("\"mermin-export/{feature}\"");
        let line = agent
            .lines()
            .find(|line| line.starts_with(&format!("{feature} = [")));
        assert!(line.is_some_and(|it| it.contains(&passed_on)), "{feature}");
        assert!(readme.contains(&format!("| `{feature}` |")), "{feature}");
    }
}

#[test]
fn manifests_are_read_by_kubectl() {
    if !has("kubectl") {
        return;
    }
    for (name, _) in MANIFESTS {
        let folder = Folder::new("agent-kustomize");
        fs::copy(place(name), folder.file("all.yaml")).unwrap();
        fs::copy(
            place("deploy/kubernetes/namespace.yaml"),
            folder.file("namespace.yaml"),
        )
        .unwrap();
        fs::write(
            folder.file("kustomization.yaml"),
            "resources: [all.yaml, namespace.yaml]\n",
        )
        .unwrap();
        let path = folder.file("kustomization.yaml");
        let output = Command::new("kubectl")
            .arg("kustomize")
            .arg(path.parent().unwrap())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {said}");
        let objects = String::from_utf8_lossy(&output.stdout);
        assert_eq!(objects.matches("\nkind: ").count(), 6, "{objects}");
    }
}

#[test]
#[ignore = "`cargo xtask api-server` has a server for it"]
fn manifests_are_accepted_by_a_real_server() {
    let server = Kubernetes::new();
    let apply = |words: &[&str], manifest: &str| {
        let words = [&["apply", "--filename=-"], words].concat();
        server.try_kubectl(&words, manifest)
    };
    apply(&[], &read("deploy/kubernetes/namespace.yaml")).unwrap();
    for (name, _) in MANIFESTS {
        let manifest = read(name);
        let said = apply(&["--dry-run=server"], &manifest).unwrap();
        assert_eq!(said.matches("(server dry run)").count(), 5, "{said}");
        // The server reads it all: a port that no container has.
        let wrong = manifest.replace("containerPort: 8080", "containerPort: 0");
        let error = apply(&["--dry-run=server"], &wrong).unwrap_err();
        assert!(error.contains("containerPort"), "{error}");
        apply(&[], &manifest).unwrap();
    }
    // The role gives the account all that it asks for, and no more.
    let can = |verb: &str, resource: &str| {
        let account = "--as=system:serviceaccount:mermin:mermin-agent";
        let words = ["auth", "can-i", verb, resource, account, "--all-namespaces"];
        let answer = server.try_kubectl(&words, "");
        answer.is_ok_and(|it| it.trim() == "yes")
    };
    for resource in ["pods", "endpointslices.discovery.k8s.io", "jobs.batch"] {
        assert!(can("watch", resource), "{resource}");
    }
    assert!(!can("list", "secrets") && !can("delete", "pods"));
}
