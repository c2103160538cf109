//! Serialises a record as a map.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::super::Value;
use crate::flow::{Flow, time::Rfc3339};

/// Writes the map of [`attributes`](Flow::attributes) in their order, with the names, types and values of
/// [`JsonLines`](crate::sink::JsonLines). The seed of `flow.community_id` is 0.
///
/// Deserialisation restores the whole record except [added attributes](Flow::added_attributes), and two facts about `observation_points` that no attribute has. The
/// index of each becomes 0. The earliest start of their counts becomes the start of the flow, and the other starts keep their
/// distance from it.
///
/// ```
/// # use mermin_core::{Flow, flow::{Endpoint, FlowId, Interface, Protocol}, sink::write_json};
/// # use std::net::Ipv4Addr;
/// let [here, there] = [1, 2].map(|host| Endpoint::new(Ipv4Addr::new(10, 0, 0, host), 5060));
/// let start = std::time::SystemTime::now();
/// let flow = Flow::new(FlowId::from_u128(7), Protocol::UDP, here, there, Interface::new(2, "eth0"), start);
///
/// let json = serde_json::to_string(&flow)?;
/// assert_eq!(serde_json::from_str::<Flow>(&json)?, flow);
/// let mut line = Vec::new();
/// write_json(&flow, &mut line)?;
/// assert_eq!(line.strip_suffix(b"\n"), Some(json.as_bytes()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl Serialize for Flow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Binary formats write the number of entries first.
        let length = (!serializer.is_human_readable()).then(|| self.attributes().count());
        let mut map = serializer.serialize_map(length)?;
        let mut done = Ok(());
        self.attributes().for_each(|(name, value)| {
            if done.is_ok() {
                done = map.serialize_entry(name, &value);
            }
        });
        done?;
        map.end()
    }
}

/// Writes a string, a number, or a list of them. A time is RFC 3339 in UTC with nine decimals.
impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Texts(texts) => serializer.collect_seq(texts.clone()),
            Self::Number(number) => serializer.serialize_u64(*number),
            Self::Numbers(numbers) => serializer.collect_seq(numbers.clone()),
            Self::Time(time) => serializer.collect_str(&Rfc3339 {
                time: *time,
                decimals: 9,
            }),
        }
    }
}
