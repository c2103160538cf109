//! `kafka://HOST/TOPIC`.

use mermin_kafka::Exporter;

use super::{Kind, Started, Target};

pub(super) const KIND: Kind = Kind {
    schemes: mermin_kafka::Target::SCHEMES,
    usage: &[(
        "kafka://HOST[:PORT]/TOPIC",
        "Kafka; several hosts between commas, ?compression=zstd, lz4 or none and &format=json or protobuf behind it",
    )],
    parse: |text| {
        let target: mermin_kafka::Target = text.parse()?;
        let name = target.to_string();
        let settings = target.settings();
        Ok(Target::new(name, move || {
            let exporter = Exporter::new(&settings)?;
            let doubled = exporter.doubled();
            Ok(Started::new(exporter).doubled(doubled, Exporter::REMEDY))
        }))
    },
};
