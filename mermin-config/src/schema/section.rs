//! A block declared once: its type, how it is read and written, and what is known of it.

/// Declares a block.
///
/// ```text
/// section! {
///     /// What the block is about.
///     Span, Nested, rules {
///         /// What the key means.
///         tcp_timeout: PositiveDuration = PositiveDuration::seconds(20), Capture;
///         /// A key whose name is none in Rust.
///         kind "type": Kind = Kind::Pod, Application, required;
///         retired threads "Why a key of earlier versions has no effect.";
///     }
/// }
/// ```
///
/// `Stdout, Nested or "format"` is a block in whose place a text may stand, which is that key then. A key that is `required` has no default in a file. `rules`, where it is given, is a function that refuses what several
/// keys together cannot be.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        $(#[expect $lint:tt])?
        $name:ident, $style:ident $(or $short:literal)? $(, $rules:ident)? {
            $(
                $(#[doc = $meaning:literal])+
                $field:ident $($key:literal)?: $type:ty = $preset:expr, $effect:ident $(, $required:ident)?;
            )*
            $(retired $old:ident $why:literal;)*
        }
    ) => {
        $(#[doc = $about])+
        $(#[expect $lint])?
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $($field: $type,)*
        }

        impl $name {
            $(
                $(#[doc = $meaning])+
                #[must_use]
                pub fn $field(&self) -> &$type {
                    &self.$field
                }
            )*

            /// All defaults.
            pub(crate) fn preset() -> Self {
                Self {
                    $($field: $preset,)*
                }
            }

            /// Description of the block.
            pub(crate) fn info() -> $crate::schema::Info {
                $crate::schema::Info {
                    about: concat!($($about),+),
                    style: $crate::schema::Style::$style,
                    keys: vec![$(
                        $crate::schema::Key {
                            name: $crate::schema::section!(@name $field $($key)?),
                            meaning: concat!($($meaning),+),
                            effect: $crate::schema::Effect::$effect,
                            shape: <$type as $crate::schema::Member>::shape(),
                            preset: || $crate::schema::Member::write(&Self::preset().$field),
                            required: $crate::schema::section!(@required $($required)?),
                        },
                    )* $(
                        $crate::schema::Key {
                            name: stringify!($old),
                            meaning: $why,
                            effect: $crate::schema::Effect::Nothing,
                            shape: $crate::schema::Shape::Retired,
                            preset: || $crate::schema::Written::Absent,
                            required: false,
                        },
                    )*],
                }
            }
        }

        impl $crate::schema::Member for $name {
            fn shape() -> $crate::schema::Shape {
                $crate::schema::Shape::Section(Self::info)
            }

            fn read(node: &$crate::node::Node, reader: &mut $crate::schema::Reader) -> Option<Self> {
                let info = Self::info();
                $(let node = &node.as_block_of($short);)?
                let entries = reader.table(node, &info)?;
                let preset = Self::preset();
                let mut keys = info.keys.iter();
                let read = Self {
                    $($field: match keys.next() {
                        Some(key) => reader.field(entries, key, info.style, preset.$field),
                        None => preset.$field,
                    },)*
                };
                for key in keys {
                    reader.retired(entries, key, info.style);
                }
                reader.require(entries, node, &info);
                $($rules(&read, node, reader);)?
                Some(read)
            }

            fn write(&self) -> $crate::schema::Written {
                $crate::schema::Written::Section(vec![$(
                    (
                        $crate::schema::section!(@name $field $($key)?),
                        $crate::schema::Member::write(&self.$field),
                    ),
                )*])
            }

            #[cfg(test)]
            fn arbitrary(entropy: &mut $crate::schema::arbitrary::Entropy<'_>) -> Self {
                let value = Self {
                    $($field: $crate::schema::Member::arbitrary(entropy),)*
                };
                $(
                    let _ = $rules;
                    // Keys that exclude one another cannot be chosen one by one.
                    if !$crate::schema::arbitrary::read_again(&value).is_empty() {
                        return Self::preset();
                    }
                )?
                value
            }
        }
    };
    (@required) => { false };
    (@required required) => { true };
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $key:literal) => { $key };
}

pub(crate) use section;
