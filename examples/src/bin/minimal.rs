//! Prints every flow of this host on standard output, in ten lines.

use futures::StreamExt as _;
use mermin_core::{Explained, FlowSource};

fn main() -> Result<(), Explained> {
    futures::executor::block_on(async {
        let mut flows = FlowSource::builder().open().await?;
        eprint!("{}", flows.report()); // empty without degradations
        while let Some(flow) = flows.next().await {
            println!("{}", flow?);
        }
        Ok(())
    })
}
