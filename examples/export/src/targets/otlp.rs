//! `otlp://HOST`, `otlp+http://HOST`, and with TLS `otlps://HOST`, `otlp+https://HOST`.

use std::env;

use mermin_config::Config;
use mermin_otlp::{Block, Exporter, Resource};

use super::{Kind, Started, Target};

pub(super) const KIND: Kind = Kind {
    schemes: mermin_otlp::Target::SCHEMES,
    usage: &[
        (
            "otlp://HOST[:PORT]",
            "OTLP over gRPC; ?logs=true, &metrics=true, &compression=gzip and others behind it",
        ),
        ("otlp+http://HOST[:PORT]", "OTLP over HTTP"),
        (
            "otlps://, otlp+https://",
            "the same with TLS, where it was built with the feature `tls`",
        ),
    ],
    parse: |text| {
        let target: mermin_otlp::Target = text.parse()?;
        // Environment variables complete the settings. Errors in them are reported before anything starts.
        let settings = target.settings(|name| env::var(name).ok(), Resource::of_host())?;
        Ok(Target::new(target.to_string(), move || {
            Ok(Started::new(Exporter::new(&settings)?))
        }))
    },
};

/// Returns the collector of `export "traces" otlp`.
pub(super) fn of_traces(config: &Config) -> Option<Target> {
    let block = Block::of(config)?;
    Some(Target::new(block.name().to_owned(), move || {
        let resource = Resource::of_host().with_environment(|name| env::var(name).ok())?;
        Ok(Started {
            is_buffered: true,
            ..Started::new(block.start(resource)?)
        })
    }))
}
