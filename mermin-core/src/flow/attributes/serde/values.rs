//! Values of attributes by name, and their conversion to the types of a record.

use std::{collections::HashMap, time::Duration};

use crate::flow::{Endpoint, MacAddress, Protocol};

/// A value of an attribute.
pub(super) enum AttributeValue {
    Text(String),
    Texts(Vec<String>),
    Number(u64),
    Numbers(Vec<u64>),
}

/// The reason why no record can be built.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum Wrong {
    #[error("cannot find `{0}`, which each flow has")]
    Missing(&'static str),
    #[error("cannot read `{name}`: it cannot be `{value}`")]
    Value { name: &'static str, value: String },
}

/// Known attribute values of a flow, by name.
#[derive(Default)]
pub(super) struct Values(HashMap<&'static str, AttributeValue>);

impl Values {
    pub(super) fn insert(&mut self, name: &'static str, value: AttributeValue) {
        self.0.insert(name, value);
    }

    pub(super) fn endpoint(
        &self,
        address: &'static str,
        port: &'static str,
    ) -> Result<Endpoint, Wrong> {
        Ok(Endpoint {
            address: needed(address, self.text(address, |text| text.parse().ok())?)?,
            port: self.number(port)?,
        })
    }

    pub(super) fn protocol(&self, name: &'static str) -> Result<Option<Protocol>, Wrong> {
        self.text(name, |text| {
            let by_keyword = (0..=u8::MAX)
                .map(Protocol)
                .find(|protocol| protocol.keyword() == Some(text));
            by_keyword.or_else(|| text.parse().ok().map(Protocol))
        })
    }

    pub(super) fn nanoseconds(&self, name: &'static str) -> Result<Option<Duration>, Wrong> {
        Ok(self.number(name)?.map(Duration::from_nanos))
    }

    pub(super) fn numbers(&self, name: &'static str) -> &[u64] {
        match self.0.get(name) {
            Some(AttributeValue::Numbers(numbers)) => numbers,
            _ => &[],
        }
    }

    pub(super) fn number<T: TryFrom<u64>>(&self, name: &'static str) -> Result<Option<T>, Wrong> {
        let Some(AttributeValue::Number(number)) = self.0.get(name) else {
            return Ok(None);
        };
        match T::try_from(*number) {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(wrong(name, &number.to_string())),
        }
    }

    pub(super) fn texts(&self, name: &'static str) -> Option<&[String]> {
        match self.0.get(name) {
            Some(AttributeValue::Texts(texts)) => Some(texts),
            _ => None,
        }
    }

    pub(super) fn text<T>(
        &self,
        name: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Wrong> {
        let Some(AttributeValue::Text(text)) = self.0.get(name) else {
            return Ok(None);
        };
        match read(text) {
            Some(value) => Ok(Some(value)),
            None => Err(wrong(name, text)),
        }
    }
}

pub(super) fn needed<T>(name: &'static str, value: Option<T>) -> Result<T, Wrong> {
    value.ok_or(Wrong::Missing(name))
}

pub(super) fn wrong(name: &'static str, value: &str) -> Wrong {
    let value = value.to_owned();
    Wrong::Value { name, value }
}

/// Returns the item for which `name` returns this text.
pub(super) fn word<T: Copy, const N: usize>(
    all: [T; N],
    name: fn(T) -> &'static str,
    text: &str,
) -> Option<T> {
    all.into_iter().find(|one| name(*one) == text)
}

pub(super) fn mac(text: &str) -> Option<MacAddress> {
    let mut octets = [0; 6];
    let mut parts = text.split(':');
    for octet in &mut octets {
        *octet = u8::from_str_radix(parts.next()?, 16).ok()?;
    }
    parts.next().is_none().then_some(MacAddress(octets))
}
