//! Messages around the items of a request. `ExportTraceServiceRequest`, `ExportLogsServiceRequest` and
//! `ExportMetricsServiceRequest` have the same form: one resource, with one scope, with the items.

use super::{
    attribute::put_text,
    wire::{begin, field_length, message, octets},
};
use crate::resource::Resource;

/// First field of a request (the resource's part), of a resource's part (the resource) and of a scope's part (the
/// scope).
const FIRST: u8 = 1;
/// Second field: the scopes of a resource's part, and the items of a scope's part.
const SECOND: u8 = 2;
/// Octets before a gRPC message: a compression flag and its length.
pub(crate) const PREFIX: usize = 5;
/// Octets of a key and of the longest length below 4 GiB.
const LONGEST_HEAD: usize = 6;

/// A resource and a scope, encoded.
#[derive(Clone, Debug)]
pub(crate) struct Envelope {
    resource: Vec<u8>,
    scope: Vec<u8>,
}

/// A request, complete or not. It reserves room before the items. So the outer messages are written once the length
/// is known, without copying.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    octets: Vec<u8>,
    start: usize,
}

impl Envelope {
    pub(crate) fn new(resource: &Resource) -> Self {
        let mut encoded = Self {
            resource: Vec::new(),
            scope: Vec::new(),
        };
        message(&mut encoded.resource, FIRST, |out| resource.put(out));
        let version = env!("CARGO_PKG_VERSION");
        message(&mut encoded.scope, FIRST, |out| {
            octets(out, 1, b"mermin");
            octets(out, 2, version.as_bytes());
        });
        encoded
    }

    /// Returns the octets needed before the items.
    fn room(&self) -> usize {
        PREFIX + 2 * LONGEST_HEAD + self.resource.len() + self.scope.len()
    }

    /// Begins a request and discards earlier content. Append items as fields [`ITEM`](Request::ITEM).
    pub(crate) fn begin(&self, request: &mut Request) {
        request.start = self.room();
        request.octets.clear();
        request.octets.resize(request.start, 0);
    }

    /// Writes the outer messages.
    pub(crate) fn end(&self, request: &mut Request) {
        let items = request.octets.len() - request.start;
        let in_scope = self.scope.len() + items;
        let in_resource = self.resource.len() + field_length(in_scope);
        let mut head = Vec::with_capacity(self.room());
        begin(&mut head, FIRST, in_resource);
        head.extend_from_slice(&self.resource);
        begin(&mut head, SECOND, in_scope);
        head.extend_from_slice(&self.scope);
        let start = request.start.saturating_sub(head.len());
        if let Some(place) = request.octets.get_mut(start..start + head.len()) {
            place.copy_from_slice(&head);
            request.start = start;
        }
    }
}

impl Request {
    /// Field number of an item.
    pub(crate) const ITEM: u8 = SECOND;

    /// Returns the message.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.octets.get(self.start..).unwrap_or_default()
    }

    /// Returns the buffer for items.
    pub(crate) fn items(&mut self) -> &mut Vec<u8> {
        &mut self.octets
    }

    /// Returns the octets so far, if there are items.
    pub(crate) fn len(&self) -> usize {
        self.octets.len()
    }

    /// Removes everything after this length.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.octets.truncate(length);
    }

    /// Returns the buffer and the offset of the message in it. At least [`PREFIX`] octets before the message are
    /// free.
    pub(crate) fn into_parts(self) -> (Vec<u8>, usize) {
        (self.octets, self.start)
    }
}

impl Resource {
    /// Appends the message `Resource` of `opentelemetry/proto/resource/v1`.
    fn put(&self, out: &mut Vec<u8>) {
        for (name, value) in self.iter() {
            put_text(out, FIRST, name, value);
        }
    }
}
