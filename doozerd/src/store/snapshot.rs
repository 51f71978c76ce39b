//! The store as bytes: the frames of a snapshot, one after another.
//!
//! A header, the files as they were at the oldest kept revision in walk order, the events from
//! that revision on (the oldest one's own, too, for those who wait for it), the sessions, and a
//! footer with the counts. So a store made of it has the same history.

use std::sync::Arc;

use bytes::Bytes;
use doozer_proto::peer::{self, MutationKind, snapshot_frame::Kind};
use imbl::Vector;
use prost::Message;

use super::sessions::{Session, Sessions};
use super::{Event, EventKind, Glob, History, Refusal, Revision, WalkCursor};

/// The format's version.
pub(super) const SNAPSHOT_VERSION: u32 = 1;

/// A frame is full once it holds this much. Only what comes last in it makes it longer.
pub const SNAPSHOT_FRAME_BYTES: usize = 256 * 1024;

/// What a message in a frame takes besides its own bytes: tags, lengths and numbers.
const OVERHEAD_BYTES: usize = 32;

/// A store to be written out: the bodies of the frames of a snapshot. The store goes on meanwhile.
#[derive(Debug, Clone)]
pub struct SnapshotSource {
    part: Part,
    oldest: Revision,
    rev: Revision,
    files: WalkCursor,
    events: Vector<Arc<Event>>,
    events_done: usize,
    sessions: Vec<peer::Session>,
    sessions_done: usize,
}

/// The part of a snapshot that comes next.
#[derive(Debug, Clone, Copy)]
enum Part {
    Header,
    Files,
    Events,
    Sessions,
    Footer,
    End,
}

impl SnapshotSource {
    pub(super) fn new(rev: Revision, history: &History, sessions: &Sessions) -> Self {
        let oldest = history.oldest();
        let base = history.base_tree();
        let all = Glob::parse(b"/**").expect("invariant: the text is a glob");
        Self {
            part: Part::Header,
            oldest,
            rev,
            files: WalkCursor::new(all, &base),
            events: history.events(),
            events_done: 0,
            sessions: sessions
                .iter()
                .map(|(node, session)| session_message(node, session))
                .collect(),
            sessions_done: 0,
        }
    }

    fn files(&mut self) -> Option<Kind> {
        // The frame's paths and values in one allocation, not in two for every file.
        let mut texts = Vec::with_capacity(SNAPSHOT_FRAME_BYTES);
        let mut listed = Vec::new();
        while texts.len() + listed.len() * OVERHEAD_BYTES < SNAPSHOT_FRAME_BYTES {
            let Some(item) = self.files.next() else {
                break;
            };
            let start = texts.len();
            texts.extend_from_slice(item.path.as_bytes());
            let path_end = texts.len();
            texts.extend_from_slice(&item.value);
            listed.push((start..path_end, path_end..texts.len(), item.rev));
        }
        let texts = Bytes::from(texts);
        let file = listed
            .into_iter()
            .map(|(path, value, rev)| peer::SnapshotFile {
                path: texts.slice(path),
                value: texts.slice(value),
                rev: rev.0,
            });
        let frame = peer::SnapshotFiles {
            file: file.collect(),
        };
        (!frame.file.is_empty()).then_some(Kind::Files(frame))
    }

    fn events(&mut self) -> Option<Kind> {
        let first = self.events.get(self.events_done)?.rev;
        let mut frame = peer::SnapshotEvents {
            first: first.0,
            event: Vec::new(),
        };
        let mut bytes = 0;
        while bytes < SNAPSHOT_FRAME_BYTES {
            let Some(event) = self.events.get(self.events_done) else {
                break;
            };
            self.events_done += 1;
            bytes += event.path.as_bytes().len() + event.value.len() + OVERHEAD_BYTES;
            frame.event.push(event_message(event));
        }
        Some(Kind::Events(frame))
    }

    fn sessions(&mut self) -> Option<Kind> {
        let mut frame = peer::SnapshotSessions::default();
        let mut bytes = 0;
        while bytes < SNAPSHOT_FRAME_BYTES {
            let Some(session) = self.sessions.get_mut(self.sessions_done) else {
                break;
            };
            self.sessions_done += 1;
            bytes += session.encoded_len() + OVERHEAD_BYTES;
            frame.session.push(std::mem::take(session));
        }
        (!frame.session.is_empty()).then_some(Kind::Sessions(frame))
    }

    fn header(&self) -> Kind {
        Kind::Header(peer::SnapshotHeader {
            version: SNAPSHOT_VERSION,
            oldest: self.oldest.0,
            rev: self.rev.0,
        })
    }

    fn footer(&self) -> Kind {
        Kind::Footer(peer::SnapshotFooter {
            files: self.files.next_offset(),
            events: self.events.len() as u64,
        })
    }
}

impl Iterator for SnapshotSource {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            // A part of several frames is done when it has none left.
            let (frame, after) = match self.part {
                Part::Header => {
                    self.part = Part::Files;
                    (Some(self.header()), Part::Files)
                }
                Part::Files => (self.files(), Part::Events),
                Part::Events => (self.events(), Part::Sessions),
                Part::Sessions => (self.sessions(), Part::Footer),
                Part::Footer => {
                    self.part = Part::End;
                    (Some(self.footer()), Part::End)
                }
                Part::End => return None,
            };
            if frame.is_some() {
                return Some(peer::SnapshotFrame { kind: frame }.encode_to_vec());
            }
            self.part = after;
        }
    }
}

fn event_message(event: &Event) -> peer::SnapshotEvent {
    let kind = match event.kind {
        EventKind::Nop => MutationKind::Nop,
        EventKind::Set => MutationKind::Set,
        EventKind::Del => MutationKind::Del,
    };
    peer::SnapshotEvent {
        kind: kind.into(),
        path: Bytes::copy_from_slice(event.path.as_bytes()),
        value: Bytes::copy_from_slice(&event.value),
    }
}

fn session_message(node: &Bytes, session: &Session) -> peer::Session {
    let answers = session
        .answers
        .iter()
        .map(|(counter, executed)| peer::Answer {
            counter: *counter,
            rev: executed.rev.0,
            refusal: refusal_code(executed.refusal),
        });
    peer::Session {
        node: node.clone(),
        id: session.id,
        nonce: session.nonce,
        floor: session.floor,
        answer: answers.collect(),
    }
}

fn refusal_code(refusal: Option<Refusal>) -> u32 {
    match refusal {
        None => 0,
        Some(Refusal::RevMismatch) => 1,
        Some(Refusal::NotDir) => 2,
        Some(Refusal::IsDir) => 3,
    }
}

/// A code that stands for no refusal, and not for none either.
#[derive(Debug)]
pub(super) struct UnknownCode;

/// The refusal that a code stands for, if it stands for one.
pub(super) fn refusal_from_code(code: u32) -> Result<Option<Refusal>, UnknownCode> {
    match code {
        0 => Ok(None),
        1 => Ok(Some(Refusal::RevMismatch)),
        2 => Ok(Some(Refusal::NotDir)),
        3 => Ok(Some(Refusal::IsDir)),
        _ => Err(UnknownCode),
    }
}
