//! From a configuration to a source of flows.

use mermin_core::{Attach, FlowSource, FlowSourceBuilder, Pattern, Preset};

use crate::{
    Config,
    keys::{Instrument, Span},
    value::AttachMode,
};

impl Config {
    /// A builder with all that the configuration says about capturing. What a program's flags say can be put over it.
    pub fn source(&self) -> FlowSourceBuilder {
        let instrument = self.discovery().instrument();
        let builder = FlowSource::builder()
            .attach(attach(instrument))
            .netns(instrument.netns().clone())
            .max_flows(self.pipeline().flow_capture().flow_stats_capacity().get())
            .filter(self.filter().to_core());
        interfaces(timeouts(builder, self.span()), instrument)
    }
}

fn interfaces(builder: FlowSourceBuilder, instrument: &Instrument) -> FlowSourceBuilder {
    let texts =
        |patterns: &[Pattern]| -> Vec<String> { patterns.iter().map(Pattern::to_string).collect() };
    let builder = if instrument.usual() {
        // A host without any of them is a bare one.
        let usual = Preset::AnyCni.patterns().iter().copied();
        builder.interfaces(usual).or_all(true)
    } else {
        builder.interfaces(texts(instrument.interfaces()))
    };
    builder
        .exclude(texts(instrument.exclude()))
        .hot_plug(*instrument.auto_discover_interfaces())
}

fn attach(instrument: &Instrument) -> Attach {
    match instrument.attach() {
        AttachMode::Auto => Attach::Auto,
        AttachMode::Tcx => Attach::Tcx,
        AttachMode::Tc => Attach::Tc {
            priority: u16::try_from(instrument.tc_priority().get()).unwrap_or(u16::MAX),
        },
    }
}

fn timeouts(builder: FlowSourceBuilder, span: &Span) -> FlowSourceBuilder {
    builder
        .active_timeout(span.max_record_interval().get())
        .other_timeout(span.generic_timeout().get())
        .icmp_timeout(span.icmp_timeout().get())
        .tcp_timeout(span.tcp_timeout().get())
        .tcp_fin_timeout(span.tcp_fin_timeout().get())
        .tcp_rst_timeout(span.tcp_rst_timeout().get())
        .udp_timeout(span.udp_timeout().get())
}
