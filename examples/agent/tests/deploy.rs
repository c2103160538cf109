//! The manifests, the chart, the unit and the page about them agree with each other and with the programs that read them.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and the lint knows only functions that are marked as tests"
)]

use std::{collections::HashMap, env, fs, path::PathBuf, process::Command};

use mermin_agent::configuration::{File, Host};
use mermin_config::Config;
use mermin_testing::{Folder, Kubernetes, is_installed};

fn place(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(place(name)).unwrap()
}

/// The values of the chart: words, and texts of several lines.
fn values() -> HashMap<String, String> {
    let text = read("deploy/chart/values.yaml");
    let mut values: HashMap<String, String> = HashMap::new();
    let mut block = None;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let (Some(name), true) = (&block, line.is_empty() || line.starts_with("  ")) {
            let value: &mut String = values.entry(String::clone(name)).or_default();
            value.push_str(line.strip_prefix("  ").unwrap_or(""));
            value.push('\n');
        } else if let Some((name, value)) = line.split_once(": ") {
            block = (value == "|").then(|| name.to_owned());
            if block.is_none() {
                values.insert(name.to_owned(), value.to_owned());
            }
        }
    }
    values
}

/// Renders a template as Helm does, of the part of its language that the chart uses: values, `nindent`, and conditions on lines
/// of their own.
fn render(template: &str, values: &HashMap<String, String>) -> String {
    let (mut text, mut shown) = (String::new(), vec![true]);
    for line in template.lines() {
        let word = line
            .trim()
            .strip_prefix("{{- ")
            .and_then(|it| it.strip_suffix(" }}"));
        match word {
            Some("else") => {
                let last = shown.pop().unwrap();
                shown.push(!last);
            }
            Some("end") => drop(shown.pop().unwrap()),
            Some(word) if word.starts_with("if .Values.") => {
                let name = word.trim_start_matches("if .Values.");
                shown.push(values[name] == "true");
            }
            Some(word) => {
                let (name, indent) = word.split_once(" | nindent ").unwrap();
                let pad = " ".repeat(indent.parse().unwrap());
                let value = &values[name.trim_start_matches(".Values.")];
                // As Helm does, but without spaces at the ends of lines.
                for line in value.trim_end().lines() {
                    text.push_str(format!("{pad}{line}").trim_end());
                    text.push('\n');
                }
            }
            None if shown.iter().all(|shown| *shown) => {
                let mut line = line.replace("{{ .Release.Namespace }}", "mermin");
                for (name, value) in values {
                    line = line.replace(&format!("{{{{ .Values.{name} }}}}"), value);
                }
                assert!(!line.contains("{{"), "{line}");
                text.push_str(&line);
                text.push('\n');
            }
            None => {}
        }
    }
    assert_eq!(shown, [true]);
    text
}

fn manifest(privileged: bool) -> String {
    let mut values = values();
    values.insert("privileged".to_owned(), privileged.to_string());
    let names = [
        "serviceaccount",
        "clusterrole",
        "clusterrolebinding",
        "configmap",
        "daemonset",
        "podmonitor",
    ];
    let parts = names.map(|name| {
        render(
            &read(&format!("deploy/chart/templates/{name}.yaml")),
            &values,
        )
    });
    let parts = parts
        .iter()
        .filter(|part| !part.is_empty())
        .map(String::as_str);
    parts.collect::<Vec<_>>().join("---\n")
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
            _ => None,
        };
        let loaded = Config::load("mermin.hcl", text.as_bytes(), &environment).unwrap();
        assert!(loaded.warnings.is_empty());
        let file = File::of(None, &loaded, Host { in_pod: true }).unwrap();
        assert_eq!(file.plan.server, Some("10.0.0.7:8080".parse().unwrap()));
        assert!(file.plan.cluster.is_some() && file.plan.receivers.len() == 1);
        // The kubelet kills a pod that takes longer.
        let grace: u64 = values()["terminationGracePeriodSeconds"].parse().unwrap();
        assert!(file.plan.shutdown_timeout.as_secs() + 10 <= grace);
    }
}

#[test]
fn manifests_are_read_by_kubectl() {
    if !is_installed("kubectl") {
        eprintln!("skipped: `kubectl` is not installed");
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

#[test]
fn unit_has_few_privileges() {
    let unit = place("deploy/mermin-agent.service");
    if !is_installed("systemd-analyze") {
        eprintln!("skipped: `systemd-analyze` is not installed");
        return;
    }
    // 2.5 of 10, the limit of what systemd calls OK is 5.
    let output = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--threshold=25", "--no-pager"])
        .arg(&unit)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
}
