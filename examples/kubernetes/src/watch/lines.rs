//! Lines of an answer that comes in pieces.

/// A longer line is no event: etcd stores at most 1.5 MiB of an object, which JSON may make some times longer.
const LONGEST: usize = 32 << 20;

/// Collects pieces until lines are whole.
#[derive(Debug, Default)]
pub(super) struct Lines {
    octets: Vec<u8>,
    /// The octets before this one have been looked through.
    searched: usize,
}

impl Lines {
    /// Adds a piece. False if the line is too long.
    pub(super) fn push(&mut self, piece: &[u8]) -> bool {
        self.octets.extend_from_slice(piece);
        self.octets.len() <= LONGEST
    }

    /// Calls a function with each whole line that is not empty, and drops it.
    pub(super) fn each<E>(
        &mut self,
        mut line: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut begin = 0;
        let mut result = Ok(());
        while let Some(length) = self.octets[self.searched..]
            .iter()
            .position(|it| *it == b'\n')
        {
            let end = self.searched + length;
            self.searched = end + 1;
            let whole = &self.octets[begin..end];
            begin = end + 1;
            if !whole.is_empty() {
                result = line(whole);
            }
            if result.is_err() {
                break;
            }
        }
        self.octets.drain(..begin);
        self.searched = if result.is_ok() { self.octets.len() } else { 0 };
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_the_same_however_they_are_cut() {
        let text = b"one\n\ntwo\nthree\nrest";
        for cut in 1..text.len() {
            let mut lines = Lines::default();
            let mut found = Vec::new();
            for piece in text.chunks(cut) {
                assert!(lines.push(piece));
                let result: Result<(), ()> = lines.each(|line| {
                    found.push(String::from_utf8(line.to_vec()).unwrap());
                    Ok(())
                });
                assert_eq!(result, Ok(()));
            }
            assert_eq!(found, ["one", "two", "three"], "{cut}");
        }
    }
}
