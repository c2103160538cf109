//! Columns of lists: any number of values per row, or no list.

use super::{
    chunk::{Chunk, Laid, Sparse},
    distinct::{self, Distinct},
    hybrid,
    presence::sized,
    scalars::places,
    show::Show,
};

/// Distinct elements of lists.
pub(crate) trait Elements: Default + Send {
    fn count(&self) -> usize;
    /// Returns them in the encoding `PLAIN`.
    fn plain(&self) -> Vec<u8>;
    fn clear(&mut self);
}

impl Elements for distinct::Texts {
    fn count(&self) -> usize {
        self.len()
    }

    fn plain(&self) -> Vec<u8> {
        Self::plain(self)
    }

    fn clear(&mut self) {
        Self::clear(self);
    }
}

/// Elements that a [`Show`] formats.
pub(crate) struct Keys<S: Show>(S, Distinct<S::Key>);

impl<S: Show + Default> Default for Keys<S> {
    fn default() -> Self {
        Self(S::default(), Distinct::default())
    }
}

impl<S: Show + Default> Elements for Keys<S> {
    fn count(&self) -> usize {
        self.1.values().len()
    }

    fn plain(&self) -> Vec<u8> {
        let mut plain = Vec::new();
        for key in self.1.values() {
            self.0.write(*key, &mut plain);
        }
        plain
    }

    fn clear(&mut self) {
        self.1.clear();
    }
}

pub(crate) type TextLists = Lists<distinct::Texts>;

/// A list per row, or none.
#[derive(Default)]
pub(crate) struct Lists<E> {
    elements: E,
    places: Vec<u32>,
    rows: usize,
    /// Rows before the first list. They take no memory, because most list columns are empty.
    without: usize,
    /// 0: no list; 1: an empty list; 2: a value.
    definition: Vec<u32>,
    /// 0: the first value of a row; 1: a further one.
    repetition: Vec<u32>,
}

impl<E: Elements> Lists<E> {
    /// Adds a row with the indexes of these elements, if it has a list.
    #[inline]
    fn push<T>(
        &mut self,
        list: Option<impl IntoIterator<Item = T>>,
        place: impl Fn(&mut E, T) -> u32,
    ) {
        let Some(list) = list else {
            return self.skip(1);
        };
        self.rows += 1;
        let mut repetition = 0;
        for element in list {
            self.places.push(place(&mut self.elements, element));
            self.level(2, repetition);
            repetition = 1;
        }
        if repetition == 0 {
            self.level(1, 0);
        }
    }

    fn level(&mut self, definition: u32, repetition: u32) {
        self.definition.push(definition);
        self.repetition.push(repetition);
    }

    fn levels(&self, all: &[u32], width: u8, into: &mut Vec<u8>) {
        sized(into, |into| {
            if self.without != 0 {
                hybrid::run(0, self.without, width, into);
            }
            hybrid::values(all, width, into);
        });
    }
}

impl<S: Show + Default> Lists<Keys<S>> {
    #[inline]
    pub(crate) fn keys(&mut self, list: Option<impl IntoIterator<Item = S::Key>>) {
        self.push(list, |elements, key| elements.1.place(key));
    }
}

impl Lists<distinct::Texts> {
    pub(crate) fn texts<'a>(&mut self, list: Option<impl IntoIterator<Item = &'a str>>) {
        self.push(list, |elements, text| elements.place(text.as_bytes()));
    }
}

impl<E: Elements> Sparse for Lists<E> {
    fn skip(&mut self, rows: usize) {
        self.rows += rows;
        if self.definition.is_empty() {
            self.without += rows;
        } else {
            for _ in 0..rows {
                self.level(0, 0);
            }
        }
    }
}

impl<E: Elements> Laid for Lists<E> {
    /// A list column always has levels.
    fn finish(&mut self, _: bool) -> Chunk {
        let mut page = Vec::new();
        self.levels(&self.repetition, 1, &mut page);
        self.levels(&self.definition, 2, &mut page);
        let plain = self.elements.plain();
        let (encoding, dictionary) = places(&self.places, plain, self.elements.count(), &mut page);
        let chunk = Chunk {
            rows: self.rows,
            values: self.without + self.definition.len(),
            dictionary,
            encoding,
            page,
            statistics: None,
        };
        self.elements.clear();
        self.places.clear();
        self.definition.clear();
        self.repetition.clear();
        (self.rows, self.without) = (0, 0);
        chunk
    }
}
