//! A subscriber that accepts everything and formats each event as text in memory.

use std::{
    fmt::{Debug, Write as _},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

static EVENTS: AtomicU64 = AtomicU64::new(0);

/// Installs the subscriber for the process.
pub(crate) fn install() {
    let subscriber = Writer {
        text: Mutex::default(),
        spans: AtomicU64::new(1),
    };
    // The process has no other subscriber.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// Returns the number of events.
pub(crate) fn events() -> u64 {
    EVENTS.load(Ordering::Relaxed)
}

struct Writer {
    text: Mutex<String>,
    spans: AtomicU64,
}

struct Fields<'t>(&'t mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to a string does not fail.
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

impl Subscriber for Writer {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed))
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        EVENTS.fetch_add(1, Ordering::Relaxed);
        let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        text.clear();
        event.record(&mut Fields(&mut text));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
