//! `nats://HOST/STREAM`.

use std::env;

use mermin_nats::Exporter;

use super::{Kind, Started, Target};

pub(super) const KIND: Kind = Kind {
    schemes: mermin_nats::Target::SCHEMES,
    usage: &[(
        "nats://HOST[:PORT]/STREAM",
        "NATS JetStream; ?subject=SUBJECT, &window=SECONDS and &create=false behind it",
    )],
    parse: |text| {
        let target: mermin_nats::Target = text.parse()?;
        let name = target.to_string();
        let settings = target.settings(|name| env::var(name).ok());
        Ok(Target::new(name, move || {
            let exporter = Exporter::new(settings)?;
            let doubled = exporter.doubled();
            Ok(Started::new(exporter).doubled(doubled, Exporter::REMEDY))
        }))
    },
};
