//! Octets of a value, and minimum and maximum of many.

use std::net::IpAddr;

use parquet::{
    data_type::{ByteArray, FixedLenByteArray},
    file::statistics::Statistics,
};

use super::{
    distinct::{Key, Word},
    presence::sized,
};

/// The format of a column's values.
pub(crate) trait Show: Copy + Send + 'static {
    type Key: Key + Send;
    /// Octets of a value, if all have the same number.
    const LENGTH: Option<usize>;

    /// Writes a value in the encoding `PLAIN`.
    fn write(self, key: Self::Key, into: &mut Vec<u8>);

    /// Returns the statistics of these keys, which `plain` has encoded, and of this many rows without a value.
    fn statistics(self, keys: &[Self::Key], plain: &[u8], nulls: u64) -> Statistics;
}

/// Unsigned numbers of at most 32 bits.
#[derive(Clone, Copy, Default)]
pub(crate) struct Narrow;

impl Show for Narrow {
    type Key = u64;
    const LENGTH: Option<usize> = Some(4);

    fn write(self, key: u64, into: &mut Vec<u8>) {
        into.extend_from_slice(&key.to_le_bytes()[..4]);
    }

    fn statistics(self, keys: &[u64], _: &[u8], nulls: u64) -> Statistics {
        let narrow = |key: &u64| u32::try_from(*key).ok().map(u32::cast_signed);
        let [least, greatest] = [keys.iter().min(), keys.iter().max()];
        Statistics::int32(
            least.and_then(narrow),
            greatest.and_then(narrow),
            None,
            Some(nulls),
            false,
        )
    }
}

/// Unsigned numbers of 64 bits.
#[derive(Clone, Copy, Default)]
pub(crate) struct Wide;

impl Show for Wide {
    type Key = u64;
    const LENGTH: Option<usize> = Some(8);

    fn write(self, key: u64, into: &mut Vec<u8>) {
        into.extend_from_slice(&key.to_le_bytes());
    }

    fn statistics(self, keys: &[u64], _: &[u8], nulls: u64) -> Statistics {
        let signed = |key: &u64| key.cast_signed();
        let [least, greatest] = [keys.iter().min(), keys.iter().max()];
        let [least, greatest] = [least.map(signed), greatest.map(signed)];
        Statistics::int64(least, greatest, None, Some(nulls), false)
    }
}

/// The bits of signed numbers of 64 bits.
#[derive(Clone, Copy, Default)]
pub(crate) struct Signed;

impl Show for Signed {
    type Key = u64;
    const LENGTH: Option<usize> = Some(8);

    fn write(self, key: u64, into: &mut Vec<u8>) {
        Wide.write(key, into);
    }

    fn statistics(self, keys: &[u64], _: &[u8], nulls: u64) -> Statistics {
        let signed = keys.iter().map(|key| key.cast_signed());
        Statistics::int64(signed.clone().min(), signed.max(), None, Some(nulls), false)
    }
}

/// 16 octets of an address.
#[derive(Clone, Copy, Default)]
pub(crate) struct Octets;

impl Show for Octets {
    type Key = IpAddr;
    const LENGTH: Option<usize> = Some(16);

    fn write(self, key: IpAddr, into: &mut Vec<u8>) {
        into.extend_from_slice(&octets(key));
    }

    fn statistics(self, keys: &[IpAddr], _: &[u8], nulls: u64) -> Statistics {
        // Numbers compare as their octets do.
        let all = keys.iter().map(|key| u128::from_be_bytes(octets(*key)));
        let value = |number: u128| FixedLenByteArray::from(number.to_be_bytes().to_vec());
        let [least, greatest] = [all.clone().min(), all.max()].map(|number| number.map(value));
        Statistics::fixed_len_byte_array(least, greatest, None, Some(nulls), false)
    }
}

/// Returns `::ffff:a.b.c.d` for an IPv4 address, so that all addresses compare alike.
fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

/// Texts of a fixed set.
#[derive(Clone, Copy, Default)]
pub(crate) struct Words;

impl Show for Words {
    type Key = Word;
    const LENGTH: Option<usize> = None;

    fn write(self, key: Word, into: &mut Vec<u8>) {
        sized(into, |into| into.extend_from_slice(key.0.as_bytes()));
    }

    fn statistics(self, _: &[Word], plain: &[u8], nulls: u64) -> Statistics {
        of_texts(plain, nulls)
    }
}

/// Texts, with the function that formats them.
pub(crate) struct Shown<K>(pub(crate) fn(K, &mut Vec<u8>));

impl<K> Clone for Shown<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Shown<K> {}

impl<K: Key + Send + 'static> Show for Shown<K> {
    type Key = K;
    const LENGTH: Option<usize> = None;

    fn write(self, key: K, into: &mut Vec<u8>) {
        sized(into, |into| (self.0)(key, into));
    }

    fn statistics(self, _: &[K], plain: &[u8], nulls: u64) -> Statistics {
        of_texts(plain, nulls)
    }
}

/// Longest text in minimum and maximum.
const LONGEST: usize = 64;

/// Returns the statistics of texts in the encoding `PLAIN`.
pub(super) fn of_texts(plain: &[u8], nulls: u64) -> Statistics {
    let value = |text: &[u8]| (text.len() <= LONGEST).then(|| ByteArray::from(text.to_vec()));
    let [least, greatest] = [texts(plain).min(), texts(plain).max()];
    let [least, greatest] = [least, greatest].map(|text| text.and_then(value));
    Statistics::byte_array(least, greatest, None, Some(nulls), false)
}

fn texts(mut plain: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = plain.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (text, rest) = rest.split_at_checked(length)?;
        plain = rest;
        Some(text)
    })
}
