//! A source with flows in its table.

use std::net::{Ipv4Addr, UdpSocket};

use futures::executor::block_on;
use mermin_core::FlowSource;

use crate::Result;

const PORT: u16 = 9999;

/// Opens a source on loopback with this many flows of one datagram each. Loopback must be up.
///
/// # Errors
/// Those of opening, and the system's.
pub fn filled(flows: u32) -> Result<FlowSource> {
    let builder = FlowSource::builder()
        .interfaces(["lo"])
        .max_flows(flows.next_power_of_two());
    let source = block_on(builder.open())?;
    let _receiver = UdpSocket::bind(("0.0.0.0", PORT))?;
    let sender = UdpSocket::bind("127.0.0.1:0")?;
    for number in 0..flows {
        let address = Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 1, 0, 0)) + number);
        sender.send_to(b"x", (address, PORT))?;
    }
    Ok(source)
}
