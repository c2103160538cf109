//! Answers of an API server: pages of a list, and events.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A page of a list. Items are read one by one: an object that is refused does not stop the others.
#[derive(Debug, Deserialize)]
pub(super) struct Page<'a> {
    pub(super) metadata: PageMetadata,
    #[serde(borrow, default, deserialize_with = "items")]
    pub(super) items: Vec<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageMetadata {
    #[serde(default)]
    pub(super) resource_version: String,
    /// The token of the next page.
    #[serde(default, rename = "continue")]
    pub(super) next: Option<String>,
}

fn items<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<&'a RawValue>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// An event of a watch.
#[derive(Debug, Deserialize)]
pub(super) struct Event<'a> {
    #[serde(rename = "type")]
    pub(super) kind: EventKind,
    #[serde(borrow)]
    pub(super) object: &'a RawValue,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum EventKind {
    Added,
    Modified,
    Deleted,
    Bookmark,
    Error,
}

/// The metadata of any object: enough to go on from it.
#[derive(Debug, Deserialize)]
pub(super) struct Versioned {
    pub(super) metadata: VersionedMetadata,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VersionedMetadata {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) namespace: String,
    #[serde(default)]
    pub(super) resource_version: String,
    #[serde(default)]
    annotations: Option<InitialEvents>,
}

#[derive(Debug, Deserialize)]
struct InitialEvents {
    #[serde(default, rename = "k8s.io/initial-events-end")]
    end: Option<String>,
}

impl Versioned {
    /// Returns true for the bookmark behind the last object of a streaming list.
    pub(super) fn ends_list(&self) -> bool {
        let annotations = self.metadata.annotations.as_ref();
        annotations.and_then(|it| it.end.as_deref()) == Some("true")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_apart_and_may_be_null() {
        let page = r#"{"metadata": {"resourceVersion": "7", "continue": ""}, "items": [{"a": 1}, "no object"]}"#;
        let page: Page<'_> = serde_json::from_str(page).unwrap();
        let items: Vec<_> = page.items.iter().map(|it| it.get()).collect();
        assert_eq!(items, [r#"{"a": 1}"#, r#""no object""#]);
        let page: Page<'_> = serde_json::from_str(r#"{"metadata": {}, "items": null}"#).unwrap();
        assert!(page.items.is_empty());
    }

    #[test]
    fn bookmark_ends_a_streaming_list() {
        let line = r#"{"type": "BOOKMARK", "object": {"kind": "Pod", "metadata": {"resourceVersion": "12", "annotations": {"k8s.io/initial-events-end": "true"}}}}"#;
        let event: Event<'_> = serde_json::from_str(line).unwrap();
        assert_eq!(event.kind, EventKind::Bookmark);
        let object: Versioned = serde_json::from_str(event.object.get()).unwrap();
        assert!(object.ends_list());
    }
}
