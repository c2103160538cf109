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
                        reader.invalid(node, text, &fault, &shape)
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
    /// Facts that tell flows apart.
    FlowKey {
        /// VLANs and tunnels as well.
        Full = "full",
        /// Interface, protocol, addresses and ports alone.
        Endpoints = "endpoints",
    }

    /// How often a conversation is reported that several interfaces see.
    Join {
        /// By each of them.
        PerInterface = "per_interface" | "per-interface",
        /// Once, with their names.
        FirstSeen = "first_seen" | "first-seen",
        /// Once, with what each saw.
        Merged = "merged",
    }

    /// How much is logged.
    LogLevel {
        /// Everything.
        Trace = "trace",
        /// Details for developers.
        Debug = "debug",
        /// News for an operator.
        Info = "info",
        /// Signs of a problem to come.
        Warn = "warn" | "warning",
        /// Problems alone.
        Error = "error",
    }

    /// Policy for more records than may wait.
    Overflow {
        /// The source waits, and drops nothing.
        Block = "block",
        /// Those that come are dropped.
        DropNewest = "drop-newest" | "drop_newest",
        /// Those that wait longest are dropped.
        DropOldest = "drop-oldest" | "drop_oldest",
    }

    /// How programs are attached.
    AttachMode {
        /// By TCX where the kernel has it, else by netlink.
        Auto = "auto",
        /// A TCX link (Linux 6.6).
        Tcx = "tcx",
        /// A `cls_bpf` filter on the `clsact` qdisc.
        Tc = "tc",
    }

    /// Where a TCX link stands among others.
    TcxOrder {
        /// Before all others.
        First = "first",
        /// Behind all others.
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

    /// How a label is compared, as of Kubernetes' set-based selectors.
    Operator {
        /// Its value is one of the list.
        In = "In",
        /// It is not there, or its value is none of the list.
        NotIn = "NotIn",
        /// It is there.
        Exists = "Exists",
        /// It is not there.
        DoesNotExist = "DoesNotExist",
    }

    /// How flows are shown on standard output.
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

    /// How the application's own spans are shown on standard output.
    TracesFormat {
        /// Several lines each.
        TextIndent = "text_indent",
    }

    /// Events of the application's own spans that are recorded.
    SpanFormat {
        /// When they are entered, left and closed.
        Full = "full" | "plain",
    }

    /// How OTLP is carried.
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
