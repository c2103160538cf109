//! Sends records and waits for delivery reports.

use std::{
    mem,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use mermin_core::{Flow, sink::Meter};
use rdkafka::{
    ClientContext,
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode},
    producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext},
};

use crate::{payload::Payload, settings::Settings};

/// State of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Not sent, or refused temporarily.
    Left,
    /// Sent; the delivery report has not arrived yet.
    UnderWay,
    Stored,
    /// Larger than the producer or the topic accepts.
    TooLarge,
    /// The broker rejects it for good.
    Refused,
    /// The broker rejects for good the batch it was in, which says nothing of one record: the size and validity of batches are
    /// checked.
    RefusedInBatch(Why),
}

/// The reason of a final rejection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// Larger than `max.message.bytes` or `segment.bytes` of the topic, or than the producer's limit.
    Size,
    Contents,
}

impl Why {
    /// Returns the state of a record that was rejected alone.
    const fn alone(self) -> Fate {
        match self {
            Self::Size => Fate::TooLarge,
            Self::Contents => Fate::Refused,
        }
    }
}

/// The batches that a producer makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Batches {
    Many,
    /// Each record is alone in a batch.
    One,
}

/// Largest number of messages in the producer.
const MOST: usize = 10_000;
/// Shortest and longest interval of polling for reports. rdkafka's `poll` always waits for the given time, even if a
/// report arrives.
const FIRST_LOOK: Duration = Duration::from_millis(1);
const LAST_LOOK: Duration = Duration::from_millis(100);

/// Callbacks of librdkafka.
pub(crate) struct Context {
    meter: Meter,
    reports: Mutex<Vec<(usize, Option<RDKafkaErrorCode>)>>,
    /// A broker's last failure.
    cause: Mutex<Option<String>>,
}

impl Context {
    pub(crate) fn new(meter: Meter) -> Self {
        Self {
            meter,
            reports: Mutex::default(),
            cause: Mutex::default(),
        }
    }

    fn reports(&self) -> Vec<(usize, Option<RDKafkaErrorCode>)> {
        mem::take(&mut self.reports.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ClientContext for Context {
    /// [`error`](Self::error) handles errors. Other messages are only useful for debugging librdkafka.
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}

    fn error(&self, error: KafkaError, reason: &str) {
        let mut cause = self.cause.lock().unwrap_or_else(PoisonError::into_inner);
        // `AllBrokersDown` follows the last broker's own failure. Its text has only numbers, which librdkafka may have reset
        // meanwhile: `0/1 brokers are down`.
        let words = if code(&error) == RDKafkaErrorCode::AllBrokersDown {
            match &*cause {
                Some(cause) => format!("all brokers are down: {cause}"),
                None => "all brokers are down".to_owned(),
            }
        } else {
            cause.insert(reason.to_owned()).clone()
        };
        self.meter.failed(&words.into());
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        let error = result.as_ref().err().map(|(error, _)| code(error));
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        reports.push((number, error));
    }
}

fn code(error: &KafkaError) -> RDKafkaErrorCode {
    error
        .rdkafka_error_code()
        .unwrap_or(RDKafkaErrorCode::Unknown)
}

/// Returns the reason of a final rejection. `None` if the error is temporary.
const fn verdict(code: RDKafkaErrorCode) -> Option<Why> {
    match code {
        RDKafkaErrorCode::MessageSizeTooLarge
        | RDKafkaErrorCode::InvalidMessageSize
        | RDKafkaErrorCode::MessageBatchTooLarge => Some(Why::Size),
        RDKafkaErrorCode::InvalidRecord | RDKafkaErrorCode::PolicyViolation => Some(Why::Contents),
        _ => None,
    }
}

/// Sends records and waits for their reports, however long a broker is away. librdkafka retries, and numbers messages so
/// that the broker stores each once. After a temporary refusal it sends no further records: they are [`Left`](Fate::Left).
/// Ends early at a fatal error of librdkafka, and when `stop` is set.
pub(crate) fn publish(
    (producer, batches): (&BaseProducer<Context>, Batches),
    messages: &mut Messages,
    flows: &[&Flow],
    stop: &AtomicBool,
) -> (Vec<Fate>, Option<String>) {
    let mut fates = vec![Fate::Left; flows.len()];
    let failure = attempt((producer, batches), messages, flows, stop, &mut fates).err();
    (fates, failure)
}

fn attempt(
    (producer, batches): (&BaseProducer<Context>, Batches),
    messages: &mut Messages,
    flows: &[&Flow],
    stop: &AtomicBool,
    fates: &mut [Fate],
) -> Result<(), String> {
    let (mut next, mut waiting) = (0, 0);
    let mut refused = None;
    let mut look = FIRST_LOOK;
    loop {
        while let Some(flow) = flows.get(next)
            && waiting < MOST
            && refused.is_none()
        {
            match messages.send(producer, flow, next) {
                Ok(()) => {
                    waiting += 1;
                    set(fates, next, Fate::UnderWay);
                }
                Err(RDKafkaErrorCode::QueueFull) if waiting > 0 => break,
                Err(code) => match verdict(code) {
                    Some(why) => set(fates, next, why.alone()),
                    None => refused = Some(code.to_string()),
                },
            }
            next += 1;
        }
        if waiting == 0 {
            return refused.map_or(Ok(()), Err);
        }
        producer.poll(look);
        let reports = producer.context().reports();
        look = if reports.is_empty() {
            LAST_LOOK.min(look * 2)
        } else {
            FIRST_LOOK
        };
        for (number, error) in reports {
            waiting -= 1;
            let fate = match error {
                None => Fate::Stored,
                Some(code) => match verdict(code) {
                    Some(why) if batches == Batches::One => why.alone(),
                    Some(why) => Fate::RefusedInBatch(why),
                    None => {
                        refused.get_or_insert_with(|| code.to_string());
                        Fate::Left
                    }
                },
            };
            set(fates, number, fate);
        }
        if let Some((_, why)) = producer.client().fatal_error() {
            return Err(why);
        }
        if stop.load(Ordering::Relaxed) {
            return Err("the exporter was dropped".to_owned());
        }
    }
}

fn set(fates: &mut [Fate], number: usize, fate: Fate) {
    if let Some(place) = fates.get_mut(number) {
        *place = fate;
    }
}

/// Makes messages of records.
pub(crate) struct Messages {
    topic: String,
    community_id_seed: u16,
    payload: Payload,
}

impl Messages {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            topic: settings.topic.clone(),
            community_id_seed: settings.community_id_seed,
            payload: Payload::new(settings),
        }
    }

    pub(crate) fn topic(&self) -> &str {
        &self.topic
    }

    /// Gives one record to the producer, which copies it.
    fn send(
        &mut self,
        producer: &BaseProducer<Context>,
        flow: &Flow,
        number: usize,
    ) -> Result<(), RDKafkaErrorCode> {
        let key = flow.community_id(self.community_id_seed);
        let record = BaseRecord::with_opaque_to(&self.topic, number)
            .key(key.as_str())
            .payload(self.payload.of(flow));
        producer.send(record).map_err(|(error, _)| code(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cause_outlives_the_news_that_all_brokers_are_down() {
        let context = Context::new(Meter::default());
        let told = |code, reason: &str| {
            context.error(KafkaError::Global(code), reason);
            context.meter.stats().last_error.unwrap_or_default()
        };
        let down = |reason| told(RDKafkaErrorCode::AllBrokersDown, reason);
        assert_eq!(down("1/1 brokers are down"), "all brokers are down");
        let refused = told(RDKafkaErrorCode::BrokerTransportFailure, "a:9092: refused");
        assert_eq!(refused, "a:9092: refused");
        assert_eq!(
            down("0/1 brokers are down"),
            "all brokers are down: a:9092: refused"
        );
    }
}
