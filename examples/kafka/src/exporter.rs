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
    producer::{Batches, Context, Fate, Messages, Why, publish},
    settings::Settings,
};

/// Exports flows to a topic of Kafka, one message per record. A thread, `mermin-kafka`, waits for the brokers, so no
/// executor does.
///
/// `Ok` means that the topic has every record (`acks=all`), except those that it rejects for good, each alone. Those are dropped,
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
            alone: None,
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
    /// Sends each record in a batch of its own. Created when a batch is rejected.
    alone: Option<BaseProducer<Context>>,
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
        let producer = (&self.producer, Batches::Many);
        let (fates, failure) = publish(producer, &mut self.messages, &left, &self.stop);
        let doubtful = self.note(&left, &fates);
        if let Some(why) = failure {
            if self.producer.client().fatal_error().is_some() {
                self.renew(doubtful)?;
            }
            return Err(self.cannot(&why));
        }
        let refused = left.into_iter().zip(fates);
        self.deliver_alone(refused.filter_map(|(flow, fate)| match fate {
            Fate::RefusedInBatch(why) => Some((flow, why)),
            _ => None,
        }))?;
        self.delivered.finish(flows, &self.meter);
        Ok(())
    }

    /// Sends the records of rejected batches again, each alone: a batch is rejected for one of its records, or for the size of all.
    fn deliver_alone<'f>(
        &mut self,
        refused: impl Iterator<Item = (&'f Flow, Why)>,
    ) -> Result<(), String> {
        let (left, whys): (Vec<_>, Vec<_>) = refused.unzip();
        if left.is_empty() {
            return Ok(());
        }
        let alone = match self.alone.take() {
            Some(alone) => alone,
            None => made(&alone(&self.config), &self.meter)?,
        };
        let producer = (&alone, Batches::One);
        let (fates, failure) = publish(producer, &mut self.messages, &left, &self.stop);
        let doubtful = self.note(&left, &fates);
        if alone.client().fatal_error().is_some() {
            self.doubled.fetch_add(doubtful, Ordering::Relaxed);
        } else {
            self.alone = Some(alone);
        }
        if let Some(why) = failure {
            return Err(self.cannot(&why));
        }
        let mut outcomes = whys.iter().zip(&fates);
        if outcomes.any(|(why, fate)| (*why, *fate) == (Why::Size, Fate::Stored)) {
            self.shrink_batches()?;
        }
        Ok(())
    }

    /// Notes the records that need no further attempt. Returns the number of those whose report is still missing.
    fn note(&mut self, flows: &[&Flow], fates: &[Fate]) -> u64 {
        let mut doubtful = 0;
        for (flow, fate) in flows.iter().zip(fates) {
            match fate {
                Fate::Left | Fate::RefusedInBatch(_) => {}
                Fate::UnderWay => doubtful += 1,
                Fate::Stored => self.delivered.insert(flow),
                Fate::TooLarge => self.delivered.lose(flow, DropReason::Unsendable),
                Fate::Refused => self.delivered.lose(flow, DropReason::Refused),
            }
        }
        doubtful
    }

    fn cannot(&self, why: &str) -> String {
        format!("cannot publish to `{}`: {why}", self.messages.topic())
    }

    /// Replaces a failed producer.
    fn renew(&mut self, doubtful: u64) -> Result<(), String> {
        self.doubled.fetch_add(doubtful, Ordering::Relaxed);
        self.producer = made(&self.config, &self.meter)?;
        Ok(())
    }

    /// Halves the size of batches, because the topic rejected one whose records it takes. No record is under way now.
    fn shrink_batches(&mut self) -> Result<(), String> {
        let size = batch_size(&self.config) / 2;
        if size >= SMALLEST_BATCH {
            self.config.set(BATCH_SIZE, size.to_string());
            self.renew(0)?;
        }
        Ok(())
    }
}

/// librdkafka's option for the octets of a batch, before compression.
const BATCH_SIZE: &str = "batch.size";
/// Batches are not made smaller than this. A record has a few hundred octets.
const SMALLEST_BATCH: u64 = 4096;

/// Returns the octets of a batch: librdkafka takes the smaller of two options.
fn batch_size(config: &ClientConfig) -> u64 {
    let options = [BATCH_SIZE, "message.max.bytes"].into_iter();
    let set = options.filter_map(|name| config.get(name)?.parse().ok());
    set.min().unwrap_or(1_000_000)
}

/// Returns the options of a producer that makes a batch of each record.
fn alone(config: &ClientConfig) -> ClientConfig {
    let mut config = config.clone();
    config.set("batch.num.messages", "1").set("linger.ms", "0");
    config
}

fn made(config: &ClientConfig, meter: &Meter) -> Result<BaseProducer<Context>, String> {
    producer(config, meter).map_err(|error| format!("cannot make a producer: {error}"))
}

impl FlowSink for Blocking {
    async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
        Ok(self.deliver(flows)?)
    }

    fn meter(&self) -> Option<Meter> {
        Some(self.meter.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_of_a_batch_is_the_smaller_option() {
        let size = |settings: Settings| batch_size(&settings.config());
        let settings = Settings::new(["a:1"], "t");
        assert_eq!(size(settings.clone()), 1_000_000);
        assert_eq!(size(settings.clone().message(500_000)), 500_000);
        assert_eq!(size(settings.with(BATCH_SIZE, "16384")), 16_384);
        assert_eq!(batch_size(&ClientConfig::new()), 1_000_000);
    }
}
