//! The unit and its drop-in, under systemd, by the commands of docs/DEPLOYMENT.md.

mod systemd;

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
    time::Duration,
};

use mermin_testing::until;

use self::systemd::Systemd;
use crate::{
    network::{make, send},
    runs::packets,
    support::{get, metric},
};

const UNIT: &str = include_str!("../../../deploy/mermin-agent.service");
const DROP_IN: &str = include_str!("../../../deploy/mermin-agent.service.d/instance.conf");
/// Where the unit may write.
const FLOWS: &str = "/var/lib/mermin-agent";
/// Ports by default: the network is the test's own.
const PROBES: u16 = 8080;
const METRICS: u16 = 9464;

fn settings(keys: &str, flows: &str) -> String {
    format!(
        "discovery \"instrument\" {{\n  interfaces = [\"near0\"]\n{keys}}}\nspan {{\n  udp_timeout = \"200ms\"\n}}\n\
         export \"flows\" {{\n  to = [\"json:{FLOWS}/{flows}\"]\n}}\n"
    )
}

/// Starts systemd with the unit and the file of its agent.
fn prepare(settings: &str) -> Systemd {
    make();
    let systemd = Systemd::start();
    fs::write(
        systemd.file("/etc/systemd/system/mermin-agent.service"),
        UNIT,
    )
    .unwrap();
    fs::create_dir(systemd.file("/etc/mermin")).unwrap();
    configure(&systemd, settings);
    systemd
}

fn configure(systemd: &Systemd, settings: &str) {
    fs::write(systemd.file("/etc/mermin/mermin.hcl"), settings).unwrap();
}

/// Waits until the agent captures, for the `times`th time.
fn until_it_captures(systemd: &Systemd, times: usize) {
    until("capturing", || {
        systemd.journal().matches("capturing: receivers").count() == times
    });
    let (status, body) = get(PROBES, "/readyz");
    assert!(status == 200 && !body.contains("warning"), "{body}");
}

fn sent_and_exported(systemd: &Systemd, flows: &Path) {
    let before = packets(flows);
    let sent = send(20, 5, Duration::from_millis(1));
    until("all packets", || packets(flows) == before + sent);
    let journal = systemd.journal();
    assert!(
        !journal.contains("WARN") && !journal.contains("ERROR"),
        "{journal}"
    );
}

/// Starts, captures as a user of its own, reloads, stops. A secret comes from a file that only root may read.
pub(crate) fn starts_reloads_and_stops() {
    let systemd = prepare(&settings("", "${env(\"NAME_OF_FLOWS\")}"));
    let secrets = systemd.file("/etc/mermin/environment");
    fs::write(&secrets, "NAME_OF_FLOWS=one.json\n").unwrap();
    fs::set_permissions(&secrets, fs::Permissions::from_mode(0o600)).unwrap();
    systemd.systemctl("enable --now mermin-agent");
    until_it_captures(&systemd, 1);
    let one = systemd.file("/var/lib/private/mermin-agent/one.json");
    sent_and_exported(&systemd, &one);
    assert_ne!(fs::metadata(&one).unwrap().uid(), 0);

    configure(&systemd, &settings("", "two.json"));
    systemd.systemctl("reload mermin-agent");
    until("the reload", || {
        metric(METRICS, "mermin_agent_reloads_total{outcome=\"applied\"}") == 1
    });
    let two = systemd.file("/var/lib/private/mermin-agent/two.json");
    sent_and_exported(&systemd, &two);

    let before = packets(&two);
    let open = send(5, 5, Duration::from_millis(1));
    systemd.systemctl("stop mermin-agent");
    assert_eq!(packets(&two), before + open, "{}", systemd.journal());
    assert_eq!(systemd.property("Result"), "success");
    assert_eq!(systemd.property("ActiveState"), "inactive");

    // A file that is refused is refused again: systemd does not try.
    configure(&systemd, "span {\n  tcp_timeot = \"1s\"\n}\n");
    systemd.systemctl("start mermin-agent");
    until("a refusal", || systemd.property("ExecMainStatus") == "2");
    until("the end", || systemd.property("ActiveState") == "failed");
    assert!(systemd.journal().contains("did you mean"));
}

/// With the drop-in, the kernel counts while the agent is gone: systemd starts it again after it was killed.
pub(crate) fn drop_in_keeps_flows() {
    let key = "  instance = \"mermin-agent\"\n";
    let systemd = prepare(&settings(key, "flows.json"));
    let drop_ins = systemd.file("/etc/systemd/system/mermin-agent.service.d");
    fs::create_dir(&drop_ins).unwrap();
    fs::write(drop_ins.join("instance.conf"), DROP_IN).unwrap();
    systemd.systemctl("daemon-reload");
    systemd.systemctl("restart mermin-agent");
    until_it_captures(&systemd, 1);
    let flows = systemd.file("/var/lib/mermin-agent/flows.json");
    sent_and_exported(&systemd, &flows);

    let before = packets(&flows);
    systemd.systemctl("kill --signal=KILL mermin-agent");
    until("systemd waits", || {
        systemd.property("ActiveState") == "activating"
    });
    let meanwhile = send(20, 5, Duration::from_millis(1));
    until_it_captures(&systemd, 2);
    until("packets of the time between", || {
        packets(&flows) == before + meanwhile
    });
    systemd.systemctl("stop mermin-agent");
    assert_eq!(systemd.property("Result"), "success");
}
