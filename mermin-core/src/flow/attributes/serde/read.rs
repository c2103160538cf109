//! From a map to a record.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::{
    super::{ALL, Kind},
    facts::{Fact, Facts},
};
use crate::flow::Flow;

/// The map that [`Serialize`](serde::Serialize) writes, its entries in any order. A name that is no attribute is skipped,
/// and so are those that follow from others: names of numbers, `network.type`, `flow.community_id`.
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
        let mut facts = Facts::default();
        // A writer keeps the order of `ALL`, so the next name is mostly the one behind the last, or soon after it.
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
            let fact = match ALL[place].kind {
                Kind::Text | Kind::Time => Fact::Text(map.next_value()?),
                Kind::Texts => Fact::Texts(map.next_value()?),
                Kind::Number => Fact::Number(map.next_value()?),
                Kind::Numbers => Fact::Numbers(map.next_value()?),
            };
            facts.insert(ALL[place].name, fact);
        }
        facts.record().map_err(A::Error::custom)
    }
}
