//! A subscriber of `tracing` gets the events of a capture from another thread than the awaiting one.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    fmt::{Debug, Write as _},
    sync::{Mutex, atomic::AtomicBool, atomic::Ordering},
    thread::{self, ThreadId},
};

use futures::executor::block_on;
use mermin_core::FlowSource;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

/// Name, within the span of opening, fields, thread.
type Heard = (&'static str, bool, String, ThreadId);

static HEARD: Mutex<Vec<Heard>> = Mutex::new(Vec::new());
static OPENING: AtomicBool = AtomicBool::new(false);

/// Keeps all events.
struct Listener;

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "mermin_core"
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        assert_eq!(span.metadata().name(), "open");
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields(String::new());
        event.record(&mut fields);
        let within = OPENING.load(Ordering::Relaxed);
        let heard = (
            event.metadata().name(),
            within,
            fields.0,
            thread::current().id(),
        );
        HEARD.lock().unwrap().push(heard);
    }

    fn enter(&self, _: &Id) {
        OPENING.store(true, Ordering::Relaxed);
    }

    fn exit(&self, _: &Id) {
        OPENING.store(false, Ordering::Relaxed);
    }
}

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{}={value:?} ", field.name()).unwrap();
    }
}

#[test]
fn open_attach_and_detach_events_come_from_the_capture_thread() {
    tracing::subscriber::set_global_default(Listener).unwrap();
    let source = match block_on(FlowSource::builder().interfaces(["lo"]).open()) {
        Ok(source) => source,
        Err(error) => {
            assert!(
                std::env::var_os("MERMIN_REQUIRE_KERNEL").is_none(),
                "{error:?}"
            );
            return eprintln!("skipped: {error}");
        }
    };
    block_on(source.shutdown()).unwrap();
    let heard = HEARD.lock().unwrap();
    let of = |name: &str| {
        let found = heard.iter().find(|(heard, ..)| *heard == name);
        found.unwrap_or_else(|| panic!("no `{name}` in {heard:?}"))
    };
    let (_, within, fields, thread) = of("attached");
    assert!(within, "{heard:?}");
    for said in ["interface=\"lo\"", "ingress=\"tc", "took_ns="] {
        assert!(fields.contains(said), "{fields}");
    }
    // Packets that loopback sends are received there, so its egress is not watched.
    assert!(!fields.contains("egress"), "{fields}");
    assert_ne!(*thread, thread::current().id());
    assert!(of("opened").2.contains("interfaces=1"));
    let (_, within, fields, _) = of("detached");
    assert!(!within && fields.contains("interface=\"lo\""), "{heard:?}");
}
