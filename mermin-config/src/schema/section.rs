//! Declares a block once: its type, its reader and writer, and its description.

/// Declares a block.
///
/// ```text
/// section! {
///     /// The purpose of the block.
///     Span, Nested, rules {
///         /// The meaning of the key.
///         tcp_timeout: PositiveDuration = PositiveDuration::seconds(20), Capture;
///         /// A key whose name is not a Rust identifier.
///         kind "type": Kind = Kind::Pod, Application, required;
///         retired threads "Why a key of earlier versions has no effect.";
///     }
/// }
/// ```
///
/// `Stdout, Nested or "format"` accepts a text in place of the block, as the value of that key. A `required` key has no
/// default in a file. `rules` is an optional function that rejects invalid combinations of keys.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        $(#[expect $lint:tt])?
        $name:ident, $style:ident $(or $short:literal)? $(, $rules:ident)? {
            $(
                $(#[doc = $meaning:literal])+
                $field:ident $($key:literal)?: $type:ident $(<$($of:tt),+>)? = $default:expr, $effect:ident $(, $required:ident)?;
            )*
            $(retired $old:ident $why:literal;)*
        }
    ) => {
        $(#[doc = $about])+
        $(#[expect $lint])?
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $($field: $type $(<$($of),+>)?,)*
        }

        impl $name {
            $(
                $crate::schema::getter! { $(#[doc = $meaning])+ $field: $type $(<$($of),+>)? }
            )*

            /// Returns all defaults.
            pub(crate) fn defaults() -> Self {
                Self {
                    $($field: $default,)*
                }
            }

            /// Returns the description of the block.
            pub(crate) fn info() -> $crate::schema::Info {
                $crate::schema::Info {
                    about: concat!($($about),+),
                    style: $crate::schema::Style::$style,
                    keys: vec![$(
                        $crate::schema::Key {
                            name: $crate::schema::section!(@name $field $($key)?),
                            meaning: concat!($($meaning),+),
                            effect: $crate::schema::Effect::$effect,
                            shape: <$type $(<$($of),+>)? as $crate::schema::ConfigValue>::shape(),
                            default: || $crate::schema::ConfigValue::write(&Self::defaults().$field),
                            required: $crate::schema::section!(@required $($required)?),
                        },
                    )* $(
                        $crate::schema::Key {
                            name: stringify!($old),
                            meaning: $why,
                            effect: $crate::schema::Effect::Ignored,
                            shape: $crate::schema::Shape::Retired,
                            default: || $crate::schema::HclValue::Absent,
                            required: false,
                        },
                    )*],
                }
            }
        }

        impl $crate::schema::ConfigValue for $name {
            fn shape() -> $crate::schema::Shape {
                $crate::schema::Shape::Section(Self::info)
            }

            fn read(node: &$crate::node::Node, reader: &mut $crate::schema::Reader) -> Option<Self> {
                let info = Self::info();
                $(let node = &node.as_block_of($short);)?
                let entries = reader.table(node, &info)?;
                let defaults = Self::defaults();
                let mut keys = info.keys.iter();
                let read = Self {
                    $($field: match keys.next() {
                        Some(key) => reader.field(entries, key, info.style, defaults.$field),
                        None => defaults.$field,
                    },)*
                };
                for key in keys {
                    reader.retired(entries, key, info.style);
                }
                reader.require(entries, node, &info);
                $($rules(&read, node, reader);)?
                Some(read)
            }

            fn write(&self) -> $crate::schema::HclValue {
                $crate::schema::HclValue::Section(vec![$(
                    (
                        $crate::schema::section!(@name $field $($key)?),
                        $crate::schema::ConfigValue::write(&self.$field),
                    ),
                )*])
            }

            #[cfg(test)]
            fn arbitrary(entropy: &mut $crate::schema::arbitrary::Entropy<'_>) -> Self {
                let value = Self {
                    $($field: $crate::schema::ConfigValue::arbitrary(entropy),)*
                };
                $(
                    let _ = $rules;
                    // Keys that exclude each other cannot be chosen independently.
                    if !$crate::schema::arbitrary::read_again(&value).is_empty() {
                        return Self::defaults();
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

/// Declares the keys of a type of `mermin-core`, whose fields are public and whose default is that of a file.
macro_rules! core_section {
    (
        $(#[doc = $about:literal])+
        $name:ident, $style:ident {
            $(
                $(#[doc = $meaning:literal])+
                $field:ident $($key:literal)?: $type:ty, $effect:ident;
            )*
        }
    ) => {
        const _: () = {
            fn info() -> $crate::schema::Info {
                $crate::schema::Info {
                    about: concat!($($about),+),
                    style: $crate::schema::Style::$style,
                    keys: vec![$(
                        $crate::schema::Key {
                            name: $crate::schema::section!(@name $field $($key)?),
                            meaning: concat!($($meaning),+),
                            effect: $crate::schema::Effect::$effect,
                            shape: <$type as $crate::schema::ConfigValue>::shape(),
                            default: || $crate::schema::ConfigValue::write(&$name::default().$field),
                            required: false,
                        },
                    )*],
                }
            }

            impl $crate::schema::ConfigValue for $name {
                fn shape() -> $crate::schema::Shape {
                    $crate::schema::Shape::Section(info)
                }

                fn read(node: &$crate::node::Node, reader: &mut $crate::schema::Reader) -> Option<Self> {
                    let info = info();
                    let entries = reader.table(node, &info)?;
                    let mut keys = info.keys.iter();
                    let mut read = Self::default();
                    $(
                        if let Some(key) = keys.next() {
                            read.$field = reader.field(entries, key, info.style, read.$field);
                        }
                    )*
                    Some(read)
                }

                fn write(&self) -> $crate::schema::HclValue {
                    $crate::schema::HclValue::Section(vec![$(
                        (
                            $crate::schema::section!(@name $field $($key)?),
                            $crate::schema::ConfigValue::write(&self.$field),
                        ),
                    )*])
                }

                #[cfg(test)]
                fn arbitrary(entropy: &mut $crate::schema::arbitrary::Entropy<'_>) -> Self {
                    let mut value = Self::default();
                    $(value.$field = $crate::schema::ConfigValue::arbitrary(entropy);)*
                    value
                }
            }
        };
    };
}

/// Declares the method that returns a field: by value if it is small, otherwise as a reference.
macro_rules! getter {
    ($(#[$doc:meta])+ $field:ident: String) => {
        $(#[$doc])+
        #[must_use]
        pub fn $field(&self) -> &str {
            &self.$field
        }
    };
    ($(#[$doc:meta])+ $field:ident: Vec<$item:tt>) => {
        $(#[$doc])+
        #[must_use]
        pub fn $field(&self) -> &[$item] {
            &self.$field
        }
    };
    ($(#[$doc:meta])+ $field:ident: Option<String>) => {
        $(#[$doc])+
        #[must_use]
        pub fn $field(&self) -> Option<&str> {
            self.$field.as_deref()
        }
    };
    ($(#[$doc:meta])+ $field:ident: Option<$item:tt>) => {
        $(#[$doc])+
        #[must_use]
        pub fn $field(&self) -> Option<&$item> {
            self.$field.as_ref()
        }
    };
    ($(#[$doc:meta])+ $field:ident: Bounded<$least:tt, $most:tt>) => {
        $crate::schema::getter! { @copied $(#[$doc])+ $field: Bounded<$least, $most> }
    };
    ($(#[$doc:meta])+ $field:ident: bool) => {
        $crate::schema::getter! { @copied $(#[$doc])+ $field: bool }
    };
    ($(#[$doc:meta])+ $field:ident: Attach) => {
        $crate::schema::getter! { @copied $(#[$doc])+ $field: Attach }
    };
    ($(#[$doc:meta])+ $field:ident: Duration) => {
        $crate::schema::getter! { @copied $(#[$doc])+ $field: Duration }
    };
    ($(#[$doc:meta])+ $field:ident: FlowKey) => {
        $crate::schema::getter! { @copied $(#[$doc])+ $field: FlowKey }
    };
    ($(#[$doc:meta])+ $field:ident: IpAddr) => {
        $crate::schema::getter! { @copied $(#[$doc])+ $field: IpAddr }
    };
    ($(#[$doc:meta])+ $field:ident: Join) => {
        $crate::schema::getter! { @copied $(#[$doc])+ $field: Join }
    };
    ($(#[$doc:meta])+ $field:ident: Kind) => {
        $crate::schema::getter! { @copied $(#[$doc])+ $field: Kind }
    };
    ($(#[$doc:meta])+ $field:ident: LogLevel) => {
        $crate::schema::getter! { @copied $(#[$doc])+ $field: LogLevel }
    };
    ($(#[$doc:meta])+ $field:ident: NonZeroU16) => {
        $crate::schema::getter! { @copied $(#[$doc])+ $field: NonZeroU16 }
    };
    ($(#[$doc:meta])+ $field:ident: Operator) => {
        $crate::schema::getter! { @copied $(#[$doc])+ $field: Operator }
    };
    ($(#[$doc:meta])+ $field:ident: OtlpProtocol) => {
        $crate::schema::getter! { @copied $(#[$doc])+ $field: OtlpProtocol }
    };
    ($(#[$doc:meta])+ $field:ident: Overflow) => {
        $crate::schema::getter! { @copied $(#[$doc])+ $field: Overflow }
    };
    ($(#[$doc:meta])+ $field:ident: PositiveDuration) => {
        $crate::schema::getter! { @copied $(#[$doc])+ $field: PositiveDuration }
    };
    ($(#[$doc:meta])+ $field:ident: SpanFormat) => {
        $crate::schema::getter! { @copied $(#[$doc])+ $field: SpanFormat }
    };
    ($(#[$doc:meta])+ $field:ident: StdoutFormat) => {
        $crate::schema::getter! { @copied $(#[$doc])+ $field: StdoutFormat }
    };
    ($(#[$doc:meta])+ $field:ident: TracesFormat) => {
        $crate::schema::getter! { @copied $(#[$doc])+ $field: TracesFormat }
    };
    (@copied $(#[$doc:meta])+ $field:ident: $type:ty) => {
        $(#[$doc])+
        #[must_use]
        pub fn $field(&self) -> $type {
            self.$field
        }
    };
    ($(#[$doc:meta])+ $field:ident: $type:ty) => {
        $(#[$doc])+
        #[must_use]
        pub fn $field(&self) -> &$type {
            &self.$field
        }
    };
}

pub(crate) use core_section;
pub(crate) use getter;
pub(crate) use section;
