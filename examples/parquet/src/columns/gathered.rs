//! Values of one column of some flows, as Parquet takes them.

use bytes::Bytes;
use parquet::data_type::ByteArray;

/// One value a row, or none.
pub(crate) struct Gathered<T> {
    pub(crate) values: Vec<T>,
    /// A definition level a row: 1 where there is a value.
    pub(crate) present: Vec<i16>,
}

impl<T> Default for Gathered<T> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            present: Vec::new(),
        }
    }
}

impl<T> Gathered<T> {
    pub(crate) fn push(&mut self, value: Option<T>) {
        self.present.push(value.is_some().into());
        self.values.extend(value);
    }

    pub(crate) fn clear(&mut self) {
        self.values.clear();
        self.present.clear();
    }
}

/// Texts that are written one behind the other, so that a slice of flows takes one allocation.
#[derive(Default)]
pub(crate) struct Texts {
    all: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
    present: Vec<i16>,
}

impl Texts {
    /// A row whose text `write` adds; false: it has none.
    pub(crate) fn push(&mut self, write: impl FnOnce(&mut Vec<u8>) -> bool) {
        let is_there = write(&mut self.all);
        self.present.push(is_there.into());
        if is_there {
            self.ends.push(self.all.len());
        }
    }

    /// Moves them behind what is gathered.
    pub(crate) fn finish(&mut self, into: &mut Gathered<ByteArray>) {
        let room = self.all.len();
        let all = Bytes::from(std::mem::replace(&mut self.all, Vec::with_capacity(room)));
        let mut start = 0;
        for end in self.ends.drain(..) {
            into.values.push(ByteArray::from(all.slice(start..end)));
            start = end;
        }
        into.present.append(&mut self.present);
    }
}

/// Any number of values a row, or no list.
pub(crate) struct Lists<T> {
    pub(crate) values: Vec<T>,
    /// 0: no list; 1: an empty one; 2: a value.
    pub(crate) definition: Vec<i16>,
    /// 0: the first of a row; 1: a further one.
    pub(crate) repetition: Vec<i16>,
}

impl<T> Default for Lists<T> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            definition: Vec::new(),
            repetition: Vec::new(),
        }
    }
}

impl<T> Lists<T> {
    pub(crate) fn push(&mut self, list: Option<impl IntoIterator<Item = T>>) {
        let is_there = list.is_some();
        let before = self.values.len();
        self.values.extend(list.into_iter().flatten());
        let count = self.values.len() - before;
        if count == 0 {
            self.definition.push(is_there.into());
            self.repetition.push(0);
        }
        for place in 0..count {
            self.definition.push(2);
            self.repetition.push((place != 0).into());
        }
    }

    pub(crate) fn clear(&mut self) {
        self.values.clear();
        self.definition.clear();
        self.repetition.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_tell_no_list_from_an_empty_one() {
        let mut lists = Lists::default();
        for list in [None, Some(vec![]), Some(vec![7]), Some(vec![8, 9])] {
            lists.push(list);
        }
        assert_eq!(lists.values, [7, 8, 9]);
        assert_eq!(lists.definition, [0, 1, 2, 2, 2]);
        assert_eq!(lists.repetition, [0, 0, 0, 0, 1]);
    }

    #[test]
    fn texts_are_cut_where_they_end() {
        let mut texts = Texts::default();
        for text in [Some("a"), None, Some(""), Some("bc")] {
            texts.push(|all| {
                all.extend(text.unwrap_or_default().bytes());
                text.is_some()
            });
        }
        let mut gathered = Gathered::default();
        texts.finish(&mut gathered);
        assert_eq!(gathered.present, [1, 0, 1, 1]);
        let texts: Vec<_> = gathered.values.iter().map(ByteArray::data).collect();
        assert_eq!(texts, [b"a".as_slice(), b"", b"bc"]);
    }
}
