//! Exports the flows of interfaces or of a capture file to several receivers at once. At the end, it prints for each
//! receiver how many records were accepted, delivered, retried and dropped.

mod arguments;

use std::{process::ExitCode, sync::atomic::Ordering};

use futures::executor::block_on;
use mermin_program::{BUFFERED, COLLECTOR, Named, Result, Run, in_front_of, say_duplicates};

use arguments::Arguments;

fn main() -> ExitCode {
    let usage = arguments::usage();
    mermin_program::entry(&usage, Arguments::parse, |arguments| {
        block_on(run(arguments))
    })
}

/// Exports until the source ends. Returns false if a record was dropped or not delivered.
async fn run(arguments: Arguments) -> Result<bool> {
    let mut keys = BUFFERED.to_vec();
    if cfg!(feature = "otlp") {
        keys.push(COLLECTOR);
    }
    let (builder, config) = arguments.source.open("mermin-export", &keys)?;
    let plan = arguments.plan(config.as_ref())?;
    let (mut sinks, mut callbacks, mut doubled) = (Vec::new(), Vec::new(), Vec::new());
    for target in plan.targets {
        let started = (target.start)()?;
        callbacks.extend(started.opened);
        if let Some((count, remedy)) = started.doubled {
            doubled.push((target.name.clone(), count, remedy));
        }
        let sink = if started.is_buffered {
            started.sink
        } else {
            in_front_of(started.sink, started.batching, plan.buffer, plan.overflow)
        };
        sinks.push(Named::new(target.name, sink));
    }
    let meters: Vec<_> = sinks.iter().filter_map(Named::meter).collect();
    let run = Run {
        close_within: plan.close_within,
        ..Run::default()
    };
    let succeeded = run
        .run(builder, sinks, |handle| {
            for callback in callbacks {
                callback(handle, &meters);
            }
        })
        .await?;
    for (name, count, remedy) in doubled {
        say_duplicates(&name, count.load(Ordering::Relaxed), remedy);
    }
    Ok(succeeded)
}
