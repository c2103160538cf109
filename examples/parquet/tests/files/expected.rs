//! Rows as they must be: by the names that flows give, which is another way than that of the encoder.

use std::{
    net::IpAddr,
    time::{SystemTime, UNIX_EPOCH},
};

use mermin_core::{Flow, flow::Value};

use crate::read::{Key, Row};

pub(crate) fn key(flow: &Flow) -> Key {
    (flow.id.to_string(), flow.sequence)
}

pub(crate) fn row(flow: &Flow) -> Row {
    let mut row = Row::new();
    flow.attributes().for_each(|(name, value)| {
        row.insert(name.to_owned(), text(value));
    });
    let mut octets = |name: &str, address: IpAddr| {
        let octets = match address {
            IpAddr::V4(v4) => [&[0; 10][..], &[0xff; 2], &v4.octets()].concat(),
            IpAddr::V6(v6) => v6.octets().to_vec(),
        };
        row.insert(format!("{name}.octets"), format!("{octets:02x?}"));
    };
    octets("source.address", flow.source.address);
    octets("destination.address", flow.destination.address);
    if let Some(nat) = &flow.nat {
        for (name, end) in [("source", nat.source), ("destination", nat.destination)] {
            if let Some(end) = end {
                octets(&format!("{name}.nat.address"), end.address);
            }
        }
    }
    if let Some(tunnel) = &flow.tunnel {
        octets("tunnel.source.address", tunnel.source.address);
        octets("tunnel.destination.address", tunnel.destination.address);
    }
    if flow.time_resolution.is_some() {
        // A flow that ends before it begins lasts 0.
        let nanos = flow
            .end
            .duration_since(flow.start)
            .unwrap_or_default()
            .as_nanos();
        row.insert("flow.duration".to_owned(), nanos.to_string());
    }
    row
}

fn text(value: Value<'_>) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Texts(texts) => format!("{texts:?}"),
        Value::Numbers(numbers) => {
            let numbers: Vec<_> = numbers.map(|one| one.to_string()).collect();
            format!("{numbers:?}")
        }
        Value::Time(time) => micros(time).to_string(),
        other => panic!("{other:?}"),
    }
}

/// Rounded down, before 1970 as well.
fn micros(time: SystemTime) -> i128 {
    let nanos = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i128::try_from(after.as_nanos()).unwrap(),
        Err(before) => -i128::try_from(before.duration().as_nanos()).unwrap(),
    };
    nanos.div_euclid(1000)
}
