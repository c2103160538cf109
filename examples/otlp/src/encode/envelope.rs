//! Messages around the items of a request. `ExportTraceServiceRequest`, `ExportLogsServiceRequest` and
//! `ExportMetricsServiceRequest` have the same form: one resource, in it one scope, in it the items.

use super::{
    attribute::put_text,
    wire::{begin, field_length, message, octets},
};
use crate::resource::Resource;

/// The first field of a request, of a resource's part and of a scope's part: that part, the resource, and the scope.
const FIRST: u8 = 1;
/// The second: the parts of the resource's scopes, and the items.
const SECOND: u8 = 2;
/// Octets before a message of gRPC: whether it is compressed, and its length.
pub(crate) const PREFIX: usize = 5;
/// Octets of a key and of the longest length below 4 GiB.
const LONGEST_HEAD: usize = 6;

/// A resource and a scope, encoded.
#[derive(Clone, Debug)]
pub(crate) struct Envelope {
    resource: Vec<u8>,
    scope: Vec<u8>,
}

/// A request that is being written, or was. Room is left before the items, so that what is around them is written when their
/// length is known and nothing is copied.
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

    /// Octets a request needs before its items.
    fn room(&self) -> usize {
        PREFIX + 2 * LONGEST_HEAD + self.resource.len() + self.scope.len()
    }

    /// Begins a request in place of what is there. Items are to be appended as fields [`ITEM`](Request::ITEM).
    pub(crate) fn begin(&self, request: &mut Request) {
        request.start = self.room();
        request.octets.clear();
        request.octets.resize(request.start, 0);
    }

    /// Writes what is around the items.
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
    /// The field of an item.
    pub(crate) const ITEM: u8 = SECOND;

    /// The message.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.octets.get(self.start..).unwrap_or_default()
    }

    /// Where items are appended.
    pub(crate) fn items(&mut self) -> &mut Vec<u8> {
        &mut self.octets
    }

    /// Octets so far, where there are items.
    pub(crate) fn len(&self) -> usize {
        self.octets.len()
    }

    /// Takes away what was appended behind this length.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.octets.truncate(length);
    }

    /// The octets, and where the message begins in them: at least [`PREFIX`] octets before it are free.
    pub(crate) fn into_parts(self) -> (Vec<u8>, usize) {
        (self.octets, self.start)
    }
}

impl Resource {
    /// As the message `Resource` of `opentelemetry/proto/resource/v1`.
    fn put(&self, out: &mut Vec<u8>) {
        for (name, value) in self.iter() {
            put_text(out, FIRST, name, value);
        }
    }
}
