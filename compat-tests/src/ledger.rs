//! What clients asked for and were told, held against the history that the server tells later.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::server::Server;
use crate::wire::{Request, Response, verb};

/// Requests outstanding while a history is read.
const READ_AHEAD: i64 = 100;

/// What became of a mutation, as far as its client knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Answered with success; a SET's revision.
    Acknowledged(Option<i64>),
    /// Answered with an error that promises it was not applied.
    Refused(i32),
    /// Not answered, or answered without that promise.
    Unknown,
}

/// A mutation that no other mutation of the same ledger equals.
#[derive(Clone, Debug)]
pub struct Write {
    pub path: String,
    /// `None`: a DEL.
    pub value: Option<Vec<u8>>,
    pub fate: Fate,
    /// The newest revision that its connection had been told of when it was sent.
    pub after: i64,
}

/// What happened at one revision.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Event {
    pub path: String,
    /// `None`: deleted, or a nop.
    pub value: Option<Vec<u8>>,
}

/// All that happened from one revision on.
#[derive(Clone, Debug)]
pub struct History {
    first: i64,
    events: Vec<Event>,
}

impl History {
    /// Reads every event from `first` to the newest revision.
    pub fn read(server: &Server, first: i64) -> Self {
        let mut connection = server.connect();
        let newest = connection.call(&Request::new(verb::REV)).revision();
        let mut events = BTreeMap::new();
        let (mut next, mut read) = (first, first);
        while read <= newest {
            while next <= newest && next < read + READ_AHEAD {
                let tag = i32::try_from(next - first).expect("a history of a test");
                connection
                    .send(&Request::wait("/**", next).tag(tag))
                    .expect("a WAIT is taken");
                next += 1;
            }
            let answer = connection
                .response()
                .expect("an answer to a WAIT of the past");
            let rev = first + i64::from(answer.tag.expect("a tag"));
            assert_eq!(answer.rev, Some(rev), "not the event asked for: {answer:?}");
            events.insert(rev, event(answer));
            read += 1;
        }
        Self {
            first,
            events: events.into_values().collect(),
        }
    }

    /// The newest revision read.
    pub fn newest(&self) -> i64 {
        self.numbered()
            .last()
            .map_or(self.first - 1, |(rev, _)| rev)
    }

    /// The event at `rev`.
    pub fn at(&self, rev: i64) -> Option<&Event> {
        let index = usize::try_from(rev.checked_sub(self.first)?).ok()?;
        self.events.get(index)
    }

    fn numbered(&self) -> impl Iterator<Item = (i64, &Event)> {
        (self.first..).zip(&self.events)
    }
}

fn event(answer: Response) -> Event {
    let path = answer.path_text();
    Event {
        path,
        value: answer.value.filter(|_| answer.flags == Some(4)),
    }
}

/// Checks `writes` and `history` against each other. All that clients wrote stands below the
/// folders that `is_ours` knows; nothing else may have written there.
pub fn check(writes: &[Write], history: &History, is_ours: impl Fn(&str) -> bool) {
    let mut revisions: HashMap<Event, Vec<i64>> = HashMap::new();
    for (rev, event) in history.numbered().filter(|(_, event)| is_ours(&event.path)) {
        revisions.entry(event.clone()).or_default().push(rev);
    }
    for write in writes {
        let event = Event {
            path: write.path.clone(),
            value: write.value.clone(),
        };
        let found = revisions.remove(&event).unwrap_or_default();
        check_write(write, &found, history);
    }
    let invented: BTreeSet<_> = revisions.values().flatten().collect();
    assert!(
        invented.is_empty(),
        "nobody asked for what stands at revisions {invented:?}"
    );
}

fn check_write(write: &Write, found: &[i64], history: &History) {
    let Write {
        path, fate, after, ..
    } = write;
    let told = match fate {
        Fate::Acknowledged(rev) => {
            assert_eq!(
                found.len(),
                1,
                "{path} was acknowledged ({rev:?}) and stands at {found:?}"
            );
            let rev = rev.unwrap_or(found[0]);
            assert_eq!(
                rev,
                found[0],
                "{path} stands elsewhere: {:?}",
                history.at(rev)
            );
            found
        }
        Fate::Refused(code) => {
            assert!(
                found.is_empty(),
                "{path} was refused ({code}) and stands at {found:?}"
            );
            found
        }
        Fate::Unknown => {
            assert!(found.len() <= 1, "{path} stands more than once: {found:?}");
            found
        }
    };
    for rev in told {
        assert!(
            rev > after,
            "{path} was asked for after {after} and stands at {rev}"
        );
    }
}

/// Checks that the present files below `folder` are what the last events of `history` made them.
pub fn check_present(server: &Server, history: &History, folder: &str) {
    let mut last = BTreeMap::new();
    for (rev, event) in history
        .numbered()
        .filter(|(_, event)| event.path.starts_with(folder))
    {
        last.insert(&event.path, (rev, event.value.as_deref()));
    }
    let mut connection = server.connect();
    for (path, (rev, value)) in last {
        let got = connection.call(&Request::get(path));
        let want = if value.is_some() { rev } else { 0 };
        assert_eq!(got.rev, Some(want), "{path}");
        assert_eq!(
            got.value.as_deref(),
            Some(value.unwrap_or_default()),
            "{path}"
        );
    }
}
