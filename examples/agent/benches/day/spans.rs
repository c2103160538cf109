//! Finds in a request of OTLP what tells one record from another: a reader of Protocol Buffers that skips the rest.

/// Names of the attributes that are read.
const ADDRESS: &[u8] = b"source.address";
const PORT: &[u8] = b"source.port";
const TO_PORT: &[u8] = b"destination.port";
const ID: &[u8] = b"flow.id";
const SEQUENCE: &[u8] = b"flow.sequence";
const PACKETS: &[u8] = b"flow.packets.delta";
const POD: &[u8] = b"source.k8s.pod.name";

/// One record of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span<'a> {
    pub(crate) address: &'a [u8],
    pub(crate) port: u64,
    pub(crate) to_port: u64,
    pub(crate) id: &'a [u8],
    pub(crate) sequence: u64,
    pub(crate) packets: u64,
    pub(crate) pod: Option<&'a [u8]>,
}

/// A field's value.
enum Field<'a> {
    Number(u64),
    Octets(&'a [u8]),
}

/// Calls a function with each record of an `ExportTraceServiceRequest`. `None` if the octets are no such message.
pub(crate) fn each<'a>(request: &'a [u8], mut call: impl FnMut(Span<'a>)) -> Option<()> {
    messages(request, 1, |resource| {
        messages(resource, 2, |scope| {
            messages(scope, 2, |span| {
                let mut found = Span::default();
                messages(span, 9, |attribute| found.read(attribute))?;
                call(found);
                Some(())
            })
        })
    })
}

impl<'a> Span<'a> {
    fn read(&mut self, attribute: &'a [u8]) -> Option<()> {
        let (mut name, mut value): (&[u8], &[u8]) = (&[], &[]);
        fields(attribute, |number, field| {
            match (number, field) {
                (1, Field::Octets(octets)) => name = octets,
                (2, Field::Octets(octets)) => value = octets,
                _ => {}
            }
            Some(())
        })?;
        match name {
            ADDRESS => self.address = text(value)?,
            PORT => self.port = number(value)?,
            TO_PORT => self.to_port = number(value)?,
            ID => self.id = text(value)?,
            SEQUENCE => self.sequence = number(value)?,
            PACKETS => self.packets = number(value)?,
            POD => self.pod = Some(text(value)?),
            _ => {}
        }
        Some(())
    }
}

fn text(value: &[u8]) -> Option<&[u8]> {
    let mut found = None;
    fields(value, |_, field| {
        if let Field::Octets(octets) = field {
            found = Some(octets);
        }
        Some(())
    })?;
    found
}

fn number(value: &[u8]) -> Option<u64> {
    let mut found = None;
    fields(value, |_, field| {
        if let Field::Number(number) = field {
            found = Some(number);
        }
        Some(())
    })?;
    found
}

/// Calls a function with each message in the field of this number.
fn messages<'a>(
    octets: &'a [u8],
    wanted: u64,
    mut call: impl FnMut(&'a [u8]) -> Option<()>,
) -> Option<()> {
    fields(octets, |number, field| match field {
        Field::Octets(octets) if number == wanted => call(octets),
        _ => Some(()),
    })
}

fn fields<'a>(
    mut octets: &'a [u8],
    mut call: impl FnMut(u64, Field<'a>) -> Option<()>,
) -> Option<()> {
    while !octets.is_empty() {
        let key = varint(&mut octets)?;
        let field = match key & 7 {
            0 => Field::Number(varint(&mut octets)?),
            1 => Field::Octets(take(&mut octets, 8)?),
            2 => {
                let length = usize::try_from(varint(&mut octets)?).ok()?;
                Field::Octets(take(&mut octets, length)?)
            }
            5 => Field::Octets(take(&mut octets, 4)?),
            _ => return None,
        };
        call(key >> 3, field)?;
    }
    Some(())
}

fn take<'a>(octets: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = octets.split_at_checked(length)?;
    *octets = rest;
    Some(taken)
}

fn varint(octets: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (octet, rest) = octets.split_first()?;
        *octets = rest;
        number |= u64::from(octet & 0x7f) << shift;
        if octet & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}
