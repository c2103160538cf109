//! The file's own level.

use mermin_core::Filter;

use super::{Attributes, Discovery, Export, Internal, Parser, Pipeline, Span};
use crate::{
    schema::section,
    value::{LogLevel, PositiveDuration},
};

section! {
    /// A configuration of a file, or the default. Each value is valid.
    Config, Nested {
        /// Least severe level that is logged.
        log_level: LogLevel = LogLevel::Info, Application;
        /// Use colours in logs.
        log_color: bool = false, Application;
        /// Reload the file when it changes.
        auto_reload: bool = false, Application;
        /// Time limit for shutting down. Records that are not exported within it are lost.
        shutdown_timeout: PositiveDuration = PositiveDuration::seconds::<28>(), Application;
        /// Discovery of interfaces and Kubernetes objects.
        discovery: Discovery = Discovery::defaults(), Application;
        /// Sizes of the flow table and of queues.
        pipeline: Pipeline = Pipeline::defaults(), Application;
        /// UDP ports of tunnels.
        parser: Parser = Parser::defaults(), Application;
        /// Interval of records, and timeouts of flows.
        span: Span = Span::defaults(), Application;
        /// Filters of flows.
        filter: Filter = Filter::default(), Application;
        /// Object attributes of both endpoints of a flow.
        attributes: Attributes = Attributes::defaults(), Application;
        /// Receivers of flows.
        export: Export = Export::defaults(), Application;
        /// The application's own metrics, health and traces.
        internal: Internal = Internal::defaults(), Application;
        retired packet_channel_capacity "Packets do not pass through user space.";
        retired packet_worker_count "Packets are counted in the kernel.";
        retired agent "Write `export \"traces\"` instead.";
        retired exporter "Write `export \"traces\"` instead.";
        retired api "Write `internal \"server\"` instead.";
        retired metrics "Write `internal \"metrics\"` instead.";
    }
}

impl Default for Config {
    /// The configuration of an empty file.
    fn default() -> Self {
        Self::defaults()
    }
}
