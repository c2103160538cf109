//! The chart as Helm renders it.

use std::{
    env,
    io::Write as _,
    process::{Command, Stdio},
};

use serde_json::json;

use crate::{chart::rendered, place, read};

/// Renders the chart by Helm with the values of each case, and prints one line for each: if the objects are those of the text.
const COMPARE: &str = r#"
import json, sys, helm_python, yaml

asked = json.load(sys.stdin)
found = helm_python.lint(asked["chart"])
if found["errors"]:
    sys.exit(str(found))

def objects(texts):
    found = [it for text in texts for it in yaml.safe_load_all(text) if it is not None]
    return sorted(found, key=lambda it: it["kind"])

with helm_python.Chart.load(asked["chart"]) as chart:
    for case in asked["cases"]:
        values = {name: yaml.safe_load(text) for name, text in case["values"]}
        rendered = chart.render(values, name="mermin-agent", namespace="mermin")
        helm, own = objects(rendered.values()), objects([case["text"]])
        print("same" if helm == own else "differ")
        if helm != own:
            for one, other in zip(helm, own):
                if one != other:
                    print(json.dumps(one), json.dumps(other), sep="\n", file=sys.stderr)
"#;

#[test]
#[ignore = "`cargo xtask ci --full` has Helm for it"]
fn chart_is_rendered_by_helm_as_by_these_tests() {
    let python = env::var_os("MERMIN_HELM_PYTHON").unwrap();
    let changes: [&[(&str, &str)]; 6] = [
        &[],
        // A number is a name too: the value of a variable is a string.
        &[("clusterName", "20251201")],
        &[("privileged", "true")],
        &[("podMonitor", "true")],
        &[
            ("env", "- name: OTLP_TOKEN\n  value: x"),
            ("envFrom", "- secretRef:\n    name: receivers"),
            ("volumes", "- name: tls\n  secret: {secretName: tls}"),
            ("volumeMounts", "- name: tls\n  mountPath: /tls"),
        ],
        &[
            ("capabilities", "[\"BPF\", \"NET_ADMIN\"]"),
            ("probesPort", "18080"),
            ("clusterName", "\"prod-east\""),
            ("metricsPort", "19464"),
            ("memory", "256Mi"),
            ("memoryLimit", "1Gi"),
        ],
    ];
    let mut cases: Vec<_> = changes
        .iter()
        .map(|values| json!({"values": values, "text": rendered(values)}))
        .collect();
    let committed = read("deploy/kubernetes/capabilities.yaml");
    cases.push(json!({"values": [], "text": committed}));
    // The comparison sees one wrong word.
    let wrong = committed.replace("hostPID: true", "hostPID: false");
    cases.push(json!({"values": [], "text": wrong}));
    let mut expected = vec!["same"; cases.len()];
    expected[cases.len() - 1] = "differ";

    let mut helm = Command::new(python)
        .args(["-c", COMPARE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let asked = json!({"chart": place("deploy/chart"), "cases": cases});
    let mut to = helm.stdin.take().unwrap();
    to.write_all(asked.to_string().as_bytes()).unwrap();
    drop(to);
    let output = helm.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
}
