//! A store from the frames of a snapshot. The bytes may be damaged: whatever does not make sense
//! is an error, and nothing is believed that the bytes themselves do not bear out.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use doozer_proto::peer::{self, MutationKind, snapshot_frame::Kind};
use prost::Message;
use thiserror::Error;

use super::revision::REVISION_MAX;
use super::sessions::{ANSWERS_MAX, Executed, NODE_BYTES_MAX, SESSIONS_MAX, Session, Sessions};
use super::snapshot::{SNAPSHOT_VERSION, refusal_from_code};
use super::tree_builder::TreeBuilder;
use super::{Event, EventKind, History, Path, PathError, Revision, Store, Tree, View, ctl};

/// Why frames are not a snapshot.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// Not the message that a frame is.
    #[error("frame is not readable")]
    Unreadable(#[from] prost::DecodeError),
    /// A frame of no known kind, or one that must not stand where it does.
    #[error("a frame is out of place")]
    OutOfPlace,
    /// The last frame is missing.
    #[error("the end is missing")]
    Unfinished,
    /// Another format.
    #[error("version {0} is not known")]
    Version(u32),
    /// Revisions in the header that no store has.
    #[error("revisions {oldest} to {rev} make no sense")]
    Revisions {
        /// The oldest.
        oldest: i64,
        /// The newest.
        rev: i64,
    },
    /// A path that is none.
    #[error("file or event without a valid path")]
    Path(#[from] PathError),
    /// A file that does not follow the one before it, or of an impossible revision.
    #[error("file {0} is out of order")]
    File(Path),
    /// The last file's directory has the name of a file, or one before it.
    #[error("the last directory is out of order")]
    LastDirectory,
    /// An event that does not follow the one before it, or that cannot have happened.
    #[error("event of revision {0} is out of order or makes no sense")]
    Event(i64),
    /// A session that does not follow the one before it, or that makes no sense.
    #[error("session of {0} bytes of node id makes no sense")]
    Session(usize),
    /// Not as many files and events as there should be.
    #[error("{files} files and {events} events are not what the end says")]
    Counts {
        /// Files that came.
        files: u64,
        /// Events that came.
        events: u64,
    },
}

/// Takes the frames of a snapshot.
#[derive(Debug)]
pub struct SnapshotSink {
    part: Part,
    oldest: Revision,
    rev: Revision,
    files: u64,
    events: u64,
    sessions: Sessions,
}

/// What has come so far.
#[derive(Debug)]
enum Part {
    Nothing,
    Files(TreeBuilder),
    Events {
        tree: Tree,
        history: History,
    },
    Sessions(View, History),
    All(View, History),
    /// A frame made no sense.
    Failed,
}

impl Default for SnapshotSink {
    fn default() -> Self {
        Self::new()
    }
}

impl SnapshotSink {
    /// Nothing yet.
    pub fn new() -> Self {
        Self {
            part: Part::Nothing,
            oldest: Revision::MISSING,
            rev: Revision::MISSING,
            files: 0,
            events: 0,
            sessions: Sessions::default(),
        }
    }

    /// Takes the body of the next frame. After an error every further frame is one.
    pub fn frame(&mut self, body: &[u8]) -> Result<(), SnapshotError> {
        let frame = peer::SnapshotFrame::decode(Bytes::copy_from_slice(body))?;
        let part = std::mem::replace(&mut self.part, Part::Failed);
        self.part = match (part, frame.kind.ok_or(SnapshotError::OutOfPlace)?) {
            (Part::Nothing, Kind::Header(header)) => self.header(&header)?,
            (Part::Files(builder), Kind::Files(frame)) => self.add_files(builder, frame)?,
            (part @ (Part::Files(_) | Part::Events { .. }), Kind::Events(frame)) => {
                self.add_events(part, frame)?
            }
            (part, Kind::Sessions(frame)) => self.add_sessions(part, frame)?,
            (part, Kind::Footer(footer)) => self.footer(part, &footer)?,
            _ => return Err(SnapshotError::OutOfPlace),
        };
        Ok(())
    }

    /// The store, when all of it has come.
    pub fn finish(self) -> Result<Store, SnapshotError> {
        match self.part {
            Part::All(view, history) => Ok(Store::from_parts(view, history, self.sessions)),
            _ => Err(SnapshotError::Unfinished),
        }
    }

    fn header(&mut self, header: &peer::SnapshotHeader) -> Result<Part, SnapshotError> {
        if header.version != SNAPSHOT_VERSION {
            return Err(SnapshotError::Version(header.version));
        }
        let (oldest, rev) = (header.oldest, header.rev);
        if !(0..=REVISION_MAX).contains(&rev) || !(1..=rev + 1).contains(&oldest) {
            return Err(SnapshotError::Revisions { oldest, rev });
        }
        self.oldest = Revision(oldest);
        self.rev = Revision(rev);
        Ok(Part::Files(TreeBuilder::default()))
    }

    fn add_files(
        &self,
        mut builder: TreeBuilder,
        frame: peer::SnapshotFiles,
    ) -> Result<Part, SnapshotError> {
        for file in frame.file {
            let path = Path::parse(&file.path)?;
            let rev = Revision(file.rev);
            if rev < Revision(1) || rev > self.base() {
                return Err(SnapshotError::File(path));
            }
            let pushed = builder.push(&path, rev, file.value[..].into());
            pushed.map_err(|_out_of_order| SnapshotError::File(path))?;
        }
        Ok(Part::Files(builder))
    }

    /// The revision that the files are as of.
    fn base(&self) -> Revision {
        self.oldest.min(self.rev)
    }

    /// The tree and the history so far, once no more files come.
    fn tree(&mut self, part: Part) -> Result<(Tree, History), SnapshotError> {
        match part {
            Part::Files(builder) => {
                self.files = builder.files();
                let finished = builder.finish();
                let tree = finished.map_err(|_out_of_order| SnapshotError::LastDirectory)?;
                let before = Revision(self.oldest.0 - 1);
                let history = History::starting_after(before, tree.clone());
                Ok((tree, history))
            }
            Part::Events { tree, history } => Ok((tree, history)),
            _ => Err(SnapshotError::OutOfPlace),
        }
    }

    fn add_events(
        &mut self,
        part: Part,
        frame: peer::SnapshotEvents,
    ) -> Result<Part, SnapshotError> {
        let (mut tree, mut history) = self.tree(part)?;
        if frame.first != history.newest().next().0 {
            return Err(SnapshotError::Event(frame.first));
        }
        for message in frame.event {
            let rev = history.newest().next();
            let event = event(rev, &message).filter(|event| rev <= self.rev && fits(event));
            let event = event.ok_or(SnapshotError::Event(rev.0))?;
            // The oldest event is in the files already; applying it again changes nothing.
            if !tree.apply(&event) && event.path.as_str() != ctl::ERR {
                return Err(SnapshotError::Event(rev.0));
            }
            self.events += 1;
            history.push(Arc::new(event), &tree);
        }
        Ok(Part::Events { tree, history })
    }

    /// The whole history, once no more events come.
    fn view(&mut self, part: Part) -> Result<(View, History), SnapshotError> {
        if let Part::Sessions(view, history) = part {
            return Ok((view, history));
        }
        let (tree, history) = self.tree(part)?;
        if history.newest() != self.rev {
            return Err(SnapshotError::Event(history.newest().next().0));
        }
        let view = View {
            rev: self.rev,
            tree,
        };
        Ok((view, history))
    }

    fn add_sessions(
        &mut self,
        part: Part,
        frame: peer::SnapshotSessions,
    ) -> Result<Part, SnapshotError> {
        let (view, history) = self.view(part)?;
        for message in frame.session {
            let node = Bytes::copy_from_slice(&message.node);
            let follows = self.sessions.last_node().is_none_or(|last| *last < node);
            let fits = !node.is_empty() && node.len() <= NODE_BYTES_MAX;
            let session = session(&message, self.rev)
                .filter(|_| follows && fits && self.sessions.len() < SESSIONS_MAX);
            let session = session.ok_or(SnapshotError::Session(node.len()))?;
            self.sessions.restore(node, session);
        }
        Ok(Part::Sessions(view, history))
    }

    fn footer(&mut self, part: Part, footer: &peer::SnapshotFooter) -> Result<Part, SnapshotError> {
        let (view, history) = self.view(part)?;
        let (files, events) = (self.files, self.events);
        if (footer.files, footer.events) != (files, events) {
            return Err(SnapshotError::Counts { files, events });
        }
        Ok(Part::All(view, history))
    }
}

fn event(rev: Revision, message: &peer::SnapshotEvent) -> Option<Event> {
    let kind = match MutationKind::try_from(message.kind).ok()? {
        MutationKind::Nop => EventKind::Nop,
        MutationKind::Set => EventKind::Set,
        MutationKind::Del => EventKind::Del,
    };
    Some(Event {
        rev,
        kind,
        path: Path::parse(&message.path).ok()?,
        value: message.value[..].into(),
    })
}

/// Whether an event can have happened.
fn fits(event: &Event) -> bool {
    let at_root = event.path.as_str() == "/";
    match event.kind {
        EventKind::Nop => at_root && event.value.is_empty(),
        EventKind::Set => !at_root,
        EventKind::Del => !at_root && event.value.is_empty(),
    }
}

fn session(message: &peer::Session, newest: Revision) -> Option<Session> {
    let mut answers = BTreeMap::new();
    for answer in &message.answer {
        let rev = Revision(answer.rev);
        let follows = answers
            .last_key_value()
            .is_none_or(|(last, _)| *last < answer.counter);
        if !follows || answer.counter < message.floor || rev < Revision(1) || rev > newest {
            return None;
        }
        let refusal = refusal_from_code(answer.refusal).ok()?;
        answers.insert(answer.counter, Executed { rev, refusal });
    }
    (answers.len() <= ANSWERS_MAX).then_some(Session {
        id: message.id,
        nonce: message.nonce,
        floor: message.floor,
        answers,
    })
}
