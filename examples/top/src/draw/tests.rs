//! Tests of whole frames, at usual and unusual sizes.

use std::time::Duration;

use mermin_core::{
    flow::{Endpoint, FlowId, Process, attributes::ALL},
    report::{HookDirection, HookStats, Ignored},
};
use ratatui::{Terminal, backend::TestBackend, style::Modifier};

use super::*;
use crate::{
    model::{rank::rank, tests::flow},
    state::{Details, tabs},
};

/// Builds a model of three flows, one of IPv6 and one that has ended.
fn model() -> Model {
    let mut model = Model::default();
    let mut long = flow(2, 7_000_000);
    long.source = Endpoint::new([0x2001, 0xdb8, 1, 2, 3, 4, 5, 6], 65_535);
    let mut end = flow(3, 3);
    end.end_reason = mermin_core::flow::EndReason::EndOfFlow;
    model.open(&[flow(1, 12), long]);
    model.record(&end);
    model.end_frame(Duration::from_secs(1));
    model
}

fn status() -> Status {
    let mut status = Status {
        source: "eth0,veth1".to_owned(),
        tabs: tabs(false, false),
        ..Status::default()
    };
    status.stats.packets = 1_234_567;
    (status.stats.flows_open, status.stats.flows_capacity) = (2, 65_536);
    let mut hook = HookStats::new(2, "eth0", HookDirection::Ingress);
    hook.ignored = vec![
        Ignored::new("fragment", 500, 1),
        Ignored::new("table_full", 67, 1),
    ];
    status.stats.hooks.push(hook);
    status
}

/// Draws a frame of this size; returns its lines and the buffer.
fn frame(size: (u16, u16), state: &State, status: &Status) -> (Vec<String>, Buffer) {
    frame_of(&model(), size, state, status)
}

/// As [`frame`], of these flows.
fn frame_of(
    model: &Model,
    size: (u16, u16),
    state: &State,
    status: &Status,
) -> (Vec<String>, Buffer) {
    let (flows, wanted) = rank(model.rows(), state.sort, state.is_inverse, |row| {
        state.expression.admits(&row.flow)
    });
    let groups: Vec<_> = model.groups.interfaces().collect();
    let view = View {
        state,
        model,
        status,
        flows: &flows,
        wanted,
        groups: &groups,
        look: Look::default(),
    };
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    terminal
        .draw(|frame| draw(frame.buffer_mut(), &view))
        .unwrap();
    let buffer = terminal.backend().buffer().clone();
    let lines = buffer.content.chunks(size.0.into()).map(|line| {
        let line: String = line.iter().map(ratatui::buffer::Cell::symbol).collect();
        line.trim_end().to_owned()
    });
    (lines.collect(), buffer)
}

#[test]
fn all_parts_fit_80_columns_and_24_lines() {
    let (lines, buffer) = frame((80, 24), &State::default(), &status());
    assert_eq!(lines.len(), 24);
    assert!(lines[0].starts_with("top  eth0,veth1 "), "{lines:#?}");
    assert!(
        lines[0].ends_with("2 flows  700MB/s  7.00Mp/s"),
        "{lines:#?}"
    );
    assert_eq!(lines[1], " flows   interfaces  by rate");
    assert_eq!(
        lines[2],
        "proto    source                 destination            bytes/s   bytes history"
    );
    assert_eq!(
        lines[3],
        "tcp      [2001:db8:…:5:6]:65535 10.0.0.2:443              700M    700M        █"
    );
    assert!(lines[4].starts_with("tcp      10.0.0.1:1 "), "{lines:#?}");
    assert_eq!(
        lines[21],
        "1,234,567 packets = 1,234,000 in flows + 567 in none: fragment 500, …"
    );
    assert_eq!(
        lines[22],
        "table 2/65.5k, 67 packets found it full  no degradation"
    );
    assert!(lines[23].starts_with("q quit  ? help"), "{lines:#?}");
    // The first flow is selected, and the ended one is dim.
    assert!(buffer[(0, 3)].modifier.contains(Modifier::REVERSED));
    assert!(buffer[(0, 5)].modifier.contains(Modifier::DIM));
}

#[test]
fn ledger_leaves_out_whole_reasons() {
    let line = |width| {
        let (lines, _) = frame((width, 24), &State::default(), &status());
        lines[21].clone()
    };
    let sums = "1,234,567 packets = 1,234,000 in flows + 567 in none: ";
    let all = format!("{sums}fragment 500, table_full 67");
    assert_eq!(all.len(), 81);
    assert_eq!(line(81), all);
    for width in 69..81 {
        assert_eq!(line(width), format!("{sums}fragment 500, …"), "{width}");
    }
    for width in 55..69 {
        assert_eq!(line(width), format!("{sums}…"), "{width}");
    }
}

#[test]
fn sums_of_sampled_flows_are_marked_as_estimates() {
    let mut model = Model::default();
    let mut sampled = flow(1, 12);
    sampled.sampling_interval = std::num::NonZeroU32::new(1024);
    model.open(&[sampled]);
    model.end_frame(Duration::from_secs(1));
    let lines_of = |tab| {
        let state = State {
            tab,
            ..State::default()
        };
        frame_of(&model, (80, 24), &state, &status()).0
    };
    let [flows, groups] = [Tab::Flows, Tab::Interfaces].map(lines_of);
    let (head, flow, group) = (&flows[0], &flows[3], &groups[3]);
    assert!(head.ends_with("2 flows  ~1.23MB/s  ~12.3kp/s"), "{head}");
    // The row has the flow's own counts.
    assert!(flow.contains("   1.20k   1.20k "), "{flow}");
    let numbers = "  ~1.02k  ~1.23M  ~1.23M  ~12.3k  ~12.3k ";
    assert!(group.contains(numbers), "{group}");
}

#[test]
fn wide_terminal_shows_both_sums_and_the_interface() {
    let (lines, _) = frame((140, 24), &State::default(), &status());
    assert!(lines[2].contains("interface"), "{lines:#?}");
    assert!(
        lines[2].ends_with("bytes/s   bytes  pkts/s packets history"),
        "{lines:#?}"
    );
    assert!(
        lines[3].contains("[2001:db8:1:2:3:4:5:6]:65535"),
        "{lines:#?}"
    );
}

#[test]
fn degradations_and_the_final_error_are_visible() {
    let mut status = status();
    status.degradations = vec!["tcx: no TCX".to_owned(), "another".to_owned()];
    let (lines, _) = frame((100, 10), &State::default(), &status);
    assert!(lines[8].ends_with("! (+1) tcx: no TCX"), "{lines:#?}");
    status.failure = Some("cannot go on".to_owned());
    let (lines, _) = frame((100, 10), &State::default(), &status);
    assert_eq!(lines[6], "cannot go on");
    assert!(lines[7].contains(" in flows + "), "{lines:#?}");
    assert!(lines[8].ends_with("! (+1) tcx: no TCX"), "{lines:#?}");
}

#[test]
fn notices_show_every_degradation_and_reason() {
    let mut status = status();
    let long = "one that takes a whole line of words and then some more words behind its end";
    status.degradations = (1..=20).map(|it| format!("number {it}: {long}")).collect();
    let last = last_scroll_of_notices((60, 24), &status);
    let mut shown = Vec::new();
    for scroll in 0..=last {
        let state = State {
            notices: Some(scroll),
            ..State::default()
        };
        let (lines, _) = frame((60, 24), &state, &status);
        let first = if scroll == 0 { 2 } else { 20 };
        shown.extend_from_slice(&lines[first..21]);
    }
    let text = shown.join(" ");
    for degradation in &status.degradations {
        assert!(text.contains(&format!("! {degradation}")), "{shown:#?}");
    }
    assert!(text.contains(" 500 fragment: ") && text.contains(" 67 table_full: "));
    let beyond = State {
        notices: Some(last + 1),
        ..State::default()
    };
    let (lines, _) = frame((60, 24), &beyond, &status);
    assert_eq!(lines[2..21], shown[shown.len() - 19..]);
    let (lines, _) = frame(
        (60, 24),
        &State {
            notices: Some(0),
            ..State::default()
        },
        &Status::default(),
    );
    assert_eq!(
        lines[2..7],
        ["Degradations", "none", "", "Packets in no record", "none"]
    );
}

#[test]
fn filter_is_shown_with_its_error_and_match_count() {
    let mut state = State::default();
    state.set_filter("source.port=1".to_owned());
    let (lines, _) = frame((80, 24), &state, &status());
    assert!(lines[1].ends_with("/source.port=1  1 flows"), "{lines:#?}");
    assert!(
        lines[3].contains("10.0.0.1:1 ") && lines[4].is_empty(),
        "{lines:#?}"
    );
    state.is_typing = true;
    state.set_filter("source.port=1 prt".to_owned());
    let (lines, _) = frame((80, 24), &state, &status());
    assert!(
        lines[23].starts_with("/source.port=1 prt  cannot use `prt`"),
        "{lines:#?}"
    );
    state.set_filter("source.port=9".to_owned());
    let (lines, _) = frame((80, 24), &state, &status());
    assert!(
        lines[3].contains("no flow that the filter admits"),
        "{lines:#?}"
    );
}

#[test]
fn long_filter_shows_its_end() {
    let mut state = State {
        is_typing: true,
        ..State::default()
    };
    state.set_filter(format!("port={}9", "443,".repeat(40)));
    let (lines, _) = frame((80, 24), &state, &status());
    assert!(lines[23].contains("443,443,9 "), "{lines:#?}");
    assert!(lines[23].contains("3 flows; enter keeps it"), "{lines:#?}");
}

#[test]
fn details_scroll_to_the_last_line() {
    let (model, status) = (model(), status());
    let chosen = FlowId::from_u128(1);
    let row = model.row(chosen).unwrap();
    let scroll = last_scroll_of_details((80, 24), &status, row);
    let shown = |scroll| {
        let details = Some(Details {
            flow: chosen,
            scroll,
        });
        let state = State {
            details,
            ..State::default()
        };
        frame((80, 24), &state, &status).0
    };
    let last = row.flow.attributes().last().unwrap().0;
    assert!(shown(scroll)[20].starts_with(last), "{:#?}", shown(scroll));
    assert_ne!(shown(scroll), shown(scroll - 1));
    assert_eq!(shown(scroll), shown(scroll + 1));
}

#[test]
fn details_show_every_attribute() {
    let chosen = FlowId::from_u128(1);
    let mut state = State {
        details: Some(Details {
            flow: chosen,
            scroll: 0,
        }),
        ..State::default()
    };
    let flow = flow(1, 12);
    let mut seen = std::collections::BTreeSet::new();
    for scroll in 0..60 {
        state.details = Some(Details {
            flow: chosen,
            scroll,
        });
        let (lines, _) = frame((80, 24), &state, &status());
        seen.extend(
            lines[3..21]
                .iter()
                .filter_map(|line| line.split_whitespace().next())
                .map(str::to_owned),
        );
    }
    for (name, _) in flow.attributes() {
        assert!(seen.contains(name), "{name}: {seen:#?}");
    }
    state.details = Some(Details {
        flow: FlowId::from_u128(77),
        scroll: 0,
    });
    let (lines, _) = frame((80, 24), &state, &status());
    assert!(lines[2].starts_with("this flow has ended"), "{lines:#?}");
}

#[test]
fn long_values_continue_on_the_next_line() {
    let id = "0123456789abcdef".repeat(4);
    let mut flow = flow(1, 12);
    let mut process = Process::new(7);
    process.container_id = Some(id.as_str().into());
    flow.source_process = Some(process.into());
    let mut model = Model::default();
    model.open(&[flow.clone()]);
    model.end_frame(Duration::from_secs(1));
    let row = model.row(flow.id).unwrap();
    let mut shown = Vec::new();
    for scroll in 0..=last_scroll_of_details((80, 24), &status(), row) {
        let state = State {
            details: Some(Details {
                flow: flow.id,
                scroll,
            }),
            ..State::default()
        };
        let (lines, _) = frame_of(&model, (80, 24), &state, &status());
        let first = if scroll == 0 { 3 } else { 20 };
        shown.extend_from_slice(&lines[first..21]);
    }
    let at = shown
        .iter()
        .position(|line| line.starts_with("source.container.id "))
        .unwrap();
    let [first, second] = &shown[at..at + 2] else {
        panic!("{shown:#?}");
    };
    assert_eq!(format!("{}{}", &first[42..], second.trim_start()), id);
    assert!(second.starts_with(&" ".repeat(42)), "{second}");
    // A name never touches its value.
    for attribute in ALL {
        assert!(attribute.name.len() < 42, "{}", attribute.name);
    }
}

#[test]
fn interfaces_tab_shows_sums_by_interface() {
    let state = State {
        tab: Tab::Interfaces,
        ..State::default()
    };
    let (lines, _) = frame((80, 24), &state, &status());
    assert!(lines[2].starts_with("interface "), "{lines:#?}");
    let numbers: Vec<&str> = lines[3].split_whitespace().collect();
    assert_eq!(
        numbers[..6],
        ["eth0", "2", "700M", "700M", "7.00M", "7.00M"]
    );
}

#[test]
fn any_terminal_size_draws() {
    let mut states = vec![
        State::default(),
        State {
            is_helping: true,
            ..State::default()
        },
    ];
    states.push(State {
        tab: Tab::Interfaces,
        cursor: 9,
        ..State::default()
    });
    let flow = FlowId::from_u128(1);
    states.push(State {
        details: Some(Details { flow, scroll: 5 }),
        ..State::default()
    });
    for state in &states {
        for width in (1..130).step_by(3) {
            for height in 1..30 {
                frame((width, height), state, &status());
            }
        }
    }
}
