//! The sink.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use mermin_core::{
    Flow,
    sink::{BoxError, DropReason, FlowSink, Meter, Threaded, threaded},
};
use mermin_program::Delivered;
use rdkafka::{
    ClientConfig,
    error::KafkaError,
    producer::{BaseProducer, Producer as _},
};

use crate::{
    producer::{Context, Fate, Messages, publish},
    settings::Settings,
};

/// Exports flows to a topic of Kafka, one message per record. A thread, `mermin-kafka`, waits for the brokers, so no
/// executor does.
///
/// `Ok` means that the topic has every record (`acks=all`), except those that it rejects for good. Those are dropped,
/// and the [meter](FlowSink::meter) counts them as [`Unsendable`](DropReason::Unsendable) if they are too large, and
/// as [`Refused`](DropReason::Refused) otherwise. During an outage of the brokers, a call waits and the meter has
/// librdkafka's message; after it, the topic has each record once. After an error, the batch must be exported again:
/// wrap the exporter in [`retry`](mermin_core::sink::retry). Records that the topic already has are not sent again.
#[derive(Debug)]
pub struct Exporter {
    thread: Threaded,
    doubled: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

/// The reason why there is no exporter.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// An invalid setting of librdkafka, with its message.
    #[error("cannot make a producer: {0}")]
    Settings(String),
    /// The thread cannot start.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

impl Exporter {
    /// Starts the thread, and creates a producer, which connects by itself.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn new(settings: &Settings) -> Result<Self, StartError> {
        let (doubled, stop) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let (meter, config) = (Meter::default(), settings.config());
        let blocking = Blocking {
            producer: producer(&config, &meter)
                .map_err(|it| StartError::Settings(it.to_string()))?,
            config,
            messages: Messages::new(settings),
            delivered: Delivered::default(),
            meter,
            doubled: Arc::clone(&doubled),
            stop: Arc::clone(&stop),
        };
        let thread = threaded("mermin-kafka", blocking).map_err(StartError::Thread)?;
        Ok(Self {
            thread,
            doubled,
            stop,
        })
    }

    /// Remedy if [`doubled`](Self::doubled) is not zero.
    pub const REMEDY: &str = "of those with the same `flow.id` and `flow.sequence`, read one";

    /// Returns the number of records that may be in the topic twice: the producer failed, and a new one sent its
    /// pending records again.
    #[must_use]
    pub fn doubled(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.doubled)
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl FlowSink for Exporter {
    fn export(&mut self, flows: &[Flow]) -> impl Future<Output = Result<(), BoxError>> + Send {
        self.thread.export(flows)
    }

    fn close(&mut self) -> impl Future<Output = Result<(), BoxError>> + Send {
        self.thread.close()
    }

    fn meter(&self) -> Option<Meter> {
        self.thread.meter()
    }
}

fn producer(config: &ClientConfig, meter: &Meter) -> Result<BaseProducer<Context>, KafkaError> {
    config.create_with_context(Context::new(meter.clone()))
}

/// The thread's work.
struct Blocking {
    producer: BaseProducer<Context>,
    config: ClientConfig,
    messages: Messages,
    /// Delivered records of a batch that is exported again after an error. They are not sent again, because Kafka
    /// does not know the ids of records.
    delivered: Delivered,
    meter: Meter,
    doubled: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Blocking {
    fn deliver(&mut self, flows: &[Flow]) -> Result<(), String> {
        let left = self.delivered.rest_of(flows);
        let (fates, failure) = publish(&self.producer, &mut self.messages, &left, &self.stop);
        let mut doubtful = 0;
        for (flow, fate) in left.iter().zip(fates) {
            match fate {
                Fate::Left => {}
                Fate::UnderWay => doubtful += 1,
                Fate::Stored => self.delivered.insert(flow),
                Fate::TooLarge => self.delivered.lose(flow, DropReason::Unsendable),
                Fate::Refused => self.delivered.lose(flow, DropReason::Refused),
            }
        }
        let Some(why) = failure else {
            self.delivered.finish(flows, &self.meter);
            return Ok(());
        };
        if self.producer.client().fatal_error().is_some() {
            self.renew(doubtful)?;
        }
        Err(format!(
            "cannot publish to `{}`: {why}",
            self.messages.topic()
        ))
    }

    /// Replaces a failed producer.
    fn renew(&mut self, doubtful: u64) -> Result<(), String> {
        self.doubled.fetch_add(doubtful, Ordering::Relaxed);
        let new = producer(&self.config, &self.meter);
        self.producer = new.map_err(|error| format!("cannot make a producer: {error}"))?;
        Ok(())
    }
}

impl FlowSink for Blocking {
    async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
        Ok(self.deliver(flows)?)
    }

    fn meter(&self) -> Option<Meter> {
        Some(self.meter.clone())
    }
}
