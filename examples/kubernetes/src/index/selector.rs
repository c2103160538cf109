//! Selectors of labels.

use std::sync::Arc;

use super::pool::Pool;
use crate::api::{LabelSelector, Operator};

/// A key and a text.
pub(super) type Label = (Arc<str>, Arc<str>);

/// A key, its relation to values, and the values.
type Requirement = (Arc<str>, Operator, Box<[Arc<str>]>);

/// A selector of labels; without conditions it selects everything.
#[derive(Debug)]
pub(super) struct Selector {
    equal: Box<[Label]>,
    requirements: Box<[Requirement]>,
}

impl Selector {
    pub(super) fn new(selector: &LabelSelector, texts: &mut Pool<str>) -> Self {
        let equal = selector.match_labels.0.iter();
        let equal = equal
            .map(|(key, text)| (texts.share(key), texts.share(text)))
            .collect();
        let requirements = selector.match_expressions.iter();
        let requirements = requirements
            .map(|it| {
                let values = it.values.iter().map(|text| texts.share(text)).collect();
                (texts.share(&it.key), it.operator, values)
            })
            .collect();
        Self {
            equal,
            requirements,
        }
    }

    /// Returns true if the labels, sorted by key, fit all conditions.
    pub(super) fn matches(&self, labels: &[Label]) -> bool {
        self.equal
            .iter()
            .all(|(key, text)| value(labels, key) == Some(text))
            && self.requirements.iter().all(|(key, operator, values)| {
                let found = value(labels, key);
                let listed = found.is_some_and(|text| values.contains(text));
                match operator {
                    Operator::In => listed,
                    // An object without the label fits both (`labels.Requirement.Matches` of apimachinery).
                    Operator::NotIn => !listed,
                    Operator::Exists => found.is_some(),
                    Operator::DoesNotExist => found.is_none(),
                }
            })
    }
}

fn value<'a>(labels: &'a [Label], key: &str) -> Option<&'a Arc<str>> {
    let place = labels
        .binary_search_by(|(name, _)| (**name).cmp(key))
        .ok()?;
    labels.get(place).map(|(_, text)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selects(selector: &str, labels: &[(&str, &str)]) -> bool {
        let selector: LabelSelector = serde_json::from_str(selector).unwrap();
        let mut labels: Vec<Label> = labels
            .iter()
            .map(|(key, text)| ((*key).into(), (*text).into()))
            .collect();
        labels.sort();
        Selector::new(&selector, &mut Pool::default()).matches(&labels)
    }

    #[test]
    fn absent_selector_selects_all() {
        assert!(selects("{}", &[]) && selects("{}", &[("app", "web")]));
        assert!(selects(r#"{"matchLabels": null}"#, &[]));
    }

    #[test]
    fn negative_operators_match_objects_without_the_key() {
        let not_in =
            r#"{"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}"#;
        assert!(selects(not_in, &[]) && selects(not_in, &[("app", "db")]));
        assert!(!selects(not_in, &[("app", "web")]));
        let absent = r#"{"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}"#;
        assert!(selects(absent, &[("tier", "front")]) && !selects(absent, &[("app", "")]));
    }

    #[test]
    fn all_conditions_must_hold() {
        let both = r#"{"matchLabels": {"app": "web"},
            "matchExpressions": [{"key": "tier", "operator": "In", "values": ["a", "b"]}, {"key": "x", "operator": "Exists"}]}"#;
        assert!(selects(both, &[("app", "web"), ("tier", "b"), ("x", "")]));
        for labels in [
            &[("app", "web"), ("tier", "c"), ("x", "")][..],
            &[("app", "web"), ("tier", "a")],
            &[("tier", "a"), ("x", "")],
        ] {
            assert!(!selects(both, labels), "{labels:?}");
        }
    }
}
