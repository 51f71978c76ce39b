//! What must hold for any bytes: one function for each target, which panics where it does not.
//!
//! The fuzz targets call these, and `doozerd/tests/corpus.rs` calls them with the kept corpus.

use bytes::{Bytes, BytesMut};
use doozer_proto::{
    FrameError, Frames, Request, Response, decode_request, decode_response, encode_frame, peer,
};
use doozerd::raft_types::{
    entry_from_message, entry_to_message, snapshot_meta_from_message, snapshot_meta_to_message,
};
use doozerd::store::{Glob, HistoryLimits, Path, SnapshotSink, Store, WalkCursor};
use prost::Message;

const FRAME_BYTES_MAX: usize = 100;

/// A stream falls into the same frames however it arrives. The first byte says in what pieces.
pub fn frame(bytes: &[u8]) {
    let Some((piece, stream)) = bytes.split_first() else {
        return;
    };
    let piece = usize::from(*piece).max(1);
    assert_eq!(
        frames_of(stream, stream.len().max(1)),
        frames_of(stream, piece)
    );
}

fn frames_of(stream: &[u8], piece: usize) -> (Vec<Vec<u8>>, Option<FrameError>) {
    let mut frames = Frames::new(FRAME_BYTES_MAX);
    let mut bodies = Vec::new();
    for part in stream.chunks(piece) {
        frames.extend(part);
        loop {
            match frames.next() {
                Ok(Some(body)) => bodies.push(body.to_vec()),
                Ok(None) => break,
                Err(error) => return (bodies, Some(error)),
            }
        }
    }
    (bodies, None)
}

/// A body that is read as a message is written and read back as the same one.
pub fn message(bytes: &[u8]) {
    if let Ok(request) = decode_request(bytes) {
        assert_eq!(decode_request(&body_of(&request)), Ok(request));
    }
    if let Ok(response) = decode_response(bytes) {
        assert_eq!(decode_response(&body_of(&response)), Ok(response));
    }
    // What a strict reader takes, ours takes as the same.
    if let Ok(strict) = Request::decode(bytes) {
        assert_eq!(decode_request(bytes), Ok(strict));
    }
    if let Ok(strict) = Response::decode(bytes) {
        assert_eq!(decode_response(bytes), Ok(strict));
    }
}

fn body_of(message: &impl Message) -> Vec<u8> {
    let mut wire = BytesMut::new();
    encode_frame(message, &mut wire);
    let mut frames = Frames::new(usize::MAX);
    frames.extend(&wire);
    let body = frames
        .next()
        .expect("the length fits")
        .expect("the frame is whole");
    body.to_vec()
}

/// A glob, a line feed and a path: they match as a plain matcher says.
pub fn glob(bytes: &[u8]) {
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
        return;
    };
    let (Ok(glob), Ok(path)) = (Glob::parse(&bytes[..end]), Path::parse(&bytes[end + 1..])) else {
        return;
    };
    let plain = matches_plainly(glob.as_str().as_bytes(), path.as_bytes());
    assert_eq!(glob.matches(path.as_str()), plain, "{glob:?} {path:?}");
}

/// For each rest of the pattern, from the shortest on, which rests of the path it matches.
fn matches_plainly(pattern: &[u8], path: &[u8]) -> bool {
    let mut rests = vec![false; path.len() + 1];
    rests[path.len()] = true;
    let mut at = pattern.len();
    while at > 0 {
        // Stars pair off from the left of their run: the leftover single one stands last.
        let stars = pattern[..at]
            .iter()
            .rev()
            .take_while(|byte| **byte == b'*')
            .count();
        let token = if stars >= 2 && stars % 2 == 0 { 2 } else { 1 };
        rests = before(&pattern[at - token..at], path, &rests);
        at -= token;
    }
    rests[0]
}

/// Which rests of the path match `token` and then what `rests` matched.
fn before(token: &[u8], path: &[u8], rests: &[bool]) -> Vec<bool> {
    let mut matched = vec![false; rests.len()];
    for at in (0..rests.len()).rev() {
        let byte = path.get(at).copied();
        let next = rests.get(at + 1).copied().unwrap_or_default();
        matched[at] = match token {
            b"**" => rests[at] || byte.is_some() && matched[at + 1],
            b"*" => rests[at] || byte.is_some_and(|byte| byte != b'/') && matched[at + 1],
            b"?" => byte.is_some_and(|byte| byte != b'/') && next,
            _ => byte == Some(token[0]) && next,
        };
    }
    matched
}

/// Commands, each behind its length in two bytes, do the same to a store that keeps all history
/// and to one that keeps nearly none; what both hold goes through a snapshot unchanged.
pub fn command(bytes: &[u8]) {
    let (mut long, mut short) = (Store::new(), Store::new());
    let limits = HistoryLimits {
        revisions: 2,
        bytes: 1 << 10,
    };
    for (index, command) in (1..).zip(parts(bytes)) {
        let before = long.rev();
        let command = Bytes::copy_from_slice(command);
        match (long.apply(index, &command), short.apply(index, &command)) {
            (Ok(one), Ok(other)) => assert_eq!(one, other),
            (Err(one), Err(other)) => {
                assert_eq!(one.to_string(), other.to_string());
                assert_eq!(long.rev(), before, "a refused command changes nothing");
            }
            (one, other) => panic!("{one:?} and {other:?}"),
        }
        short.trim(&limits);
    }
    assert_eq!(files(&long), files(&short));
    for rev in short.history().oldest().0..=short.rev().0 {
        let rev = doozerd::store::Revision(rev);
        assert_eq!(long.history().event(rev), short.history().event(rev));
    }
    through_snapshot(&long);
    through_snapshot(&short);
}

/// Frames, each behind its length in two bytes, are refused, or are a store.
pub fn snapshot(bytes: &[u8]) {
    let mut sink = SnapshotSink::new();
    for frame in parts(bytes) {
        if sink.frame(frame).is_err() {
            return;
        }
    }
    if let Ok(store) = sink.finish() {
        through_snapshot(&store);
    }
}

fn through_snapshot(store: &Store) {
    let mut sink = SnapshotSink::new();
    let frames: Vec<Vec<u8>> = store.snapshot().collect();
    for frame in &frames {
        sink.frame(frame).expect("a store's own snapshot is taken");
    }
    let restored = sink.finish().expect("a store's own snapshot is whole");
    assert_eq!(restored.snapshot().collect::<Vec<_>>(), frames);
    assert_eq!(restored.rev(), store.rev());
    assert_eq!(files(&restored), files(store));
}

fn files(store: &Store) -> Vec<(String, i64, Vec<u8>)> {
    let all = Glob::parse(b"/**").expect("it is a glob");
    let mut cursor = WalkCursor::new(all, &store.view().tree);
    std::iter::from_fn(|| cursor.next())
        .map(|item| (item.path, item.rev.0, item.value.to_vec()))
        .collect()
}

/// An entry of the log, or what a snapshot stands for, is refused or reads back as it was.
pub fn log(bytes: &[u8]) {
    if let Ok(message) = peer::Entry::decode(bytes)
        && let Ok(entry) = entry_from_message(message)
    {
        let message = entry_to_message(&entry);
        let again = entry_from_message(message.clone()).expect("our own entry is taken");
        assert_eq!(entry_to_message(&again), message);
    }
    if let Ok(message) = peer::SnapshotMeta::decode(bytes)
        && let Ok(meta) = snapshot_meta_from_message(&message)
    {
        let message = snapshot_meta_to_message(&meta);
        let again = snapshot_meta_from_message(&message).expect("our own meaning is taken");
        assert_eq!(again, meta);
    }
}

/// Cuts bytes into parts, each behind its length in two bytes; the last may be short.
fn parts(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = bytes.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
        let (part, rest) = rest.split_at(length);
        bytes = rest;
        Some(part)
    })
}
