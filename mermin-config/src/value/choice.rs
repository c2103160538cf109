//! One of several words.

use mermin_core::{Attach, FlowKey, Join, TcxOrder};

use super::text::text;
use crate::{
    node::Node,
    schema::{ConfigValue, HclValue, Reader, Shape, nearest::nearest},
};

/// Declares the words of a choice; the first word of each variant is written. Case does not matter.
macro_rules! choice {
    ($(
        $(#[$doc:meta])*
        $name:ident {
            $(
                $(#[$choice_doc:meta])*
                $choice:ident = $word:literal $(| $alias:literal)*,
            )*
        }
    )*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$choice_doc])* $choice,)*
        }

        impl $name {
            /// All variants.
            pub const ALL: &'static [Self] = &[$(Self::$choice),*];

            /// Returns the word in a file.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$choice => $word,)*
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl ConfigValue for $name {
            fn shape() -> Shape {
                Shape::leaf("word", words(&[$($word),*]))
            }

            fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
                read_word(node, reader, &Self::shape(), &[$((Self::$choice, &[$word $(, $alias)*])),*])
            }

            fn write(&self) -> HclValue {
                HclValue::text(self)
            }

            #[cfg(test)]
            fn arbitrary(entropy: &mut crate::schema::arbitrary::Entropy<'_>) -> Self {
                entropy.one(Self::ALL)
            }
        }
    )*};
}

/// The same for an enum of `mermin-core`, of which a file may have these variants.
macro_rules! core_choice {
    ($($name:ident { $($choice:ident = $word:literal $(| $alias:literal)*,)* })*) => {$(
        impl ConfigValue for $name {
            fn shape() -> Shape {
                Shape::leaf("word", words(&[$($word),*]))
            }

            fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
                read_word(node, reader, &Self::shape(), &[$((Self::$choice, &[$word $(, $alias)*])),*])
            }

            fn write(&self) -> HclValue {
                match self {
                    $(Self::$choice => HclValue::text(&$word),)*
                    // No file has another one.
                    _ => HclValue::Absent,
                }
            }

            #[cfg(test)]
            fn arbitrary(entropy: &mut crate::schema::arbitrary::Entropy<'_>) -> Self {
                let mut all = vec![$(Self::$choice),*];
                all.swap_remove(entropy.below(all.len()))
            }
        }
    )*};
}

/// Reads one of these choices; the first word of each is valid, the others are accepted.
fn read_word<T: Clone>(
    node: &Node,
    reader: &mut Reader,
    shape: &Shape,
    choices: &[(T, &[&'static str])],
) -> Option<T> {
    let text = text(node, reader, shape)?;
    let is_meant = |word: &&str| word.eq_ignore_ascii_case(text);
    if let Some((choice, _)) = choices.iter().find(|(_, words)| words.iter().any(is_meant)) {
        return Some(choice.clone());
    }
    let valid = choices
        .iter()
        .filter_map(|(_, words)| words.first().copied());
    let fault = match nearest(text, valid) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "there is no such word".to_owned(),
    };
    // It has a valid word, and no text of the file.
    reader.invalid_quoting(node, text, &fault, &fault, shape)
}

/// Formats `a, b or c`.
fn words(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

core_choice! {
    FlowKey {
        Full = "full",
        Endpoints = "endpoints",
    }

    Join {
        PerInterface = "per_interface" | "per-interface",
        FirstSeen = "first_seen" | "first-seen",
        Merged = "merged",
    }

    Attach {
        Auto = "auto",
        Tcx = "tcx",
        Tc = "tc",
    }

    TcxOrder {
        First = "first",
        Last = "last",
    }
}

choice! {
    /// Log level.
    LogLevel {
        /// Everything.
        Trace = "trace",
        /// Details for developers.
        Debug = "debug",
        /// Information for operators.
        Info = "info",
        /// Signs of a problem to come.
        Warn = "warn" | "warning",
        /// Errors only.
        Error = "error",
    }

    /// Policy for a full buffer.
    Overflow {
        /// The source waits, and drops nothing.
        Block = "block",
        /// New records are dropped.
        DropNewest = "drop-newest" | "drop_newest",
        /// The oldest records are dropped.
        DropOldest = "drop-oldest" | "drop_oldest",
    }

    /// Kinds of Kubernetes objects.
    Kind {
        /// Service.
        Service = "Service",
        /// Endpoints, which `EndpointSlice` replaces.
        Endpoint = "Endpoint" | "Endpoints",
        /// `EndpointSlice`.
        EndpointSlice = "EndpointSlice",
        /// Gateway of the Gateway API.
        Gateway = "Gateway",
        /// Ingress.
        Ingress = "Ingress",
        /// Pod.
        Pod = "Pod",
        /// `ReplicaSet`.
        ReplicaSet = "ReplicaSet",
        /// Deployment.
        Deployment = "Deployment",
        /// `DaemonSet`.
        DaemonSet = "DaemonSet",
        /// `StatefulSet`.
        StatefulSet = "StatefulSet",
        /// Job.
        Job = "Job",
        /// `CronJob`.
        CronJob = "CronJob",
        /// `NetworkPolicy`.
        NetworkPolicy = "NetworkPolicy",
        /// Node.
        Node = "Node",
    }

    /// Operator on a label, as in Kubernetes' set-based selectors.
    Operator {
        /// The label's value is in the list.
        In = "In",
        /// The label is absent, or its value is not in the list.
        NotIn = "NotIn",
        /// The label is present.
        Exists = "Exists",
        /// The label is absent.
        DoesNotExist = "DoesNotExist",
    }

    /// Format of flows on standard output.
    StdoutFormat {
        /// A line each.
        Text = "text",
        /// Several lines each.
        TextIndent = "text_indent",
        /// A JSON object on a line each.
        Json = "json",
        /// A JSON object over several lines each.
        JsonIndent = "json_indent",
    }

    /// Format of the application's own spans on standard output.
    TracesFormat {
        /// Several lines each.
        TextIndent = "text_indent",
    }

    /// Recorded events of the application's own spans.
    SpanFormat {
        /// When they are entered, left and closed.
        Full = "full" | "plain",
    }

    /// Transport of OTLP.
    OtlpProtocol {
        /// gRPC over HTTP/2.
        Grpc = "grpc",
        /// Protocol Buffers over HTTP.
        HttpBinary = "http_binary",
    }
}

impl From<Overflow> for mermin_core::sink::Overflow {
    fn from(overflow: Overflow) -> Self {
        match overflow {
            Overflow::Block => Self::Block,
            Overflow::DropNewest => Self::DropNewest,
            Overflow::DropOldest => Self::DropOldest,
        }
    }
}
