//! Decisions on flows, and the filters that decided open flows.

use zerocopy::FromZeros;

use super::{Filter, FlowFields, FlowFilter, prepared::Prepared};
use crate::{
    error::{Error, ErrorKind},
    flow::Flow,
};

/// The decision on a flow, in one octet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromZeros)]
pub(crate) struct FilterDecision(u8);

impl FilterDecision {
    /// No filter has decided yet.
    pub(crate) const UNDECIDED: Self = Self(0);
    /// The filter admits no record of the flow.
    pub(crate) const UNWANTED: Self = Self(1);
    /// The filter admits all records of the flow.
    pub(crate) const WANTED: Self = Self(2);
    /// This value and higher ones stand for a filter in `Filters::kept`. That filter decides each record.
    const FIRST_KEPT: u8 = 3;
    /// A bit beside the number of such a filter: a record of the flow was made, and not suppressed.
    const EXPORTED: u8 = 1 << 7;

    /// Returns true if the filter decides each record, and a record of the flow was made, and not suppressed.
    pub(crate) fn is_exported(self) -> bool {
        self.0 & Self::EXPORTED != 0
    }

    /// Sets the bit for a record that was made, if the filter decides each record. Other decisions stay as they are.
    #[must_use]
    pub(crate) fn and_exported(self) -> Self {
        number(self).map_or(self, |_| Self(self.0 | Self::EXPORTED))
    }
}

/// Largest number of different record filters that can be in use at once, including the latest.
const MOST_KEPT: usize = (FilterDecision::EXPORTED - FilterDecision::FIRST_KEPT) as usize;

/// The current filter, and the earlier filters that open flows still use.
#[derive(Debug)]
pub(crate) struct Filters {
    current: Prepared,
    /// The filter has no rules.
    all: bool,
    /// The decision for a flow that the current filter admits.
    wanted: FilterDecision,
    kept: Vec<RecordFilter>,
}

/// Rules that decide records.
#[derive(Debug)]
struct RecordFilter {
    records: FlowFilter,
    /// Number of open flows that these rules decide.
    flows: u32,
}

impl Filters {
    pub(crate) fn new(filter: Filter) -> Self {
        let mut filters = Self {
            current: Prepared::new(Filter::default()),
            all: true,
            wanted: FilterDecision::WANTED,
            kept: Vec::new(),
        };
        // There is always room for the first filter.
        let wanted = filters.keep(&filter.flow).unwrap_or(FilterDecision::WANTED);
        filters.put(filter, wanted);
        filters
    }

    /// Returns true if the filter has no rules. Callers then store no decisions: they treat an undecided flow as
    /// [`WANTED`](FilterDecision::WANTED).
    pub(crate) fn want_all(&self) -> bool {
        self.all
    }

    /// Decides a flow until its end. The caller then calls [`ended`](Self::ended).
    pub(crate) fn decide(&mut self, fields: &FlowFields<'_>) -> FilterDecision {
        if !self.current.admits(fields) {
            return FilterDecision::UNWANTED;
        }
        if let Some(kept) = kept(&mut self.kept, self.wanted) {
            kept.flows += 1;
        }
        self.wanted
    }

    /// Returns true if the filter admits a record of a decided flow. If the flow had a record before (`is_exported`),
    /// the TCP state alone decides about a last record without packets: it has no other field that the rules could
    /// examine.
    pub(crate) fn admit(&self, decision: FilterDecision, is_exported: bool, record: &Flow) -> bool {
        match number(decision) {
            Some(number) => self.kept.get(number).is_none_or(|kept| {
                kept.records.admits(record) || is_exported && kept.records.admits_end(record)
            }),
            None => decision != FilterDecision::UNWANTED,
        }
    }

    /// Notes that a decided flow has ended.
    pub(crate) fn ended(&mut self, decision: FilterDecision) {
        if let Some(kept) = kept(&mut self.kept, decision) {
            kept.flows = kept.flows.saturating_sub(1);
        }
    }

    /// Uses another filter from now on. All open flows must have been decided.
    ///
    /// # Errors
    /// [`ErrorKind::Exhausted`] if open flows still use too many different record filters; the current filter then
    /// stays.
    pub(crate) fn replace(&mut self, filter: Filter) -> Result<(), Error> {
        let wanted = self.keep(&filter.flow).ok_or_else(|| {
            Error::new(
                ErrorKind::Exhausted,
                format!("cannot change `filter`: {MOST_KEPT} filters of records are still in use"),
            )
            .with_remedy("try again when flows that were open before earlier changes have ended")
        })?;
        self.put(filter, wanted);
        Ok(())
    }

    fn put(&mut self, filter: Filter, wanted: FilterDecision) {
        self.all = filter.is_empty();
        self.wanted = wanted;
        self.current = Prepared::new(filter);
    }

    /// Stores record rules: shares an equal entry, reuses an entry without flows, or adds one.
    fn keep(&mut self, records: &FlowFilter) -> Option<FilterDecision> {
        if *records == FlowFilter::default() {
            return Some(FilterDecision::WANTED);
        }
        let equal = |kept: &RecordFilter| kept.records == *records;
        let place = self
            .kept
            .iter()
            .position(equal)
            .or_else(|| self.kept.iter().position(|kept| kept.flows == 0));
        let number = match place {
            Some(number) => {
                self.kept[number].records = records.clone();
                number
            }
            None if self.kept.len() < MOST_KEPT => {
                self.kept.push(RecordFilter {
                    records: records.clone(),
                    flows: 0,
                });
                self.kept.len() - 1
            }
            None => return None,
        };
        Some(FilterDecision(
            FilterDecision::FIRST_KEPT + u8::try_from(number).ok()?,
        ))
    }
}

fn number(decision: FilterDecision) -> Option<usize> {
    (decision.0 & !FilterDecision::EXPORTED)
        .checked_sub(FilterDecision::FIRST_KEPT)
        .map(usize::from)
}

fn kept(all: &mut [RecordFilter], decision: FilterDecision) -> Option<&mut RecordFilter> {
    all.get_mut(number(decision)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        filter::Rule,
        flow::{EndReason, IpHeader, example::plain},
    };

    fn ttl(text: &str) -> Filter {
        let mut filter = Filter::default();
        filter.flow.ip_ttl = Rule::matching([text]).unwrap();
        filter
    }

    fn record(ttl: u8) -> Flow {
        let mut flow = plain();
        flow.forward.ip = Some(IpHeader::new(0, ttl, None));
        flow
    }

    fn decide(filters: &mut Filters) -> FilterDecision {
        filters.decide(&FlowFields::from(&plain()))
    }

    #[test]
    fn without_a_filter_no_decision_is_stored() {
        let mut filters = Filters::new(Filter::default());
        assert!(filters.want_all());
        assert_eq!(decide(&mut filters), FilterDecision::WANTED);
        assert!(filters.admit(FilterDecision::UNDECIDED, false, &record(1)));
        let mut filter = Filter::default();
        filter.source.port = Rule::matching(["1"]).unwrap();
        let mut filters = Filters::new(filter);
        assert!(!filters.want_all());
        assert_eq!(decide(&mut filters), FilterDecision::UNWANTED);
        assert!(!filters.admit(FilterDecision::UNWANTED, true, &record(1)));
        assert!(!Filters::new(ttl("1")).want_all());
    }

    #[test]
    fn flow_is_decided_by_the_filter_at_its_start() {
        let mut filters = Filters::new(ttl("1"));
        let first = decide(&mut filters);
        filters.replace(ttl("2")).unwrap();
        let second = decide(&mut filters);
        filters.replace(Filter::default()).unwrap();
        let third = decide(&mut filters);
        for (decision, admitted) in [
            (first, [true, false, false]),
            (second, [false, true, false]),
            (third, [true, true, true]),
        ] {
            let found = [1, 2, 3].map(|ttl| filters.admit(decision, false, &record(ttl)));
            assert_eq!(found, admitted);
        }
    }

    #[test]
    fn replaced_filter_is_kept_while_a_flow_uses_it() {
        let mut filters = Filters::new(ttl("0"));
        let first = decide(&mut filters);
        for number in 1..MOST_KEPT {
            filters.replace(ttl(&number.to_string())).unwrap();
            decide(&mut filters);
        }
        // An equal filter needs no entry.
        filters.replace(ttl("7")).unwrap();
        let error = filters.replace(ttl("255")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Exhausted);
        assert!(filters.admit(first, false, &record(0)));
        // A refused filter changes nothing.
        let latest = decide(&mut filters);
        let admit = |filters: &Filters, ttl| filters.admit(latest, false, &record(ttl));
        assert!(admit(&filters, 7) && !admit(&filters, 255));
        filters.ended(first);
        filters.replace(ttl("255")).unwrap();
        let latest = decide(&mut filters);
        let admit = |ttl| filters.admit(latest, false, &record(ttl));
        assert!(admit(255) && !admit(0));
    }

    #[test]
    fn end_without_packets_of_an_exported_flow_is_decided_by_its_state() {
        let mut filter = ttl("1");
        filter.flow.connection_state = Rule::not_matching(["closed"]).unwrap();
        let mut filters = Filters::new(filter);
        let decision = decide(&mut filters);
        assert!(!decision.is_exported() && decision.and_exported().is_exported());
        assert_eq!(
            FilterDecision::WANTED.and_exported(),
            FilterDecision::WANTED
        );
        let mut end = plain();
        (end.forward.packets.delta, end.reverse.packets.delta) = (0, 0);
        (end.forward.ip, end.reverse.ip) = (None, None);
        for (reason, packets, is_exported, expected) in [
            (EndReason::IdleTimeout, 0, true, true),
            (EndReason::IdleTimeout, 0, false, false),
            (EndReason::IdleTimeout, 1, true, false),
            (EndReason::ActiveTimeout, 0, true, false),
        ] {
            (end.end_reason, end.forward.packets.delta) = (reason, packets);
            for decision in [decision, decision.and_exported()] {
                assert_eq!(
                    filters.admit(decision, is_exported, &end),
                    expected,
                    "{reason:?}"
                );
            }
        }
        filters.ended(decision.and_exported());
        filters.replace(ttl("2")).unwrap();
        assert_eq!(filters.kept.len(), 1);
    }

    #[test]
    fn replaced_filter_without_flows_is_not_kept() {
        let mut filters = Filters::new(Filter::default());
        for number in 0..1000 {
            filters.replace(ttl(&(number % 256).to_string())).unwrap();
            let decision = decide(&mut filters);
            filters.ended(decision);
        }
        assert_eq!(filters.kept.len(), 1);
    }
}
