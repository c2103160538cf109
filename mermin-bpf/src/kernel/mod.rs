//! Maps, socket buffer, and the path of one packet. The programs never change, drop or redirect a packet. Without `names`
//! they read headers only, apart from one bit of a datagram from port 53.

mod atomic;
mod carried;
mod clock;
mod count;
mod create;
mod device;
mod drop;
mod early;
mod fragment;
mod free;
mod general;
mod index;
mod ledger;
mod maps;
mod opaque;
mod opener;
mod options;
mod outer;
mod pass;
mod program;
mod sampling;
mod section;
mod sender;
mod skb;
mod tcp_analysis;
mod tcp_socket;
mod tunnel;
mod workspace;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
