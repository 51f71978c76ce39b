//! Snapshots to other nodes and from them, frame by frame.
//!
//! Frames are read by a thread of the blocking pool, a few ahead. What arrives is written aside and
//! read as a state as it comes. Only when it is one, whole, and comes from no leader of the past, it
//! is made to stand durably and handed to the engine: one that breaks off in the middle, or makes no
//! sense, leaves nothing.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use doozer_proto::peer::{
    self, LinkRequest, LinkResponse, SnapshotBegin, SnapshotPart, link_request, link_response,
};
use openraft::errors::{NetworkError, StreamingError, Unreachable};
use openraft::raft::SnapshotResponse;
use openraft::type_config::alias::SnapshotOf;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::Peers;
use crate::consensus::blocking;
use crate::consensus::thread::Engine;
use crate::raft_types::{
    NodeId, SnapshotMeta, TypeConfig, Vote, snapshot_meta_from_message, snapshot_meta_to_message,
    vote_from_message, vote_to_message,
};
use crate::storage::{SnapshotRecord, SnapshotWriter, Snapshots};
use crate::store::SnapshotSink;
use crate::transport::{Link, LinkKind, Target};

/// Bytes of a frame in one message.
const PART_BYTES_MAX: usize = 1 << 20;
/// Frames that are read ahead; in a simulation, which reads them all at once, more than there are.
const FRAMES_AHEAD: usize = if cfg!(feature = "simulation") {
    1 << 16
} else {
    4
};
/// How long one message may take to be taken.
const PART_MAX: Duration = Duration::from_secs(10);
/// How long the other node may take to make the whole stand and take it over.
const INSTALL_MAX: Duration = Duration::from_mins(5);

type Failure = StreamingError<TypeConfig>;

/// Sends a snapshot.
pub(super) async fn send(
    peers: &Peers,
    node: NodeId,
    vote: Vote,
    snapshot: SnapshotOf<TypeConfig, SnapshotRecord>,
) -> Result<SnapshotResponse<TypeConfig>, Failure> {
    let target = Target::Member(node);
    let dialed = peers.dialer.dial(LinkKind::Snapshot, &target).await;
    let mut link = dialed.map_err(|error| Failure::Unreachable(Unreachable::new(&error)))?;
    let begin = SnapshotBegin {
        vote: Some(vote_to_message(&vote)),
        meta: Some(snapshot_meta_to_message(&snapshot.meta)),
    };
    let sent = send_all(&mut link, peers.snapshots.clone(), begin, snapshot.snapshot);
    let response = sent.await.map_err(|error| failure(&error))?;
    match response.body {
        Some(link_response::Body::Snapshot(response)) => {
            let vote = response.vote.as_ref().map(vote_from_message);
            let vote = vote.and_then(Result::ok).ok_or_else(|| {
                failure(&io::Error::new(
                    io::ErrorKind::InvalidData,
                    "an answer without a vote",
                ))
            })?;
            Ok(SnapshotResponse::new(vote))
        }
        Some(link_response::Body::Failed(text)) => {
            Err(Failure::Unreachable(Unreachable::from_string(text)))
        }
        _ => Err(failure(&io::Error::other("an answer to something else"))),
    }
}

fn failure(error: &io::Error) -> Failure {
    Failure::Network(NetworkError::new(error))
}

async fn send_all(
    link: &mut Link,
    snapshots: Snapshots,
    begin: SnapshotBegin,
    record: SnapshotRecord,
) -> io::Result<LinkResponse> {
    put(link, link_request::Body::SnapshotBegin(begin)).await?;
    let (tx, frames) = mpsc::channel(FRAMES_AHEAD);
    let reading = blocking::run(move || read_ahead(&snapshots, &record, &tx));
    let to = &mut *link;
    let sending = async move {
        // Let go of as this ends, however it does: whoever reads ahead must not wait for ever.
        let mut frames = frames;
        while let Some(frame) = frames.recv().await {
            let frame = Bytes::from(frame?);
            for (at, bytes) in parts(&frame) {
                let ends_frame = at + bytes.len() == frame.len();
                let part = SnapshotPart {
                    bytes,
                    ends_frame,
                    ends: false,
                };
                put(to, link_request::Body::SnapshotPart(part)).await?;
            }
        }
        Ok::<_, io::Error>(())
    };
    let (read, sent) = tokio::join!(reading, sending);
    sent?;
    read??;
    let end = SnapshotPart {
        ends: true,
        ..SnapshotPart::default()
    };
    put(link, link_request::Body::SnapshotPart(end)).await?;
    let late = || io::Error::new(io::ErrorKind::TimedOut, "a snapshot is not taken over");
    timeout(INSTALL_MAX, link.rx.expect())
        .await
        .map_err(|_elapsed| late())?
}

fn read_ahead(
    snapshots: &Snapshots,
    record: &SnapshotRecord,
    tx: &mpsc::Sender<io::Result<Vec<u8>>>,
) -> io::Result<()> {
    for frame in snapshots.read(record)? {
        let is_gone = if cfg!(feature = "simulation") {
            tx.try_send(frame).is_err()
        } else {
            tx.blocking_send(frame).is_err()
        };
        if is_gone {
            break;
        }
    }
    Ok(())
}

/// Where each part begins, and its bytes; an empty frame has one empty part.
fn parts(frame: &Bytes) -> impl Iterator<Item = (usize, Bytes)> {
    let starts = (0..frame.len().max(1)).step_by(PART_BYTES_MAX);
    starts.map(|at| {
        let end = (at + PART_BYTES_MAX).min(frame.len());
        (at, frame.slice(at..end))
    })
}

async fn put(link: &mut Link, body: link_request::Body) -> io::Result<()> {
    let request = LinkRequest {
        seq: 0,
        body: Some(body),
    };
    let late = || io::Error::new(io::ErrorKind::TimedOut, "a snapshot's part is not taken");
    timeout(PART_MAX, link.tx.send(&request))
        .await
        .map_err(|_elapsed| late())?
}

/// Receives snapshots until the link ends.
pub(in crate::consensus) async fn receive(
    mut link: Link,
    snapshots: Snapshots,
    engine: Engine,
) -> io::Result<()> {
    while let Some(request) = link.rx.next::<LinkRequest>().await? {
        let Some(link_request::Body::SnapshotBegin(begin)) = request.body else {
            return Err(invalid("a snapshot without a beginning"));
        };
        let body = match receive_one(&mut link, begin, &snapshots, &engine).await? {
            Ok(vote) => link_response::Body::Snapshot(peer::SnapshotResponse {
                vote: Some(vote_to_message(&vote)),
            }),
            Err(text) => link_response::Body::Failed(text),
        };
        let response = LinkResponse {
            seq: request.seq,
            body: Some(body),
        };
        link.tx.send(&response).await?;
    }
    Ok(())
}

async fn receive_one(
    link: &mut Link,
    begin: SnapshotBegin,
    snapshots: &Snapshots,
    engine: &Engine,
) -> io::Result<Result<Vote, String>> {
    let (Some(vote), Some(meta)) = (begin.vote, begin.meta) else {
        return Err(invalid("a snapshot without a vote or a meaning"));
    };
    let vote = vote_from_message(&vote).map_err(invalid)?;
    let meta = snapshot_meta_from_message(&meta).map_err(invalid)?;
    let written = write_aside(link, Incoming::new(snapshots)).await?;
    let own = engine.with_raft_state(|state| *state.vote_ref()).await;
    let own = own.map_err(io::Error::other)?;
    if vote < own {
        return Ok(Ok(own));
    }
    let record = match written {
        Ok(incoming) => {
            let meta = meta.clone();
            blocking::run(move || incoming.finish(&meta)).await?
        }
        Err(error) => Err(error),
    };
    // A full disk is this node's trouble, and no reason to end the link.
    let record = match record {
        Ok(record) => record,
        Err(error) => return Ok(Err(format!("the snapshot cannot be kept: {error}"))),
    };
    Ok(install(engine, vote, meta, record).await)
}

/// A snapshot that comes: written aside, and read as a state.
struct Incoming {
    writer: SnapshotWriter,
    state: SnapshotSink,
}

impl Incoming {
    fn new(snapshots: &Snapshots) -> io::Result<Self> {
        Ok(Self {
            writer: snapshots.begin()?,
            state: SnapshotSink::new(),
        })
    }

    fn frame(mut self, frame: &[u8]) -> io::Result<Self> {
        self.state.frame(frame).map_err(invalid)?;
        self.writer.write_frame(frame)?;
        Ok(self)
    }

    /// Makes it stand durably, if it is a whole state.
    fn finish(self, meta: &SnapshotMeta) -> io::Result<SnapshotRecord> {
        drop(self.state.finish().map_err(invalid)?);
        self.writer.finish_installed(meta)
    }
}

/// Takes what comes until its end. A frame that cannot be taken lets the rest go by.
async fn write_aside(
    link: &mut Link,
    mut incoming: io::Result<Incoming>,
) -> io::Result<io::Result<Incoming>> {
    let mut frame = Vec::new();
    loop {
        let request = timeout(PART_MAX, link.rx.expect::<LinkRequest>()).await;
        let request = request.map_err(|_elapsed| io::Error::from(io::ErrorKind::TimedOut))??;
        let Some(link_request::Body::SnapshotPart(part)) = request.body else {
            return Err(invalid("something else inside a snapshot"));
        };
        if part.ends {
            return Ok(incoming);
        }
        frame.extend_from_slice(&part.bytes);
        if frame.len() > crate::storage::SNAPSHOT_FRAME_BYTES_MAX {
            return Err(invalid("a snapshot's frame is over the limit"));
        }
        if part.ends_frame {
            incoming = incoming.and_then(|incoming| incoming.frame(&frame));
            frame.clear();
        }
    }
}

async fn install(
    engine: &Engine,
    vote: Vote,
    meta: SnapshotMeta,
    record: SnapshotRecord,
) -> Result<Vote, String> {
    // One that stood already, and was newer, is as good.
    let meta = if record.meta == meta {
        meta
    } else {
        record.meta.clone()
    };
    let snapshot = SnapshotOf::<TypeConfig, SnapshotRecord> {
        meta,
        snapshot: record,
    };
    let installed = engine.install_full_snapshot(vote, snapshot).await;
    installed
        .map(|response| response.vote)
        .map_err(|error| error.to_string())
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{Execution, Identity, Place, Storage, StorageOptions};
    use crate::store::{SnapshotSource, Store};

    fn storage() -> Storage {
        let identity = || Identity {
            cluster_id: [7; 16],
            cluster_name: "local".to_owned(),
            node: NodeId::from(1),
            attached: true,
        };
        let execution = Execution::Inline;
        let opened = Storage::open(&Place::Memory, identity, StorageOptions { execution });
        opened.expect("a storage in memory")
    }

    fn take(snapshots: &Snapshots, frames: &[Vec<u8>]) -> io::Result<SnapshotRecord> {
        let incoming = Incoming::new(snapshots);
        let all = frames.iter();
        let taken = all.fold(incoming, |taken, frame| taken?.frame(frame));
        taken?.finish(&SnapshotMeta::default())
    }

    #[test]
    fn what_is_no_whole_state_never_stands() {
        let storage = storage();
        let snapshots = &storage.snapshots;
        let source: SnapshotSource = Store::new().snapshot();
        let frames: Vec<Vec<u8>> = source.collect();
        let (last, rest) = frames.split_last().expect("a snapshot has frames");
        let rubbish = [rest, &[b"rubbish".to_vec()]].concat();
        let behind_its_end = [&frames[..], std::slice::from_ref(last)].concat();
        for wrong in [rest, &rubbish, &behind_its_end] {
            assert!(take(snapshots, wrong).is_err());
            assert_eq!(snapshots.latest(), None);
        }
        assert!(take(snapshots, &frames).is_ok());
        assert!(snapshots.latest().is_some());
    }
}
