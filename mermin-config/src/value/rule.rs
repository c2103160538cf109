//! Allow lists and deny lists.

use mermin_core::filter::Rule;

use crate::{
    node::Node,
    schema::{ConfigValue, Effect, HclValue, Info, Key, Reader, Shape, Style},
};

fn info<T: ConfigValue>() -> Info {
    let key = |name, meaning| Key {
        name,
        meaning,
        effect: Effect::Capture,
        shape: Vec::<T>::shape(),
        default: || HclValue::List(Vec::new()),
        required: false,
    };
    Info {
        about: " Two lists.",
        style: Style::Inline,
        keys: vec![
            key(
                "match",
                " What may be: one of these; anything where it is empty.",
            ),
            key("not_match", " What may not be, whatever `match` says."),
        ],
    }
}

impl<T: ConfigValue> ConfigValue for Rule<T> {
    fn shape() -> Shape {
        Shape::Section(info::<T>)
    }

    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let info = info::<T>();
        let entries = reader.table(node, &info)?;
        let mut rule = Self::default();
        for (key, list) in info
            .keys
            .iter()
            .zip([&mut rule.matching, &mut rule.not_matching])
        {
            *list = reader.field(entries, key, info.style, Vec::new());
        }
        Some(rule)
    }

    fn write(&self) -> HclValue {
        HclValue::Section(vec![
            ("match", self.matching.write()),
            ("not_match", self.not_matching.write()),
        ])
    }

    #[cfg(test)]
    fn arbitrary(entropy: &mut crate::schema::arbitrary::Entropy<'_>) -> Self {
        Self {
            matching: Vec::arbitrary(entropy),
            not_matching: Vec::arbitrary(entropy),
        }
    }
}
