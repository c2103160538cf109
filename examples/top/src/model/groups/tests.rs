//! Tests of groups.

use mermin_core::flow::{Dns, EndReason, Tls};

use super::*;
use crate::model::{Model, tests::flow};

#[test]
fn flow_adds_to_its_interface_and_both_processes() {
    let mut model = Model::default();
    let mut local = flow(1, 10);
    local.source_process = Some(Arc::new(Process::new(7)));
    let mut other = Process::new(8);
    other.executable = Some("curl".into());
    local.destination_process = Some(Arc::new(other));
    let mut both = flow(2, 1);
    both.source_process = Some(Arc::new(Process::new(7)));
    both.destination_process.clone_from(&both.source_process);
    for _ in 0..2 {
        model.open(&[local.clone(), both.clone()]);
        model.end_frame(Duration::from_secs(1));
    }
    let told = |groups: Vec<&Group>| {
        let mut told: Vec<(String, u64, u64)> = groups
            .iter()
            .map(|group| (group.name.clone(), group.flows, group.tally.packets))
            .collect();
        told.sort();
        told
    };
    let interfaces = told(model.groups.interfaces().collect());
    assert_eq!(interfaces, [("eth0".to_owned(), 2, 11)]);
    let processes = told(model.groups.processes().collect());
    let expected = [("? [7]", 2, 11), ("curl [8]", 1, 10)];
    assert_eq!(
        processes,
        expected.map(|(name, flows, packets)| (name.to_owned(), flows, packets))
    );
}

/// Returns the names of the processes, in order.
fn processes_of(model: &Model) -> Vec<&str> {
    let mut names: Vec<_> = model.groups.processes().map(|group| &*group.name).collect();
    names.sort_unstable();
    names
}

fn by(number: u16, packets: u64, executable: &str) -> Flow {
    let mut process = Process::new(7);
    process.executable = Some(executable.into());
    let mut flow = flow(number, packets);
    flow.source_process = Some(Arc::new(process));
    flow
}

#[test]
fn reused_pid_is_another_process() {
    let mut model = Model::default();
    model.open(&[by(1, 10, "curl"), by(2, 5, "sshd")]);
    model.end_frame(Duration::from_secs(1));
    assert_eq!(processes_of(&model), ["curl [7]", "sshd [7]"]);
}

#[test]
fn group_is_removed_after_its_rows_unless_the_source_ended() {
    for is_over in [false, true] {
        let mut model = Model::default();
        model.open(&[by(1, 10, "sshd"), by(2, 5, "curl")]);
        model.end_frame(Duration::from_secs(1));
        let mut end = by(2, 5, "curl");
        end.end_reason = EndReason::EndOfFlow;
        model.record(&end);
        model.is_over = is_over;
        for _ in 0..=KEPT + 1 {
            if model.row(end.id).is_some() {
                assert_eq!(processes_of(&model), ["curl [7]", "sshd [7]"]);
            }
            model.open(&[by(1, 10, "sshd")]);
            model.end_frame(Duration::from_secs(1));
        }
        assert_eq!(model.row(end.id).is_some(), is_over);
        let left: &[&str] = if is_over {
            &["curl [7]", "sshd [7]"]
        } else {
            &["sshd [7]"]
        };
        assert_eq!(processes_of(&model), left);
        // The interface still has a flow.
        assert_eq!(model.groups.interfaces().count(), 1);
    }
}

fn with_server(mut flow: Flow, name: &str) -> Flow {
    let mut tls = Tls::default();
    tls.server_name = Some(name.into());
    let mut application = Application::default();
    application.tls = Some(tls);
    flow.application = Some(Arc::new(application));
    flow
}

#[test]
fn flow_adds_to_one_name_of_its_protocol() {
    let mut question = flow(3, 2);
    let mut application = Application::default();
    application.dns = Some(Dns::new("example.com", 1));
    question.application = Some(Arc::new(application));
    let mut host = flow(4, 3);
    let mut application = Application::default();
    application.http_host = Some("example.com:8080".into());
    host.application = Some(Arc::new(application));
    let mut model = Model::default();
    let first = with_server(flow(1, 10), "example.com");
    let second = with_server(flow(2, 5), "example.com");
    model.open(&[first, second, question, host, flow(5, 7)]);
    model.end_frame(Duration::from_secs(1));
    let mut told: Vec<_> = model
        .groups
        .names()
        .map(|group| (&*group.name, group.flows, group.tally.packets))
        .collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            ("dns example.com", 1, 2),
            ("http example.com:8080", 1, 3),
            ("tls example.com", 2, 15)
        ]
    );
}

/// A name is read, and a process found, after the first packets of a flow were counted.
#[test]
fn packets_before_a_group_was_known_are_in_its_sums_but_not_in_its_rate() {
    let second = Duration::from_secs(1);
    let mut model = Model::default();
    model.open(&[flow(1, 10)]);
    model.end_frame(second);
    let mut known = with_server(by(1, 10, "curl"), "example.com");
    for packets in [10, 12, 12] {
        known.forward.packets.total = packets;
        known.forward.octets.total = packets * 100;
        model.open(&[known.clone()]);
        model.end_frame(second);
        let groups = model.groups.names().chain(model.groups.processes());
        for group in groups.chain(model.groups.interfaces()) {
            assert_eq!(
                (group.flows, group.tally.packets),
                (1, packets),
                "{group:?}"
            );
            assert_eq!(group.tally.octets, packets * 100, "{group:?}");
            assert!(group.tally.packet_rate <= 2.0, "{group:?}");
        }
        assert_eq!(
            model.groups.names().count() + model.groups.processes().count(),
            2
        );
    }
}
