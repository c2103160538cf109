//! The file's own level.

use super::{Attributes, Discovery, Export, Filter, Internal, Parser, Pipeline, Span};
use crate::{
    schema::section,
    value::{LogLevel, PositiveDuration},
};

section! {
    /// A configuration, each value of which is valid. It comes from a file or is the default.
    Config, Nested {
        /// How much is logged.
        log_level: LogLevel = LogLevel::Info, Application;
        /// Colours in logs.
        log_color: bool = false, Application;
        /// The file is watched and read again when it changes.
        auto_reload: bool = false, Application;
        /// How long shutting down may take: what is not exported by then is lost.
        shutdown_timeout: PositiveDuration = PositiveDuration::seconds::<28>(), Application;
        /// Discovery of interfaces and of objects of Kubernetes.
        discovery: Discovery = Discovery::preset(), Application;
        /// Room for flows, and queues.
        pipeline: Pipeline = Pipeline::preset(), Application;
        /// Ports by which tunnels are known.
        parser: Parser = Parser::preset(), Application;
        /// When flows are reported and when they end.
        span: Span = Span::preset(), Application;
        /// Which flows are wanted.
        filter: Filter = Filter::preset(), Application;
        /// Facts about the objects at the two ends of a flow.
        attributes: Attributes = Attributes::preset(), Application;
        /// Where flows go.
        export: Export = Export::preset(), Application;
        /// The application's own metrics, health and traces.
        internal: Internal = Internal::preset(), Application;
        retired packet_channel_capacity "Of earlier versions: a flow costs user space the same whatever its packets.";
        retired packet_worker_count "Of earlier versions: packets are counted in the kernel.";
        retired agent "Of earlier versions: write `export \"traces\"`.";
        retired exporter "Of earlier versions: write `export \"traces\"`.";
        retired api "Of earlier versions: write `internal \"server\"`.";
        retired metrics "Of earlier versions: write `internal \"metrics\"`.";
    }
}

impl Default for Config {
    /// The configuration of an empty file.
    fn default() -> Self {
        Self::preset()
    }
}
