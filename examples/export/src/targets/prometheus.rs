//! `prometheus://[ADDRESS][:PORT]`.

use std::sync::{Mutex, PoisonError};

use super::{Kind, Started, Target};

pub(super) const KIND: Kind = Kind {
    schemes: mermin_prometheus::Target::SCHEMES,
    usage: &[(
        "prometheus://[ADDR][:PORT]",
        "metrics of flows, of the source and of all targets at /metrics (127.0.0.1:9464)",
    )],
    parse: |text| {
        let target: mermin_prometheus::Target = text.parse()?;
        let linger = target.linger();
        let target = Target::new(target.to_string(), || {
            let exporter = target.exporter().map_err(|error| error.in_words())?;
            let watch = exporter.watch();
            let shown = Mutex::new(Vec::new());
            Ok(Started::new(exporter).opened(move |handle, meters| {
                watch.source(handle.clone());
                let names = meters.iter().map(|(name, _)| name.clone());
                let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
                // Targets that were removed, too.
                for name in std::mem::replace(&mut *shown, names.collect()) {
                    watch.forget_sink(&name);
                }
                for (name, meter) in meters {
                    watch.sink(name, meter.clone());
                }
            }))
        });
        Ok(target.lingers(linger))
    },
};
