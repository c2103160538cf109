//! Code shared by the programs: arguments, filter expressions, signals, the final table.
//!
//! ```no_run
//! use mermin_core::sink::JsonLines;
//! use mermin_program::{Named, Run, Source};
//!
//! # async fn export() -> mermin_program::Result<()> {
//! let mut source = Source::default();
//! let mut parser = lexopt::Parser::from_args(["--interface", "eth0"]);
//! while let Some(argument) = parser.next()? {
//!     match Source::flag(&argument) {
//!         Some(flag) => source.set(flag, parser.value()?),
//!         None => return Err(argument.unexpected().into()),
//!     }
//! }
//! let sinks = vec![Named::new("stdout", JsonLines::new(std::io::stdout()))];
//! let whole = Run::default().run(source.builder("minimal")?, sinks, |_| ()).await?;
//! # Ok(())
//! # }
//! ```

mod appended;
mod arguments;
mod delivered;
mod dial;
mod entry;
mod environment;
mod exporter;
mod expression;
mod front;
mod remarks;
mod run;
mod sampled;
mod source;
mod stop;
mod table;
mod target;
mod visible;
mod with;

pub use self::{
    appended::{Appended, FindEnd},
    arguments::arguments,
    delivered::{Delivered, Key, key},
    dial::dial,
    entry::{Result, entry, explained, say},
    environment::{ENVIRONMENT, parsed},
    exporter::{BUFFERED, Export, Program},
    expression::{Expression, items},
    front::{buffer_of, check_overflow, check_seed, in_front_of},
    remarks::{COLLECTOR, begins, unused, warnings},
    run::{Named, Run},
    sampled::stands_for,
    source::{Flag, Source},
    stop::{close_on_signal, stop_flag, when_raised},
    table::{say_duplicates, table},
    target::{TargetError, split_hosts, split_target, with_port, without_user},
    visible::{visible, visible_lines},
    with::With,
};
