//! Every record survives a round trip, and invalid text makes no record.

use std::{collections::BTreeMap, time::SystemTime};

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::{
    flow::{
        Flow, ObservationPoint, Protocol,
        attributes::ALL,
        example::{bare, everything, plain},
    },
    sink::{testing::flows, write_json},
};

/// Returns the record without the fields that no attribute has: indexes of observation points and the start of the
/// first one.
fn without_hidden_fields(flow: &Flow) -> Flow {
    let mut flow = flow.clone();
    let counts = |points: &[ObservationPoint]| {
        points
            .iter()
            .filter_map(|it| it.counts)
            .map(|it| it.start)
            .min()
    };
    let first: Option<SystemTime> = counts(&flow.observation_points);
    for point in &mut flow.observation_points {
        point.index = 0;
        if let (Some(counts), Some(first)) = (&mut point.counts, first) {
            counts.start = flow.start + counts.start.duration_since(first).unwrap();
        }
    }
    flow
}

fn read(json: Json) -> Result<Flow, String> {
    serde_json::from_value(json).map_err(|error| error.to_string())
}

#[test]
fn json_is_what_json_lines_write_and_reads_back() {
    let made = flows(500);
    for flow in made.iter().chain(&[plain(), bare(), everything()]) {
        let json = serde_json::to_string(flow).unwrap();
        let mut line = Vec::new();
        write_json(flow, &mut line).unwrap();
        assert_eq!(format!("{json}\n"), String::from_utf8(line).unwrap());
        assert_eq!(
            serde_json::from_str::<Flow>(&json).unwrap(),
            without_hidden_fields(flow)
        );
    }
}

#[test]
fn order_of_names_is_free_and_others_are_skipped() {
    let mut flow: BTreeMap<&str, Json> =
        serde_json::from_str(include_str!("../../../../tests/data/flow.json")).unwrap();
    flow.insert("a.name.of.somebody.else", json!({"x": [1, 2]}));
    for name in ["flow.community_id", "network.type", "flow.ip.dscp.name"] {
        assert!(flow.remove(name).is_some(), "{name}");
    }
    assert_eq!(read(json!(flow)), Ok(without_hidden_fields(&everything())));
}

#[test]
fn every_protocol_comes_back() {
    for number in 0..=u8::MAX {
        let mut flow = plain();
        flow.protocol = Protocol(number);
        assert_eq!(read(json!(flow)), Ok(flow));
    }
}

/// The table lists the words of some attributes. Deserialisation must accept each word.
#[test]
fn every_word_of_the_reference_is_read() {
    for name in [
        "flow.end_reason",
        "flow.connection.state",
        "flow.direction",
        "flow.direction.rule",
        "tunnel.type",
    ] {
        let attribute = ALL.iter().find(|attribute| attribute.name == name).unwrap();
        let words: Vec<&str> = attribute.meaning.split('`').skip(1).step_by(2).collect();
        assert!(words.len() >= 3, "{name}");
        for word in words {
            let mut flow = json!(everything());
            flow[name] = json!(word);
            let read = read(flow).map(|flow| json!(flow)[name].clone());
            assert_eq!(read, Ok(json!(word)));
        }
    }
}

#[test]
fn invalid_record_error_names_the_attribute() {
    let with = |name: &str, value: Json| {
        let mut flow = json!(everything());
        flow[name] = value;
        read(flow).unwrap_err()
    };
    for (name, value) in [
        ("source.port", json!(65_536)),
        ("source.address", json!("10.0.0.256")),
        ("flow.id", json!("xyz")),
        ("flow.start", json!("yesterday")),
        ("flow.end_reason", json!("boredom")),
        ("flow.several", json!(["everything"])),
        ("network.interface.mac", json!("02:00:00:00:00")),
        ("network.transport", json!("256")),
        ("flow.ip.ttl", json!(256)),
        ("tunnel.type", json!("subway")),
    ] {
        let error = with(name, value);
        assert!(
            error.starts_with(&format!("cannot read `{name}`: ")),
            "{error}"
        );
    }
    assert!(with("source.port", json!("80")).contains("invalid type"));
    assert!(read(json!([1])).is_err());
    let mut flow = json!(plain());
    flow.as_object_mut().unwrap().remove("flow.id");
    let missing = "cannot find `flow.id`, which each flow has".to_owned();
    assert_eq!(read(flow), Err(missing));
}

proptest! {
    #[test]
    fn any_name_round_trips(name: String) {
        let mut flow = plain();
        flow.interface.name = name.into();
        prop_assert_eq!(read(json!(flow)), Ok(flow));
    }
}
