//! The receiver of a record's attributes.

use std::{net::IpAddr, time::SystemTime};

use super::{
    lists::{Numbers, Texts},
    name::Name,
    render::Short,
};
use crate::flow::{AddedAttribute, FlowId, MacAddress, TcpFlags};

/// Receives the attributes of a record. Each kind of value has a method of its own, because building and matching an
/// enum costs time.
pub(crate) trait Visit<'a> {
    /// Any text.
    fn text(&mut self, name: &'static Name, text: &'a str);
    /// A word from a registry or an enumeration: only letters, digits and `-_ .`.
    fn word(&mut self, name: &'static Name, word: &'static str);
    /// An address or an id.
    fn short(&mut self, name: &'static Name, text: Short);
    fn number(&mut self, name: &'static Name, number: u64);
    fn time(&mut self, name: &'static Name, time: SystemTime);
    fn texts(&mut self, name: &'static Name, texts: Texts<'a>);
    fn numbers(&mut self, name: &'static Name, numbers: Numbers<'a>);
    fn added(&mut self, added: &'a AddedAttribute);

    fn address(&mut self, name: &'static Name, address: IpAddr) {
        self.short(name, Short::address(address));
    }

    fn id(&mut self, name: &'static Name, id: FlowId) {
        self.short(name, Short::hexadecimal(id.to_u128().to_be_bytes()));
    }

    fn mac(&mut self, name: &'static Name, mac: MacAddress) {
        self.short(name, Short::mac(mac));
    }

    fn flags(&mut self, name: &'static Name, flags: TcpFlags) {
        self.texts(name, flags.into());
    }
}
