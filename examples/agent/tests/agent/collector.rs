//! A collector behind `export "traces" otlp`.

use std::{fs, time::Duration};

use mermin_testing::{Collector, Folder, has_attribute};

use crate::{
    network::{make, send},
    support::{Agent, program},
};

/// The node, the namespace and the cluster are where the chart sets them: in variables of OpenTelemetry's specification.
pub(crate) fn gets_the_resource_of_the_environment() {
    make();
    let collector = Collector::new();
    let folder = Folder::new("agent-collector");
    let file = folder.file("a.hcl");
    let text = format!(
        "discovery \"instrument\" {{\n  interfaces = [\"near0\"]\n}}\ninternal \"server\" {{\n  enabled = false\n}}\n\
         internal \"metrics\" {{\n  enabled = false\n}}\n{}",
        collector.block("")
    );
    fs::write(&file, text).unwrap();
    let mut command = program();
    command
        .env(
            "OTEL_RESOURCE_ATTRIBUTES",
            "k8s.node.name=node-7,k8s.cluster.name=east%2C1",
        )
        .env("OTEL_SERVICE_NAME", "edge");
    let mut agent = Agent::start_as(command, &file);
    send(1, 1, Duration::ZERO);
    assert_eq!(agent.stop(), Some(0), "{}", agent.said());
    let came = collector.came();
    for (name, value) in [
        ("k8s.node.name", "node-7"),
        ("k8s.cluster.name", "east,1"),
        ("service.name", "edge"),
    ] {
        let has = has_attribute(&came, name, value);
        assert!(has, "{value}: {:?}", String::from_utf8_lossy(&came));
    }
}
