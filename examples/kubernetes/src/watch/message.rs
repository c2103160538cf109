//! Answers of an API server: pages of a list, and events.

use serde::{Deserialize, Deserializer, de::DeserializeOwned};
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
    #[serde(other)]
    Unknown,
}

/// The metadata of any object: enough to go on from it. A field of a wrong type is as good as none, so that an object that
/// cannot be read otherwise still has a name, a uid and a version.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Outline {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) name: String,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) namespace: String,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) uid: String,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) resource_version: String,
    #[serde(default, deserialize_with = "lenient")]
    annotations: InitialEvents,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
struct InitialEvents {
    #[serde(default, rename = "k8s.io/initial-events-end")]
    end: Option<String>,
}

#[derive(Default, Deserialize)]
struct Outlined {
    #[serde(default, deserialize_with = "lenient")]
    metadata: Outline,
}

impl Outline {
    /// Reads what can be read of any JSON.
    pub(super) fn of(json: &str) -> Self {
        let object: Outlined = serde_json::from_str(json).unwrap_or_default();
        object.metadata
    }

    /// Returns namespace and name, for messages.
    pub(super) fn title(&self) -> String {
        match (self.namespace.as_str(), self.name.as_str()) {
            ("", "") => "?".to_owned(),
            ("", name) => name.to_owned(),
            (namespace, name) => format!("{namespace}/{name}"),
        }
    }

    /// Returns true for the bookmark behind the last object of a streaming list.
    pub(super) fn ends_list(&self) -> bool {
        self.annotations.end.as_deref() == Some("true")
    }
}

/// Reads a value of any other type as the default.
fn lenient<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + DeserializeOwned,
{
    let text = <&RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(text.get()).unwrap_or_default())
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
        assert!(Outline::of(event.object.get()).ends_list());
    }

    #[test]
    fn outline_has_what_can_be_read() {
        let outline = Outline::of(
            r#"{"metadata": {"name": 7, "namespace": "shop", "uid": "u", "resourceVersion": "12", "annotations": ["no map"]}, "spec": 1}"#,
        );
        assert_eq!(
            (outline.name.as_str(), outline.namespace.as_str()),
            ("", "shop")
        );
        assert_eq!(
            (outline.uid.as_str(), outline.resource_version.as_str()),
            ("u", "12")
        );
        assert!(!outline.ends_list());
        for json in [
            "7",
            "null",
            r#"{"metadata": null}"#,
            r#"{"metadata": "none"}"#,
        ] {
            assert_eq!(Outline::of(json), Outline::default(), "{json}");
            assert_eq!(Outline::of(json).title(), "?");
        }
    }

    #[test]
    fn event_of_an_unknown_type_is_read() {
        let line = r#"{"type": "SYNCED", "object": {}}"#;
        let event: Event<'_> = serde_json::from_str(line).unwrap();
        assert_eq!(event.kind, EventKind::Unknown);
    }
}
