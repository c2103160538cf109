//! `otlp://HOST`, `otlp+http://HOST`, and with TLS `otlps://HOST`, `otlp+https://HOST`.

use std::env;

use mermin_otlp::{Exporter, Resource};

use super::{Kind, Started, Target};

pub(super) const KIND: Kind = Kind {
    schemes: &["otlp", "otlp+http", "otlps", "otlp+https"],
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
