//! One builder for all drives of sessions in the tests, with a source of a few lines.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use sluicegate_policy::time::{Instant, Span};
use sluicegate_timer::Clock;

use crate::engine::tests::server::Server;
use crate::engine::{Abort, Converse, Conversed, Engine, Progress, Settings, Stop};
use crate::load::Share;
use crate::load::sessions::{Event, Happened, Sessions};
use crate::load::shaper::{Ceilings, Shaper};
use crate::measure::record::ConnectionsRecord;
use crate::measure::{Outcome, Sample};
use crate::traffic::catalog::TemplateId;
use crate::traffic::conversation::{Act, Awaits, Connect, Farewell, Hears, Message, NameId, Post, Stream, StreamId, Text, Turn};
use crate::traffic::template::{Generator, Template, TemplateParts};
use crate::traffic::{Catalog, Due, SeriesId, What};

pub(super) const CONNECT: SeriesId = SeriesId(0);
pub(super) const SAY: SeriesId = SeriesId(1);
pub(super) const PING: SeriesId = SeriesId(2);
pub(super) const PUSH: SeriesId = SeriesId(3);
pub(super) const CLOSE: SeriesId = SeriesId(4);
/// Steps that post, and their posts.
pub(super) const STEP: SeriesId = SeriesId(5);
pub(super) const POST: SeriesId = SeriesId(6);

/// What a session does after its connection is open, one after the other, so long after what happened last.
#[derive(Clone, Copy, Debug)]
pub(super) enum Does {
    /// Says something that nobody replies to.
    Tells,
    /// The same, as if it had been due when the plan began.
    TellsOverdue,
    /// The same, at length.
    TellsMuch,
    /// Publishes.
    Publishes,
    /// Asks for the next message.
    Asks(Span),
    /// Asks for the message that has the same id.
    AsksSame(Span),
    Pings,
    /// Posts to all, so many at a time.
    Posts(u32),
    Closes(Farewell),
}

/// A drive of sessions that has not begun.
pub(super) struct Talk {
    pub(super) settings: Settings,
    pub(super) script: Vec<(Span, Does)>,
    pub(super) sessions: u32,
    /// How often a session comes back.
    pub(super) returns: u32,
    pub(super) hears: Hears,
    pub(super) horizon: Span,
    pub(super) ceilings: Ceilings,
    pub(super) stop: Stop,
    pub(super) headers: Vec<(String, String)>,
    /// The stop is requested so often when a session was told something for the first time.
    pub(super) stops: u32,
    /// Whether the drive ends, as by a stop, when no session has anything to do any more; else its plan has an end.
    pub(super) ends_when_done: bool,
}

/// What a drive came to.
pub(super) struct Talked {
    pub(super) samples: Vec<Sample>,
    pub(super) conversed: Conversed<Vec<Sample>>,
    pub(super) record: ConnectionsRecord,
    pub(super) events: Vec<(u32, Event)>,
}

/// One session of one lane against that server, which only connects, with short limits.
pub(super) fn with(server: &Server) -> Talk {
    to(&format!("http://{}/prod", server.address))
}

pub(super) fn to(url: &str) -> Talk {
    let settings = Settings {
        connections: 1,
        lanes: Some(1),
        grace: Span::from_secs(20),
        timeout: Span::from_secs(20),
        ..Settings::for_target(url.parse().unwrap())
    };
    Talk {
        settings,
        script: Vec::new(),
        sessions: 1,
        returns: 0,
        hears: Hears(0),
        horizon: Span::from_secs(20),
        ceilings: Ceilings::default(),
        stop: Stop::new(),
        headers: Vec::new(),
        stops: 0,
        ends_when_done: true,
    }
}

impl Talk {
    pub(super) fn set(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(super) fn does(self, does: impl IntoIterator<Item = Does>) -> Self {
        self.does_after(does.into_iter().map(|does| (Span::ZERO, does)))
    }

    pub(super) fn does_after(self, script: impl IntoIterator<Item = (Span, Does)>) -> Self {
        Self { script: script.into_iter().collect(), ..self }
    }

    /// The plan ends after so many milliseconds, whatever the sessions do.
    pub(super) fn ends_at(self, ms: u64) -> Self {
        Self { horizon: Span::from_ms(ms), ends_when_done: false, ..self }
    }

    pub(super) fn run(self) -> Talked {
        let catalog = Arc::new(catalog(self.headers.clone()));
        let engine = Engine::prepare_sessions(self.settings.clone()).unwrap();
        let events = Arc::new(Mutex::new(Vec::new()));
        let (progress, clock) = (Arc::new(Progress::default()), Clock::starting_now());
        let busy = Arc::new(AtomicU32::new(self.sessions));
        let sessions =
            |share: Share| -> Box<dyn Sessions> { Box::new(Script::new(&self, share, (Arc::clone(&events), Arc::clone(&busy)))) };
        let conversed = engine
            .converse(&Converse {
                catalog: Arc::clone(&catalog),
                source: &sessions,
                recorder: &Vec::new,
                shaper: Shaper::new(&self.ceilings),
                clock,
                horizon: self.horizon,
                stop: self.stop.clone(),
                abort: &Abort::default(),
                on_abort: &|_| {},
                progress: Arc::clone(&progress),
                tracing: None,
            })
            .unwrap();
        assert!(conversed.driven.broken.is_none(), "{:?}", conversed.driven.broken);
        let samples = conversed.driven.recorders.iter().flatten().copied().collect();
        let record = conversed.record(&catalog);
        let events = events.lock().unwrap().clone();
        let talked = Talked { samples, conversed, record, events };
        talked.conserves(&progress);
        talked
    }
}

fn catalog(headers: Vec<(String, String)>) -> Catalog {
    let template = |path: &str, body: Option<&str>, fields| {
        let parts =
            TemplateParts { method: "GET".into(), path: path.into(), body: body.map(str::to_owned), ..TemplateParts::default() };
        Template::new(TemplateParts { fields, ..parts }).unwrap()
    };
    let id = vec![("id".to_owned(), Generator::Uuid)];
    Catalog {
        series: ["connect", "say", "ping", "push", "close", "post", "POST"].map(str::to_owned).to_vec(),
        templates: vec![
            template("/", None, vec![]),
            template("/", Some(r#"{{"action":"say","id":"{id}"}}"#), id),
            template("/", Some(&"x".repeat(60_000)), vec![]),
            template("/", Some(r#"{{"type":"prices","detail":{{"n":"{n}"}}}}"#), vec![("n".to_owned(), Generator::Number)]),
        ],
        headers,
        streams: vec![Stream {
            name: "prices".to_owned(),
            series: PUSH,
            number: vec!["detail".to_owned(), "n".to_owned()],
            named: Some(vec!["type".to_owned()]),
        }],
        closes: Some(CLOSE),
        correlations: vec![vec!["id".to_owned()]],
        names: vec![vec!["connectionId".to_owned()]],
        ..Catalog::default()
    }
}

impl Talked {
    /// How many samples of a series ended in which way.
    pub(super) fn outcomes(&self, series: SeriesId) -> BTreeMap<Outcome, usize> {
        let mut outcomes = BTreeMap::new();
        for sample in self.samples.iter().filter(|sample| sample.series == series) {
            *outcomes.entry(sample.outcome).or_insert(0) += 1;
        }
        outcomes
    }

    pub(super) fn expect<const N: usize>(self, series: SeriesId, outcomes: [(Outcome, usize); N]) -> Self {
        assert_eq!(self.outcomes(series), BTreeMap::from(outcomes), "{:?}", self.samples);
        self
    }

    pub(super) fn sample(&self, series: SeriesId) -> &Sample {
        self.samples.iter().find(|sample| sample.series == series).unwrap()
    }

    /// What the sessions were told, one after the other.
    pub(super) fn told(&self) -> Vec<Happened> {
        self.events.iter().map(|(_, event)| event.what).collect()
    }

    /// Every turn that became due is exactly one sample, every connection is accounted for, and instants are in order.
    fn conserves(&self, progress: &Progress) {
        let turns: Vec<&Sample> = self.samples.iter().filter(|sample| ![PUSH, POST].contains(&sample.series)).collect();
        let posts = self.outcomes(POST).values().sum::<usize>();
        let counts = &self.conversed.driven.counts;
        assert_eq!(counts.intended, turns.len() as u64, "every due turn is one sample");
        let mut seqs: Vec<_> = turns.iter().map(|sample| (sample.session, sample.seq)).collect();
        seqs.sort_unstable();
        seqs.dedup();
        assert_eq!(seqs.len(), turns.len(), "no turn is sampled twice");
        let reading = progress.read();
        assert_eq!((reading.intended, reading.pending), ((turns.len() + posts) as u64, 0));
        assert_eq!(counts.posts, posts as u64);
        for sample in &self.samples {
            let stamps = [sample.intended, sample.started, sample.sent, sample.first_byte, sample.done];
            let happened: Vec<_> = stamps.into_iter().filter(|at| *at != Instant::MAX).collect();
            assert!(happened.is_sorted(), "{sample:?}");
        }
        let record = &self.record;
        let closed: u64 = record.closed.iter().map(|closed| closed.count).sum();
        assert_eq!(record.opened, closed + record.open_at_end, "what was opened was closed, or open at the end");
        let refused: u64 = record.refused.iter().map(|refused| refused.count).sum();
        assert!(record.opened + refused <= record.asked);
    }
}

/// What sessions were told.
type Events = Arc<Mutex<Vec<(u32, Event)>>>;

/// The source behind a [`Talk`].
struct Script {
    begun: VecDeque<u32>,
    does: Vec<(Span, Does)>,
    hears: Hears,
    returns: u32,
    /// Of each session: how far it is in its script, its next seq, its attempt.
    at: BTreeMap<u32, (usize, u32, u32)>,
    events: Events,
    stops: (u32, Stop),
    /// Sessions of all lanes that have something to do, and those of this lane that have not.
    busy: Option<Arc<AtomicU32>>,
    done: BTreeSet<u32>,
}

impl Script {
    fn new(talk: &Talk, share: Share, (events, busy): (Events, Arc<AtomicU32>)) -> Self {
        let begun = (0..talk.sessions).filter(|session| share.plays(*session)).collect();
        let stops = (talk.stops, talk.stop.clone());
        let (does, hears, returns) = (talk.script.clone(), talk.hears, talk.returns);
        let (busy, done) = (talk.ends_when_done.then_some(busy), BTreeSet::new());
        Self { begun, does, hears, returns, at: BTreeMap::new(), events, stops, busy, done }
    }

    fn connect(&mut self, session: u32, due: Due) -> Turn {
        let (_, seq, attempt) = *self.at.entry(session).or_default();
        let (hears, template) = (self.hears, TemplateId(0));
        let act = Act::Connect(Connect {
            series: CONNECT,
            identity: session,
            what: What::Described { template, key: 0 },
            course: 0,
            attempt,
            hears,
            named: Some(NameId(0)),
        });
        self.at.insert(session, (0, seq + 1, attempt + 1));
        Turn { session, seq, due, act }
    }
}

impl Sessions for Script {
    fn begin(&mut self) -> Option<Turn> {
        let session = self.begun.pop_front()?;
        Some(self.connect(session, Due::At(Instant::from_ns(1))))
    }

    fn next(&mut self, session: u32, event: Event) -> Option<Turn> {
        let next = self.goes_on(session, event);
        if next.is_none()
            && self.done.insert(session)
            && let Some(busy) = &self.busy
            && busy.fetch_sub(1, Ordering::Relaxed) == 1
        {
            self.stops.1.request();
        }
        next
    }
}

impl Script {
    fn goes_on(&mut self, session: u32, event: Event) -> Option<Turn> {
        self.events.lock().unwrap().push((session, event));
        (0..std::mem::take(&mut self.stops.0)).for_each(|_| self.stops.1.request());
        if let Happened::Closed { .. } | Happened::Refused { .. } = event.what {
            let (.., attempt) = self.at[&session];
            return (attempt <= self.returns).then(|| self.connect(session, Due::After(Span::ZERO)));
        }
        let (step, seq, _) = self.at.get_mut(&session).unwrap();
        let (after, does) = *self.does.get(*step)?;
        (*step, *seq) = (*step + 1, *seq + 1);
        let message = |awaits, publishes| {
            let key = u64::from(session) << 32 | u64::from(*seq);
            Act::Message(Message {
                series: SAY,
                identity: session,
                text: Text::Described { template: TemplateId(1), key },
                awaits,
                publishes,
            })
        };
        let act = match does {
            Does::Tells | Does::TellsOverdue => message(Awaits::Nothing, None),
            Does::TellsMuch => match message(Awaits::Nothing, None) {
                Act::Message(message) => {
                    Act::Message(Message { text: Text::Described { template: TemplateId(2), key: 0 }, ..message })
                }
                other => other,
            },
            Does::Publishes => message(Awaits::Nothing, Some(StreamId(0))),
            Does::Asks(timeout) => message(Awaits::Next { timeout }, None),
            Does::AsksSame(timeout) => message(Awaits::Same { correlation: 0, timeout }, None),
            Does::Pings => Act::Ping { series: PING },
            Does::Posts(at_once) => {
                let (template, to) = (TemplateId(3), StreamId(0));
                Act::Post(Post { series: STEP, each: POST, identity: session, template, key: 0, to, at_once })
            }
            Does::Closes(farewell) => Act::Close(farewell),
        };
        let due = if let Does::TellsOverdue = does { Due::At(Instant::from_ns(1)) } else { Due::After(after) };
        Some(Turn { session, seq: *seq - 1, due, act })
    }
}
