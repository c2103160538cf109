//! Export of records: [`FlowSink`], adapters around sinks, and JSON lines.
//!
//! ```no_run
//! use mermin_core::{FlowSource, sink::JsonLines};
//!
//! # async fn export() -> Result<(), mermin_core::Error> {
//! let mut source = FlowSource::builder().interfaces(["eth*"]).open().await?;
//! source.run(JsonLines::new(std::io::stdout())).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # The contract
//!
//! [`FlowSource::run`](crate::FlowSource::run) and every adapter of this module call a sink by these rules. A sink may
//! rely on them. Code that calls a sink directly must keep them.
//!
//! * **One call at a time.** `export`, `idle` and `close` each hold the sink until they return or are dropped. `export`
//!   never gets an empty slice. After `close` has returned `Ok` nothing is called but `close`.
//! * **Order.** Records of one flow come in the order of their `sequence`. Records of different flows come in the order in
//!   which they were made.
//! * **`Ok` means delivered.** A record counts as delivered when `export` has returned `Ok` for the batch that
//!   holds it. The records of a failed batch are exported again in the same order, possibly followed by others.
//! * **A call may be dropped before it is ready**, for example by `select!` or a time limit. The records of a dropped
//!   `export` are exported again. The sink may have sent some of them already.
//! * **At least once.** A receiver may get a record twice: after an error, a dropped call, or a killed process. Both
//!   copies have the same [`id`](crate::Flow::id), [`sequence`](crate::Flow::sequence) and counters. A receiver that
//!   stores records under that pair stores each record once.
//! * **`kill -9`.** With [`Pinning`](crate::Pinning), the next process exports every record again whose `export` had
//!   not returned `Ok`. Without pinning, records that were not exported are lost with the process. Records in an
//!   adapter's memory are lost in either case if the adapter returned `Ok` for them; each such adapter documents that.
//! * **Back-pressure.** While `export` waits, records wait in the source's bounded queue. When the queue is full, flows
//!   stay in the kernel's table and are still counted. So with a slow sink, records cover longer intervals. No counts
//!   are lost until the table is full (`table_full`).
//! * **Never block the executor.** `export`, `idle` and `close` run on the executor that polls `run`. Work that blocks
//!   belongs on a thread.
//!
//! # Around a sink
//!
//! [`retry`] repeats a batch until the sink accepts it. [`buffered`] lets the source continue meanwhile; a full buffer lets
//! the source wait or drops records, by a named policy. [`threaded`] runs a blocking sink on a thread. A tuple or a `Vec`
//! of sinks exports to all of them. The [`FlowSink::meter`] of the outermost adapter has the counts of the sinks inside
//! it. A tuple or a `Vec` has no meter: take the meter of each member before you combine them.
//!
//! | | on an error of the receiver | `Ok` means |
//! |---|---|---|
//! | `sink` | `run` ends with the error | the receiver has the record |
//! | `retry(sink, ..)` | the source waits; `run` ends with a refusal, or when time is up | the receiver has the record |
//! | `buffered(retry(sink, ..), ..)` | the source goes on; when the buffer is full, the source waits or records are dropped, by the policy | the record is in memory, or the policy dropped it |
//!
//! [`testing::check`] (feature `testing`) checks that a sink of your own keeps its part of these rules.

mod backoff;
mod batching;
mod boxed;
mod buffer;
mod fan_out;
mod flow_sink;
mod function;
#[cfg(feature = "futures-sink")]
mod futures;
mod json;
#[cfg(feature = "bytes")]
mod json_bytes;
mod meter;
mod refusal;
mod retry;
#[cfg(feature = "testing")]
pub mod testing;
mod threaded;
mod timer;
#[cfg(feature = "tower")]
mod tower;

#[cfg(feature = "futures-sink")]
pub use self::futures::{FromSink, from_sink};
#[cfg(feature = "bytes")]
pub use self::json_bytes::{JsonBytes, json_bytes};
#[cfg(feature = "tower")]
pub use self::tower::{FromService, from_service};
pub use self::{
    backoff::Backoff,
    batching::Batching,
    boxed::BoxSink,
    buffer::{Buffered, Overflow, buffered},
    fan_out::FanOutError,
    flow_sink::{BoxError, FlowSink},
    function::{FromFn, from_fn},
    json::{JsonBuffer, JsonLines, write_json},
    meter::{DropReason, Meter, SinkStats},
    refusal::{Refusal, Repeat},
    retry::{Retry, retry},
    threaded::{Threaded, threaded},
    timer::{Sleep, ThreadTimer, Timer},
};
