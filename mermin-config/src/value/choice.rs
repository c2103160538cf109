//! One of several words.

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

            fn find(text: &str) -> Option<Self> {
                $(
                    if [$word $(, $alias)*].iter().any(|word| word.eq_ignore_ascii_case(text)) {
                        return Some(Self::$choice);
                    }
                )*
                None
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
                let shape = Self::shape();
                let text = text(node, reader, &shape)?;
                match Self::find(text) {
                    Some(choice) => Some(choice),
                    None => {
                        let fault = match nearest(text, [$($word),*]) {
                            Some(near) => format!("did you mean `{near}`?"),
                            None => "there is no such word".to_owned(),
                        };
                        // It has a valid word, and no text of the file.
                        reader.invalid_quoting(node, text, &fault, &fault, &shape)
                    }
                }
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

/// Formats `a, b or c`.
fn words(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

choice! {
    /// Fields of the flow key.
    FlowKey {
        /// VLANs and tunnels in addition.
        Full = "full",
        /// Interface, protocol, addresses and ports only.
        Endpoints = "endpoints",
    }

    /// How often a conversation is reported that several interfaces see.
    Join {
        /// By each interface.
        PerInterface = "per_interface" | "per-interface",
        /// Once, with the names of the interfaces.
        FirstSeen = "first_seen" | "first-seen",
        /// Once, with the counts of each interface.
        Merged = "merged",
    }

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

    /// Attach mechanism.
    AttachMode {
        /// TCX if the kernel has it, otherwise a `cls_bpf` filter.
        Auto = "auto",
        /// A TCX link (Linux 6.6).
        Tcx = "tcx",
        /// A `cls_bpf` filter on the `clsact` qdisc.
        Tc = "tc",
    }

    /// Position of a TCX link among others.
    TcxOrder {
        /// Before all others.
        First = "first",
        /// After all others.
        Last = "last",
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
