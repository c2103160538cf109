//! Converts a request into a body.

use std::io::{self, Write as _};

use bytes::Bytes;
use flate2::write::GzEncoder;

use crate::{
    encode::{PREFIX, Request},
    settings::{Compression, Protocol},
};

/// Returns the body of a request; for gRPC with the five octets before its message.
pub(super) fn body(
    request: Request,
    protocol: Protocol,
    compression: Compression,
) -> io::Result<Bytes> {
    let prefix = match protocol {
        Protocol::Grpc => PREFIX,
        Protocol::Http => 0,
    };
    let is_compressed = compression != Compression::None;
    let (mut octets, start) = if is_compressed {
        // Spans compress to a fifth or less.
        let mut out = Vec::with_capacity(prefix + request.as_bytes().len() / 4);
        out.resize(prefix, 0);
        (compressed(request.as_bytes(), compression, out)?, 0)
    } else {
        // A request has free room before it.
        let (octets, start) = request.into_parts();
        (octets, start.saturating_sub(prefix))
    };
    let length = octets.len().saturating_sub(start + prefix);
    if let Some(place) = octets.get_mut(start..start + prefix)
        && let Some((flag, place)) = place.split_first_mut()
    {
        let length = u32::try_from(length).map_err(|_| io::Error::other("4 GiB are too many"))?;
        *flag = is_compressed.into();
        place.copy_from_slice(&length.to_be_bytes());
    }
    Ok(Bytes::from(octets).slice(start..))
}

fn compressed(octets: &[u8], compression: Compression, out: Vec<u8>) -> io::Result<Vec<u8>> {
    match compression {
        Compression::None => Ok(out),
        Compression::Gzip => {
            let mut gzip = GzEncoder::new(out, flate2::Compression::fast());
            gzip.write_all(octets)?;
            gzip.finish()
        }
        #[cfg(feature = "zstd")]
        Compression::Zstd => {
            const FASTEST: i32 = 1;
            let mut zstd = zstd::stream::write::Encoder::new(out, FASTEST)?;
            zstd.write_all(octets)?;
            zstd.finish()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use mermin_core::sink::testing::flows;

    use super::*;
    use crate::{Encoder, Settings, encode::Item};

    fn request() -> (Request, Vec<u8>) {
        let encoder = Encoder::new(&Settings::default());
        let mut request = Request::default();
        assert_eq!(
            encoder.encode(&flows(20), Item::Span, usize::MAX, &mut request),
            20
        );
        let octets = request.as_bytes().to_vec();
        assert_eq!(octets, encoder.spans(&flows(20)));
        (request, octets)
    }

    #[test]
    fn compressed_body_decompresses_to_the_request() {
        let body = |protocol, compression| body(request().0, protocol, compression).unwrap();
        let whole = request().1;
        assert_eq!(body(Protocol::Http, Compression::None), whole);
        let grpc = body(Protocol::Grpc, Compression::None);
        assert_eq!(grpc[5..], whole);
        assert_eq!(grpc[0], 0);
        assert_eq!(
            grpc[1..5],
            u32::try_from(whole.len()).unwrap().to_be_bytes()
        );
        for protocol in [Protocol::Http, Protocol::Grpc] {
            let gzip = body(protocol, Compression::Gzip);
            let prefix = if protocol == Protocol::Grpc { 5 } else { 0 };
            let mut read = Vec::new();
            flate2::read::GzDecoder::new(&gzip[prefix..])
                .read_to_end(&mut read)
                .unwrap();
            assert_eq!(read, whole);
            assert!(
                gzip.len() < whole.len() / 4,
                "{} {}",
                gzip.len(),
                whole.len()
            );
            #[cfg(feature = "zstd")]
            {
                let zstd = body(protocol, Compression::Zstd);
                assert_eq!(zstd::stream::decode_all(&zstd[prefix..]).unwrap(), whole);
                if prefix == 5 {
                    let length = u32::try_from(zstd.len() - 5).unwrap();
                    assert_eq!(zstd[..5], [&[1], &length.to_be_bytes()[..]].concat());
                }
            }
        }
    }
}
