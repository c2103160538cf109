//! Deserialises a record from a map.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::{
    super::{ALL, Kind},
    values::{AttributeValue, Values},
};
use crate::flow::Flow;

/// Reads the map that [`Serialize`](serde::Serialize) writes, with its entries in any order. It skips unknown names,
/// and attributes that follow from others: names of numbers, `network.type`, `flow.community_id`.
impl<'de> Deserialize<'de> for Flow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Record)
    }
}

struct Record;

impl<'de> Visitor<'de> for Record {
    type Value = Flow;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of a flow's attributes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Flow, A::Error> {
        let mut values = Values::default();
        // Writers keep the order of `ALL`, so the next name is usually at this index or a little later.
        let mut next = 0;
        while let Some(name) = map.next_key::<String>()? {
            let (before, after) = ALL.split_at(next);
            let Some(place) = after
                .iter()
                .chain(before)
                .position(|attribute| attribute.name == name)
            else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let place = (next + place) % ALL.len();
            next = place + 1;
            let value = match ALL[place].kind {
                Kind::Text | Kind::Time => AttributeValue::Text(map.next_value()?),
                Kind::Texts => AttributeValue::Texts(map.next_value()?),
                Kind::Number => AttributeValue::Number(map.next_value()?),
                Kind::Numbers => AttributeValue::Numbers(map.next_value()?),
            };
            values.insert(ALL[place].name, value);
        }
        values.record().map_err(A::Error::custom)
    }
}
