//! Attributes that an application adds to records.

use std::{borrow::Cow, sync::Arc};

use super::Value;

/// An attribute that an application adds to a record: a name, and a value that the record does not have by itself.
///
/// JSON, OTLP and everything else that takes [`Flow::attributes`](crate::Flow::attributes) has it after the record's own
/// attributes. Lists are shared, so that all records of one workload cost one list:
///
/// ```
/// use std::sync::Arc;
/// use mermin_core::{flow::{AddedAttribute, Value}, sink::testing::flows};
///
/// let tenant: Arc<[_]> = [AddedAttribute::new("tenant.name", "blue")].into();
/// for mut flow in flows(3) {
///     flow.added_attributes = [Arc::clone(&tenant)].into();
///     assert_eq!(flow.attributes().last(), Some(("tenant.name", Value::Text("blue".into()))));
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AddedAttribute {
    name: Arc<str>,
    pub(crate) value: AddedValue,
}

/// The value of an [`AddedAttribute`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AddedValue {
    /// [`Value::Text`].
    Text(Arc<str>),
    /// [`Value::Texts`].
    Texts(Arc<[Arc<str>]>),
    /// [`Value::Number`].
    Number(u64),
}

impl AddedAttribute {
    /// Creates an attribute. Choose a name that is not one of [`ALL`](super::attributes::ALL) and that no other attribute of
    /// the record has; a receiver would otherwise get two values for it.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, value: impl Into<AddedValue>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
        }
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the value, as [`Flow::attributes`](crate::Flow::attributes) does.
    #[must_use]
    pub fn value(&self) -> Value<'_> {
        match &self.value {
            AddedValue::Text(text) => Value::Text((&**text).into()),
            AddedValue::Texts(texts) => Value::Texts((&**texts).into()),
            AddedValue::Number(number) => Value::Number(*number),
        }
    }

    /// Returns the value as one text, for a receiver that takes only texts: a number in decimal, several texts with commas
    /// between them.
    ///
    /// ```
    /// use mermin_core::flow::AddedAttribute;
    ///
    /// assert_eq!(AddedAttribute::new("rack", 7).text(), "7");
    /// ```
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        match &self.value {
            AddedValue::Text(text) => Cow::Borrowed(text),
            AddedValue::Texts(texts) => Cow::Owned(texts.join(",")),
            AddedValue::Number(number) => Cow::Owned(number.to_string()),
        }
    }
}

impl From<&str> for AddedValue {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<Arc<str>> for AddedValue {
    fn from(text: Arc<str>) -> Self {
        Self::Text(text)
    }
}

impl From<Arc<[Arc<str>]>> for AddedValue {
    fn from(texts: Arc<[Arc<str>]>) -> Self {
        Self::Texts(texts)
    }
}

impl From<u64> for AddedValue {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::example::plain;

    #[test]
    fn added_attributes_follow_those_of_the_record() {
        let mut flow = plain();
        let own = flow.attributes().count();
        let list: Arc<[_]> = [
            AddedAttribute::new("a", "text"),
            AddedAttribute::new("b", Arc::<[Arc<str>]>::from(["x", "y"].map(Arc::from))),
        ]
        .into();
        flow.added_attributes = [list, [AddedAttribute::new("c", 7)].into()].into();
        let added: Vec<_> = flow.attributes().skip(own).collect();
        let texts = ["x", "y"].map(Arc::from);
        assert_eq!(
            added,
            [
                ("a", Value::Text("text".into())),
                ("b", Value::Texts((&texts[..]).into())),
                ("c", Value::Number(7)),
            ]
        );
        let texts = ["a", "b", "c"].map(|name| flow.added_attribute(name).unwrap().text());
        assert_eq!(texts, ["text", "x,y", "7"]);
        assert_eq!(flow.added_attribute("d"), None);
        let mut visited = 0;
        flow.attributes().for_each(|_| visited += 1);
        assert_eq!(visited, own + 3);
    }
}
