//! Zeroed memory that takes no pages until it is written: the kernel allocates them on first access.

use zerocopy::FromZeros;

use crate::error::{Error, ErrorKind};

/// Returns a slice of zeroes. `vec![T::default(); length]` would write each one.
///
/// # Errors
/// [`ErrorKind::Exhausted`] if there is not enough memory.
pub(crate) fn slice<T: FromZeros>(length: usize) -> Result<Box<[T]>, Error> {
    <[T]>::new_box_zeroed_with_elems(length).map_err(|_| {
        Error::new(
            ErrorKind::Exhausted,
            format!("cannot allocate memory for {length} flows"),
        )
        .with_remedy("lower `max_flows`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        filter::FilterDecision,
        table::{coarse_time::CoarseTime, export_state::ExportState},
    };

    #[test]
    fn new_slot_is_zeroed() {
        assert!(
            slice::<ExportState>(3)
                .unwrap()
                .iter()
                .all(|entry| *entry == ExportState::default())
        );
        let due = slice::<CoarseTime>(3).unwrap();
        assert!(due.iter().all(|due| *due == CoarseTime::NOW));
        let decisions = slice::<FilterDecision>(3).unwrap();
        assert!(decisions.iter().all(|it| *it == FilterDecision::UNDECIDED));
    }

    #[test]
    fn implausible_cpu_number_is_an_error() {
        let error = slice::<ExportState>(usize::MAX / 8).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Exhausted);
    }
}
