//! Files that load: those in the documentation, those of Mermin's agent, and all the ways to write one thing.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use mermin_config::{Config, Diagnostic, Loaded, value::LogLevel};

fn load(text: &str) -> Loaded {
    let environment = |name: &str| match name {
        "PORT" => Some("9000".to_owned()),
        "YES" => Some("true".to_owned()),
        "HOST" | "OTLP_TOKEN" => Some("collector".to_owned()),
        _ => None,
    };
    Config::load("mermin.hcl", text.as_bytes(), &environment)
        .unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Markdown files of the project, but not of what is built or fetched.
fn pages(of: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(of).unwrap() {
        let path = entry.unwrap().path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() && !path.is_symlink() && name != "target" && !name.starts_with('.') {
            pages(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

#[test]
fn every_block_of_hcl_in_the_documentation_loads() {
    let mut found = Vec::new();
    pages(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join(".."),
        &mut found,
    );
    let mut blocks = 0;
    for page in found {
        let text = fs::read_to_string(&page).unwrap();
        for block in text.split("```hcl\n").skip(1) {
            let block = block.split("```").next().unwrap();
            load(block);
            blocks += 1;
        }
    }
    assert!(blocks >= 2, "{blocks}");
}

/// All that the agent's reference has, in its own forms: objects for blocks, `env` without quotes, keys of earlier versions.
#[test]
fn upstream_agent_file_loads_with_warnings_only() {
    let loaded = load(include_str!("agent.hcl"));
    let config = &loaded.config;
    assert_eq!(config.log_level(), LogLevel::Info);
    assert_eq!(
        config.pipeline().flow_capture().flow_stats_capacity().get(),
        100_000
    );
    let otlp = config.export().traces().otlp().unwrap();
    assert_eq!(otlp.endpoint().as_str(), "http://otelcol:4317");
    let selectors = config.discovery().informer().k8s().selectors();
    assert_eq!(selectors.len(), 3);
    assert!(!selectors[2].include());
    let association = config.attributes().source().k8s().association();
    assert_eq!(association.pod().as_ref().unwrap().sources().len(), 2);
    assert_eq!(
        config.attributes().source().k8s().extract().label().len(),
        2
    );
    let warnings: Vec<&str> = loaded.warnings.iter().map(Diagnostic::message).collect();
    assert_eq!(
        warnings,
        [
            "`packet_worker_count` has no effect here",
            "`pipeline.flow_capture.flow_events_capacity` has no effect here",
            "`pipeline.flow_producer.workers` has no effect here",
            "`pipeline.flow_producer.worker_queue_capacity` has no effect here",
            "`pipeline.flow_producer.flow_store_poll_interval` has no effect here",
            "`pipeline.k8s_decorator.threads` has no effect here",
            "`parser.max_header_depth` has no effect here",
            "`discovery \"informer\" \"k8s\".informers_resync_period` has no effect here",
            "`span.enable_hostname_resolution` has no effect here",
            "`internal \"traces\".span_format` has no effect here",
            "on a host network, port 10250 is the kubelet's",
        ]
    );
    assert!(
        loaded
            .for_application
            .iter()
            .any(|key| key == "export \"traces\".otlp.endpoint")
    );
}

#[test]
fn equivalent_forms_are_equal() {
    let expected = load("discovery \"instrument\" {\n  tc_priority = 7\n}\n").config;
    for text in [
        "discovery {\n  instrument {\n    tc_priority = 7\n  }\n}\n",
        "discovery instrument {\n  tc_priority = 7\n}\n",
        "discovery = { instrument = { tc_priority = 7 } }\n",
        "discovery = {\n  \"instrument\" : { tc_priority : 7 }\n}\n",
        "\u{feff}discovery \"instrument\" {\r\n  tc_priority = (7)\r\n}\r\n",
        "discovery \"instrument\" { tc_priority = 7 }",
        "discovery \"informer\" \"k8s\" {\n}\ndiscovery \"instrument\" {\n  tc_priority = true ? 7 : 8\n  attach = null\n}\n",
    ] {
        assert_eq!(load(text).config, expected, "{text}");
    }
    assert_eq!(load("").config, Config::default());
    assert_eq!(load("# nothing\n").config, Config::default());
}

/// Forms that the reference of Mermin's agent shows, each beside what it means.
#[test]
fn upstream_reference_forms_load() {
    for (form, meaning) in [
        (
            "export \"traces\" {\n  stdout = \"text_indent\"\n}\n",
            "export \"traces\" {\n  stdout = { format = \"text_indent\" }\n}\n",
        ),
        (
            "internal \"traces\" {\n  stdout = \"text_indent\"\n}\n",
            "internal \"traces\" {\n  stdout { format = \"text_indent\" }\n}\n",
        ),
        (
            "filter \"network\" {\n  transport = { match = [\"{tcp,UDP}\"] }\n  type = { not_match = [\"ipv?\"] }\n}\n",
            "filter \"network\" {\n  transport = { match = [\"tcp\", \"udp\"] }\n  type = { not_match = [\"ipv4\", \"ipv6\"] }\n}\n",
        ),
        (
            "filter \"flow\" {\n  tcp_flags_tags = { match = [\"[sr]*\"] }\n}\n",
            "filter \"flow\" {\n  tcp_flags_tags = { match = [\"SYN\", \"RST\"] }\n}\n",
        ),
        (
            "filter \"flow\" {\n  icmp_code_name = { match = [13, \"0-8\"] }\n}\n",
            "filter \"flow\" {\n  icmp_code_name = { match = [\"13\", \"0-8\"] }\n}\n",
        ),
    ] {
        assert_eq!(load(form).config, load(meaning).config, "{form}");
    }
    let depth = load(
        "discovery \"informer\" \"k8s\" {\n  owner_relations = { max_depth = 0 }\n  selectors = [{ kind = \"Node\" }]\n}\n",
    );
    assert_eq!(
        depth
            .config
            .discovery()
            .informer()
            .k8s()
            .owner_relations()
            .max_depth()
            .get(),
        0
    );
    let names =
        load("filter \"flow\" {\n  ip_dscp_name = { match = [\"AF4{1,2,3}\"] }\n}\n").config;
    let fits = |name| names.filter().flow.ip_dscp_name.matching[0].matches(name);
    assert!(fits("af42") && !fits("af21"));
    let unused = load(
        "export \"traces\" {\n  otlp = { resource_attributes = { a = \"b\" } }\n}\nexporter \"otlp\" \"main\" {\n}\n",
    );
    assert_eq!(unused.warnings.len(), 2, "{:?}", unused.warnings);
}

#[test]
fn values_come_from_the_environment() {
    let config = load(
        "log_color = env(\"YES\")\nlog_level = env(\"NO\", env(\"NEITHER\", \"WARN\"))\ninternal \"server\" {\n  port = env(PORT)\n}\nexport \"traces\" {\n  otlp {\n    endpoint = \"http://${env(\"HOST\")}:4317\"\n  }\n}\n",
    )
    .config;
    assert!(config.log_color());
    assert_eq!(config.log_level(), LogLevel::Warn);
    assert_eq!(config.internal().server().port().get(), 9_000);
    let otlp = config.export().traces().otlp().unwrap();
    assert_eq!(otlp.endpoint().as_str(), "http://collector:4317");
}

#[test]
fn secrets_are_not_in_debug_output() {
    let config = load("export \"traces\" {\n  otlp {\n    auth = { bearer = \"hunter2\" }\n    headers = { x = \"hunter2\" }\n  }\n}\n").config;
    assert!(!format!("{config:?}").contains("hunter2"));
    assert!(config.to_hcl().contains("hunter2"));
}
