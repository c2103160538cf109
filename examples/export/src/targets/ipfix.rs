//! `ipfix://HOST`, `ipfix+tcp://HOST`, `ipfix+file:PATH`.

use super::{Kind, Started, Target};

pub(super) const KIND: Kind = Kind {
    schemes: mermin_ipfix::Target::SCHEMES,
    usage: &[
        (
            "ipfix://HOST[:PORT]",
            "IPFIX over UDP; ?biflow=true and &domain=NUMBER behind it",
        ),
        ("ipfix+tcp://HOST[:PORT]", "IPFIX over TCP"),
        ("ipfix+file:PATH", "IPFIX into a file"),
    ],
    parse: |text| {
        let target: mermin_ipfix::Target = text.parse()?;
        Ok(Target::new(target.to_string(), || {
            Ok(Started::new(target.exporter()?))
        }))
    },
};
