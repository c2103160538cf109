//! Encodes flows as messages.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use mermin_core::{Flow, flow::Interface};

use super::{
    layout::Layout,
    message::{Messages, Writer},
    options::{EXPORTED, FIRST_RECORD, INTERFACES, SAMPLING, put_name},
    shape::{Shape, View},
};
use crate::settings::{SMALLEST_MESSAGE, Settings};

/// Set ids of templates and of options templates.
const TEMPLATES: u16 = 2;
const OPTIONS_TEMPLATES: u16 = 3;
/// Number of interfaces whose names are remembered. With more interfaces, names are sent again.
const MOST_INTERFACES: usize = 4096;

/// Encodes the messages of one transport session (RFC 7011). It tracks which templates and names were sent, and
/// counts records.
///
/// ```
/// use std::time::SystemTime;
/// use mermin_ipfix::{Encoder, Messages, Settings};
///
/// # let flows: Vec<mermin_core::Flow> = Vec::new();
/// let mut encoder = Encoder::new(Settings::default());
/// let mut messages = Messages::default();
/// encoder.encode(&flows, SystemTime::now(), &mut messages);
/// for message in messages.iter() {
///     assert!(message.len() <= 1400);
/// }
/// ```
pub struct Encoder {
    settings: Settings,
    /// Octets of a message at most.
    longest: usize,
    layouts: Vec<Layout>,
    /// The place of each shape's layout.
    by_shape: BTreeMap<Shape, u16>,
    /// The shape of the previous record and its place: mostly those of the other direction too.
    latest: Option<(Shape, u16)>,
    /// Names that were sent.
    interfaces: HashMap<u32, Arc<str>>,
    /// The interface of the previous record.
    last: Option<Interface>,
    sequence: u32,
    /// Nothing was sent in this session.
    is_new: bool,
    told_at: SystemTime,
    messages_since: u32,
    /// Templates are sent again within a batch as well.
    resends: bool,
    exported: Exported,
}

/// Counts of this session.
#[derive(Clone, Copy, Debug, Default)]
struct Exported {
    octets: u64,
    messages: u64,
    records: u64,
}

impl Exported {
    /// Returns the counts of all messages after the first `from`.
    fn of(messages: &Messages, from: usize) -> Self {
        let all = messages.iter().zip(messages.flow_records()).skip(from);
        all.fold(Self::default(), |sum, (message, records)| Self {
            octets: sum.octets + message.len() as u64,
            messages: sum.messages + 1,
            records: sum.records + u64::from(*records),
        })
    }

    fn add(&mut self, other: &Self) {
        self.octets += other.octets;
        self.messages += other.messages;
        self.records += other.records;
    }

    fn subtract(&mut self, other: &Self) {
        self.octets = self.octets.saturating_sub(other.octets);
        self.messages = self.messages.saturating_sub(other.messages);
        self.records = self.records.saturating_sub(other.records);
    }
}

impl Encoder {
    /// Creates an encoder for a new session.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            longest: settings.message,
            settings,
            layouts: Vec::new(),
            by_shape: BTreeMap::new(),
            latest: None,
            interfaces: HashMap::new(),
            last: None,
            sequence: 0,
            is_new: true,
            told_at: UNIX_EPOCH,
            messages_since: 0,
            resends: false,
            exported: Exported::default(),
        }
    }

    /// Sends templates again within a batch of more than [`Settings::refresh`]'s messages too, for a transport that may lose some.
    pub(crate) fn resending(self, resends: bool) -> Self {
        Self { resends, ..self }
    }

    /// Begins a new session, with nothing sent and nothing counted.
    pub fn restart(&mut self) {
        *self = Self::new(self.settings.clone()).resending(self.resends);
    }

    /// Sends templates and options again before the next record, because they may not have arrived.
    pub fn tell_again(&mut self) {
        self.is_new = true;
    }

    /// Limits the next messages to the octets that the path takes without fragmentation, but not below
    /// [`SMALLEST_MESSAGE`].
    pub(crate) fn limit_messages(&mut self, way: Option<usize>) {
        let most = self.settings.message;
        self.longest = way.map_or(most, |way| way.clamp(SMALLEST_MESSAGE, most));
    }

    /// Takes back all but the first `sent` of these messages, which were not sent. The next ones reuse their numbers.
    pub(crate) fn take_back(&mut self, messages: &Messages, sent: usize) {
        if let Some(sequence) = messages.sequence(sent) {
            self.sequence = sequence;
        }
        self.exported.subtract(&Exported::of(messages, sent));
        self.tell_again();
    }

    /// Returns true if templates must be sent again at `now`.
    #[must_use]
    pub fn is_due(&self, now: SystemTime) -> bool {
        let age = now.duration_since(self.told_at).unwrap_or(Duration::MAX);
        self.is_new
            || age >= self.settings.refresh
            || self.messages_since >= self.settings.refresh_messages
    }

    /// Returns the time until [`is_due`](Self::is_due) is true, if nothing is sent and the clock is not set.
    pub(crate) fn until_due(&self, now: SystemTime) -> Duration {
        let age = now.duration_since(self.told_at).unwrap_or_default();
        self.settings.refresh.saturating_sub(age)
    }

    /// Encodes flows, preceded by the templates and options that a collector needs to read them. Replaces the content
    /// of `messages`.
    pub fn encode(&mut self, flows: &[Flow], now: SystemTime, messages: &mut Messages) {
        messages.clear();
        let mut writer = self.writer(now, messages);
        // Messages of this batch up to the latest templates, which do not count as messages since.
        let mut before = 0;
        if self.is_new {
            self.tell(now, &mut writer);
            before = writer.finished();
        }
        for flow in flows {
            if self.resends
                && self.since(writer.finished() - before) >= self.settings.refresh_messages
            {
                self.tell(now, &mut writer);
                before = writer.finished();
            }
            self.introduce(&flow.interface, &mut writer);
            if self.settings.biflow {
                self.record(&View::forward(flow), &mut writer);
                continue;
            }
            let views = [View::forward(flow), View::backwards(flow)];
            let [forward, backwards] = views.map(|view| view.has(false));
            // A last record without packets reports the end of the flow.
            for (view, is_sent) in views.iter().zip([forward || !backwards, backwards]) {
                if is_sent {
                    self.record(view, &mut writer);
                }
            }
        }
        self.sequence = writer.finish();
        self.count(messages, before);
    }

    /// Encodes only templates and options. Replaces the content of `messages`.
    pub fn refresh(&mut self, now: SystemTime, messages: &mut Messages) {
        messages.clear();
        let mut writer = self.writer(now, messages);
        self.tell(now, &mut writer);
        let before = writer.finished();
        self.sequence = writer.finish();
        self.count(messages, before);
    }

    fn writer<'a>(&self, now: SystemTime, messages: &'a mut Messages) -> Writer<'a> {
        let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        // The 32 bits wrap in 2106 (RFC 7011 section 3.1).
        let time = u32::try_from(seconds & u64::from(u32::MAX)).unwrap_or(0);
        let domain = self.settings.domain;
        Writer::new(messages, self.longest, time, domain, self.sequence)
    }

    /// Counts messages, of which the first `before` were finished when templates were last sent.
    fn count(&mut self, messages: &Messages, before: usize) {
        self.exported.add(&Exported::of(messages, 0));
        self.messages_since = self.since(messages.len() - before);
    }

    /// Returns the number of messages since the latest templates, with so many more.
    fn since(&self, more: usize) -> u32 {
        let more = u32::try_from(more).unwrap_or(u32::MAX);
        self.messages_since.saturating_add(more)
    }

    /// Writes all templates, names and statistics.
    fn tell(&mut self, now: SystemTime, writer: &mut Writer<'_>) {
        self.is_new = false;
        self.told_at = now;
        self.messages_since = 0;
        for options in [&INTERFACES, &SAMPLING, &EXPORTED] {
            // nfacctd 1.7.7 drops a message in which a set has several options templates.
            writer.new_set();
            writer.record(OPTIONS_TEMPLATES, options.template_length(), |out| {
                options.put_template(out);
            });
        }
        for (layout, id) in self.layouts.iter().zip(FIRST_RECORD..) {
            writer.record(TEMPLATES, layout.template_length(), |out| {
                layout.put_template(id, out);
            });
        }
        for (index, name) in &self.interfaces {
            name_of(*index, name, writer);
        }
        let domain = self.settings.domain.to_be_bytes();
        writer.record(SAMPLING.id, SAMPLING.length(), |out| {
            out.extend_from_slice(&domain);
            // One packet sampled, none skipped.
            for number in [1_u32, 0] {
                out.extend_from_slice(&number.to_be_bytes());
            }
        });
        let mut exported = self.exported;
        exported.add(&Exported::of(writer.messages(), 0));
        let Exported {
            octets,
            messages,
            records,
        } = exported;
        writer.record(EXPORTED.id, EXPORTED.length(), |out| {
            out.extend_from_slice(&domain);
            for number in [octets, messages, records] {
                out.extend_from_slice(&number.to_be_bytes());
            }
        });
    }

    /// Sends an interface's name before its first record, and when it changes.
    fn introduce(&mut self, interface: &Interface, writer: &mut Writer<'_>) {
        if let Some(last) = &self.last
            && last.index == interface.index
            && (Arc::ptr_eq(&last.name, &interface.name) || last.name == interface.name)
        {
            return;
        }
        self.last = Some(interface.clone());
        if self.interfaces.get(&interface.index) == Some(&interface.name) {
            return;
        }
        if self.interfaces.len() >= MOST_INTERFACES {
            self.interfaces.clear();
        }
        self.interfaces
            .insert(interface.index, Arc::clone(&interface.name));
        name_of(interface.index, &interface.name, writer);
    }

    fn record(&mut self, view: &View<'_>, writer: &mut Writer<'_>) {
        let shape = Shape::of(view, &self.settings);
        let mut place = self.place(shape, writer);
        let mut length = self.length(place, view.flow);
        if length > writer.longest_record() {
            place = self.place(shape.without_names(), writer);
            length = self.length(place, view.flow);
        }
        if let Some(layout) = self.layouts.get(usize::from(place)) {
            writer.record(FIRST_RECORD + place, length, |out| layout.put(view, out));
        }
    }

    /// Returns the layout of a shape by its place. If it is new, its template is sent.
    fn place(&mut self, shape: Shape, writer: &mut Writer<'_>) -> u16 {
        if let Some((latest, place)) = self.latest
            && latest == shape
        {
            return place;
        }
        let place = match self.by_shape.get(&shape) {
            Some(place) => *place,
            None => self.begin_layout(shape, writer),
        };
        self.latest = Some((shape, place));
        place
    }

    fn length(&self, place: u16, flow: &Flow) -> usize {
        let layout = self.layouts.get(usize::from(place));
        layout.map_or(0, |layout| layout.length(flow))
    }

    /// Creates the layout of a new shape, and sends its template.
    fn begin_layout(&mut self, shape: Shape, writer: &mut Writer<'_>) -> u16 {
        let place = u16::try_from(self.layouts.len()).unwrap_or(0);
        let layout = Layout::new(shape, &self.settings);
        writer.record(TEMPLATES, layout.template_length(), |out| {
            layout.put_template(FIRST_RECORD + place, out);
        });
        self.layouts.push(layout);
        self.by_shape.insert(shape, place);
        place
    }
}

fn name_of(index: u32, name: &str, writer: &mut Writer<'_>) {
    writer.record(INTERFACES.id, INTERFACES.length(), |out| {
        out.extend_from_slice(&index.to_be_bytes());
        put_name(name, out);
    });
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder")
            .field("settings", &self.settings)
            .field("sequence", &self.sequence)
            .field("exported", &self.exported)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use mermin_core::{
        flow::{Dns, Tls},
        sink::testing::{detailed_flows, flows},
    };

    use super::*;

    #[test]
    fn unsent_messages_are_not_counted() {
        let all = flows(100);
        let sums = |encoder: &Encoder| {
            let Exported {
                octets,
                messages,
                records,
            } = encoder.exported;
            [octets, messages, records]
        };
        let now = UNIX_EPOCH;
        let (mut encoder, mut messages) = (
            Encoder::new(Settings::default().biflow(true)),
            Messages::default(),
        );
        encoder.encode(&all, now, &mut messages);
        let total = sums(&encoder);
        assert_eq!(total[2], 100);
        encoder.take_back(&messages, 0);
        assert_eq!(sums(&encoder), [0; 3]);
        encoder.encode(&all, now, &mut messages);
        let sent = messages.len() - 1;
        encoder.take_back(&messages, sent);
        let lengths: u64 = messages.iter().take(sent).map(|it| it.len() as u64).sum();
        assert_eq!(sums(&encoder)[..2], [lengths, sent as u64]);
        assert!((1..100).contains(&sums(&encoder)[2]));
    }

    #[test]
    fn messages_fit_the_path_and_the_settings() {
        let all = flows(100);
        let mut encoder = Encoder::new(Settings::default().message(1000));
        let mut messages = Messages::default();
        for (way, most) in [
            (None, 1000),
            (Some(9000), 1000),
            (Some(700), 700),
            (Some(68), 512),
            (None, 1000),
        ] {
            encoder.limit_messages(way);
            encoder.encode(&all, UNIX_EPOCH, &mut messages);
            let longest = messages.iter().map(<[u8]>::len).max().unwrap();
            // A record has fewer than 200 octets.
            assert!((most - 200..=most).contains(&longest), "{way:?}: {longest}");
        }
    }

    #[test]
    fn each_record_shape_has_its_own_template_id() {
        let mut shapes: HashMap<(bool, u16), Shape> = HashMap::new();
        for biflow in [false, true] {
            let settings = Settings::default().biflow(biflow).outer_addresses(biflow);
            let (mut encoder, mut messages) = (Encoder::new(settings), Messages::default());
            let mut writer = encoder.writer(UNIX_EPOCH, &mut messages);
            for flow in &detailed_flows(2000) {
                for view in [View::forward(flow), View::backwards(flow)] {
                    let shape = Shape::of(&view, &encoder.settings);
                    let place = encoder.place(shape, &mut writer);
                    let known = *shapes.entry((biflow, place)).or_insert(shape);
                    assert_eq!(known, shape);
                    assert_eq!(encoder.place(shape, &mut writer), place);
                }
            }
        }
        assert!(shapes.len() > 20, "{}", shapes.len());
    }

    #[test]
    fn record_that_does_not_fit_has_no_names() {
        let mut all = detailed_flows(300);
        for flow in &mut all {
            // Three names of 255 octets.
            let mut application = flow.application.as_deref().cloned().unwrap_or_default();
            if application.http_host.is_some() {
                let name = "a".repeat(255);
                application.dns = Some(Dns::new(&*name, 1));
                application.tls = Some(Tls::default());
                application.http_host = Some(name.into());
            }
            flow.application = Some(application.into());
        }
        let settings = Settings::default().biflow(true).message(512);
        let (mut encoder, mut messages) = (Encoder::new(settings), Messages::default());
        encoder.encode(&all, UNIX_EPOCH, &mut messages);
        assert!(messages.iter().all(|message| message.len() <= 512));
        assert_eq!(encoder.exported.records, 300);
    }

    #[test]
    fn messages_of_templates_do_not_count_as_messages_since() {
        let settings = Settings::default().refresh(Duration::from_hours(1), 2);
        let mut encoder = Encoder::new(settings).resending(true);
        let mut messages = Messages::default();
        let all = detailed_flows(500);
        encoder.encode(&all, UNIX_EPOCH, &mut messages);
        encoder.refresh(UNIX_EPOCH, &mut messages);
        assert!(messages.len() > 3, "{}", messages.len());
        encoder.encode(&all, UNIX_EPOCH, &mut messages);
        let told = messages
            .iter()
            .filter(|message| sets(message).contains(&OPTIONS_TEMPLATES))
            .count();
        let records: u32 = messages.flow_records().iter().sum();
        assert!(
            told > 0 && told * 3 < records as usize,
            "{told} of {records}"
        );
    }

    #[test]
    fn long_batch_has_templates_within() {
        let settings = Settings::default().refresh(Duration::from_hours(1), 10);
        let told = |resends: bool, batch: usize| {
            let mut encoder = Encoder::new(settings.clone()).resending(resends);
            let mut messages = Messages::default();
            let mut gaps = Vec::new();
            let mut last = None;
            let mut number = 0;
            for flows in flows(3000).chunks(batch) {
                if resends && encoder.is_due(UNIX_EPOCH) {
                    encoder.tell_again();
                }
                encoder.encode(flows, UNIX_EPOCH, &mut messages);
                for message in messages.iter() {
                    // Options templates are sent at no other time.
                    if sets(message).contains(&OPTIONS_TEMPLATES) {
                        gaps.extend(last.replace(number).map(|last| number - last));
                    }
                    number += 1;
                }
            }
            gaps
        };
        for batch in [3000, 100, 7] {
            let gaps = told(true, batch);
            assert!(gaps.len() > 20, "{batch}: {}", gaps.len());
            // Ten messages behind one that the templates fill.
            assert!(gaps.iter().all(|gap| *gap <= 11), "{batch}: {gaps:?}");
        }
        assert!(told(false, 3000).is_empty());
    }

    #[test]
    fn totals_within_a_batch_have_its_messages() {
        let settings = Settings::default().refresh(Duration::from_hours(1), 10);
        let mut encoder = Encoder::new(settings).resending(true);
        let mut messages = Messages::default();
        let (mut sums, mut told) = (vec![[0; 3]], 0);
        for flows in flows(2000).chunks(1000) {
            encoder.encode(flows, UNIX_EPOCH, &mut messages);
            for (message, records) in messages.iter().zip(messages.flow_records()) {
                for (_, set) in sets_of(message).filter(|(id, _)| *id == EXPORTED.id) {
                    let number = |at| u64::from_be_bytes(set[at..at + 8].try_into().unwrap());
                    let totals = [number(8), number(16), number(24)];
                    // If the record does not fit into the message that was open, that one is not among them.
                    let latest = &sums[sums.len().saturating_sub(2)..];
                    assert!(latest.contains(&totals), "{totals:?} {latest:?}");
                    told += 1;
                }
                let [octets, number, all] = *sums.last().unwrap();
                let octets = octets + message.len() as u64;
                sums.push([octets, number + 1, all + u64::from(*records)]);
            }
        }
        assert!(told > 10, "{told}");
    }

    /// Returns the ids of a message's sets.
    fn sets(message: &[u8]) -> Vec<u16> {
        sets_of(message).map(|(id, _)| id).collect()
    }

    /// Returns a message's sets with their ids.
    fn sets_of(message: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
        let mut rest = &message[16..];
        std::iter::from_fn(move || {
            let [a, b, c, d, ..] = *rest else { return None };
            let (set, behind) = rest.split_at(usize::from(u16::from_be_bytes([c, d])));
            rest = behind;
            Some((u16::from_be_bytes([a, b]), set))
        })
    }

    #[test]
    fn templates_are_resent_when_the_clock_is_set() {
        let refresh = Duration::from_secs(30);
        let (mut encoder, mut messages) = (Encoder::new(Settings::default()), Messages::default());
        let now = UNIX_EPOCH + Duration::from_hours(24);
        encoder.encode(&flows(1), now, &mut messages);
        for (step, due) in [(0, false), (29, false), (30, true), (86_000, true)] {
            let step = Duration::from_secs(step);
            assert_eq!(encoder.is_due(now + step), due, "{step:?}");
            assert_eq!(encoder.is_due(now - step), !step.is_zero(), "-{step:?}");
        }
        encoder.refresh(now - refresh, &mut messages);
        assert!(!encoder.is_due(now - refresh));
    }
}
