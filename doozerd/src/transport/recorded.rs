//! Messages between nodes, as they were recorded: today's nodes say the same and read the same.

use std::fmt::{Debug, Write};
use std::fs;
use std::path::Path;

use bytes::Bytes;
use doozer_proto::peer::{
    self, AttachRequest, AttachResponse, Blank, ForwardRequest, ForwardResponse, Leader,
    LinkChallenge, LinkHello, LinkKind, LinkProof, LinkRefusal, LinkRefusalKind, LinkRequest,
    LinkResponse, LinkWelcome, SnapshotBegin, SnapshotPart, SnapshotResponse, attach_response,
    command, forward_response, link_request, link_response, snapshot_frame,
};
use expect_test::expect_file;
use openraft::EntryPayload;
use openraft::entry::RaftEntry;
use prost::Message;

use super::PROTOCOL_VERSION;
use crate::raft_types::{
    AppendRequest, AppendResponse, Command, Entry, LeaderId, LogId, Membership, NodeAddr, NodeId,
    SnapshotMeta, StoredMembership, TransferRequest, Vote, VoteRequest, VoteResponse,
    append_from_message, append_to_message, appended_from_message, appended_to_message,
    snapshot_meta_from_message, snapshot_meta_to_message, transfer_from_message,
    transfer_to_message, vote_request_from_message, vote_request_to_message,
    vote_response_from_message, vote_response_to_message,
};

const LEADER: NodeId = NodeId(*b"0123456789");
const OTHER: NodeId = NodeId(*b"abcdefghij");

/// The names and bytes of messages.
#[derive(Default)]
struct Record(String);

impl Record {
    fn put(&mut self, name: &str, message: &impl Message) {
        let bytes = message.encode_to_vec();
        write!(self.0, "{name} ").unwrap();
        for byte in bytes {
            write!(self.0, "{byte:02x}").unwrap();
        }
        self.0.push('\n');
    }
}

/// The message of that name, as it was recorded.
fn recorded<M: Message + Default>(name: &str) -> M {
    let text = fs::read_to_string(path()).unwrap();
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    let (_, hex) = lines.find(|(found, _)| *found == name).unwrap();
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
    M::decode(&bytes[..]).unwrap()
}

fn path() -> std::path::PathBuf {
    let name = format!("../compat-tests/data/messages/v{PROTOCOL_VERSION}.txt");
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn log_id(term: u64, index: u64) -> LogId {
    let leader = LeaderId {
        term,
        node_id: LEADER,
    };
    LogId::new(leader, index)
}

fn vote() -> Vote {
    Vote::new_committed(7, LEADER)
}

fn membership() -> Membership {
    let addr = |addr: &str, memory| NodeAddr {
        addr: addr.to_owned(),
        memory,
    };
    let nodes = [(LEADER, addr("h:1", false)), (OTHER, addr("h:2", true))];
    Membership::new(
        vec![[LEADER].into()],
        std::collections::BTreeMap::from(nodes),
    )
    .unwrap()
}

fn command() -> peer::Command {
    let mutation = |counter, kind: peer::MutationKind, path: &'static str, value: &'static str| {
        peer::Mutation {
            counter,
            kind: kind.into(),
            path: path.into(),
            value: value.into(),
            rev: -1,
        }
    };
    let batch = peer::Batch {
        node: OTHER.into(),
        session: 12,
        floor: 40,
        mutation: vec![
            mutation(41, peer::MutationKind::Set, "/a/b", "v"),
            mutation(42, peer::MutationKind::Del, "/a/c", ""),
            mutation(43, peer::MutationKind::Nop, "", ""),
        ],
    };
    peer::Command {
        kind: Some(command::Kind::Batch(batch)),
    }
}

fn append() -> AppendRequest {
    let command = Command(command().encode_to_vec().into());
    let entries = [
        EntryPayload::Blank,
        EntryPayload::Normal(command),
        EntryPayload::Membership(membership()),
    ];
    let entry = |(index, payload)| Entry::new(log_id(7, index), payload);
    AppendRequest {
        vote: vote(),
        prev_log_id: Some(log_id(6, 99)),
        leader_commit: Some(log_id(6, 98)),
        entries: (100..).zip(entries).map(entry).collect(),
    }
}

fn vote_request() -> VoteRequest {
    let mut request = VoteRequest::new(Vote::new(8, OTHER), Some(log_id(7, 102)));
    request.leadership_transfer = true;
    request
}

fn snapshot_meta() -> SnapshotMeta {
    SnapshotMeta {
        last_log_id: Some(log_id(7, 102)),
        last_membership: StoredMembership::new(Some(log_id(7, 102)), membership()),
    }
}

fn hello() -> LinkHello {
    LinkHello {
        version: PROTOCOL_VERSION,
        kind: LinkKind::Forward.into(),
        node: OTHER.into(),
        to: LEADER.into(),
        cluster_id: Bytes::from_static(&[5; 16]),
        cluster_name: "local".to_owned(),
        nonce: Bytes::from_static(&[6; 32]),
        membership_at: Some(crate::raft_types::log_id_to_message(&log_id(7, 102))),
    }
}

fn challenge() -> LinkChallenge {
    LinkChallenge {
        version: PROTOCOL_VERSION,
        node: LEADER.into(),
        cluster_id: Bytes::from_static(&[5; 16]),
        cluster_name: "local".to_owned(),
        nonce: Bytes::from_static(&[7; 32]),
        refusal: Some(LinkRefusal {
            kind: LinkRefusalKind::NotAMember.into(),
            detail: "why".to_owned(),
            membership_at: None,
        }),
        run: Bytes::new(),
    }
}

/// Messages of a link that stands, but for the engine's.
fn requests() -> Vec<(&'static str, link_request::Body)> {
    use link_request::Body;
    let node = peer::Node {
        id: OTHER.into(),
        addr: "h:2".to_owned(),
        memory: true,
    };
    vec![
        ("append", Body::Append(append_to_message(&append()))),
        ("vote", Body::Vote(vote_request_to_message(&vote_request()))),
        (
            "pre-vote",
            Body::PreVote(vote_request_to_message(&vote_request())),
        ),
        ("transfer", Body::Transfer(transfer_to_message(&transfer()))),
        (
            "forward",
            Body::Forward(ForwardRequest {
                command: command().encode_to_vec().into(),
            }),
        ),
        ("attach", Body::Attach(AttachRequest { node: Some(node) })),
        (
            "snapshot-begin",
            Body::SnapshotBegin(SnapshotBegin {
                vote: Some(crate::raft_types::vote_to_message(&vote())),
                meta: Some(snapshot_meta_to_message(&snapshot_meta())),
            }),
        ),
        (
            "snapshot-part",
            Body::SnapshotPart(SnapshotPart {
                bytes: snapshot_header().encode_to_vec().into(),
                ends_frame: true,
                ends: true,
            }),
        ),
    ]
}

fn responses() -> Vec<(&'static str, link_response::Body)> {
    use link_response::Body;
    let leader = || Leader {
        node: Some(peer::Node {
            id: LEADER.into(),
            addr: "h:1".to_owned(),
            memory: false,
        }),
    };
    let forwarded = |result| {
        Body::Forward(ForwardResponse {
            result: Some(result),
        })
    };
    let attached = |result| {
        Body::Attach(AttachResponse {
            result: Some(result),
        })
    };
    let [success, partial, conflict, higher] =
        appended().map(|response| Body::Append(appended_to_message(&response)));
    vec![
        ("appended", success),
        ("appended-partly", partial),
        ("append-conflict", conflict),
        ("append-higher-vote", higher),
        ("voted", Body::Vote(vote_response_to_message(&voted()))),
        (
            "forward-agreed",
            forwarded(forward_response::Result::Agreed(Blank {})),
        ),
        (
            "forward-not-proposed",
            forwarded(forward_response::Result::NotProposed(leader())),
        ),
        (
            "forward-unknown",
            forwarded(forward_response::Result::Unknown(Blank {})),
        ),
        (
            "attach-not-leader",
            attached(attach_response::Result::NotLeader(leader())),
        ),
        (
            "attach-refused",
            attached(attach_response::Result::Refused("why".to_owned())),
        ),
        (
            "snapshot",
            Body::Snapshot(SnapshotResponse {
                vote: Some(crate::raft_types::vote_to_message(&vote())),
            }),
        ),
        ("failed", Body::Failed("why".to_owned())),
    ]
}

fn appended() -> [AppendResponse; 4] {
    [
        AppendResponse::Success,
        AppendResponse::PartialSuccess(Some(log_id(7, 101))),
        AppendResponse::Conflict,
        AppendResponse::HigherVote(vote()),
    ]
}

fn voted() -> VoteResponse {
    VoteResponse::new(Vote::new(8, OTHER), Some(log_id(7, 102)), true)
}

fn transfer() -> TransferRequest {
    TransferRequest::new(vote(), OTHER, Some(log_id(7, 102)))
}

fn snapshot_header() -> peer::SnapshotFrame {
    let header = peer::SnapshotHeader {
        version: 1,
        oldest: 3,
        rev: 9,
    };
    peer::SnapshotFrame {
        kind: Some(snapshot_frame::Kind::Header(header)),
    }
}

fn request(body: link_request::Body) -> LinkRequest {
    LinkRequest {
        seq: 300,
        body: Some(body),
    }
}

fn response(body: link_response::Body) -> LinkResponse {
    LinkResponse {
        seq: 300,
        body: Some(body),
    }
}

fn proof() -> LinkProof {
    LinkProof {
        mac: vec![Bytes::from_static(&[8; 32])],
    }
}

fn welcome() -> LinkWelcome {
    LinkWelcome {
        mac: vec![Bytes::from_static(&[9; 32])],
        refusal: None,
    }
}

#[test]
fn nodes_say_what_was_recorded() {
    let mut record = Record::default();
    record.put("hello", &hello());
    record.put("challenge", &challenge());
    record.put("proof", &proof());
    record.put("welcome", &welcome());
    for (name, body) in requests() {
        record.put(name, &request(body));
    }
    for (name, body) in responses() {
        record.put(&format!("{name}-response"), &response(body));
    }
    expect_file![path()].assert_eq(&record.0);
}

#[track_caller]
fn check<M: Message + Default + PartialEq + Debug>(name: &str, want: &M) {
    assert_eq!(recorded::<M>(name), *want, "{name}");
}

#[test]
fn what_was_recorded_reads_as_what_it_was() {
    check("hello", &hello());
    check("challenge", &challenge());
    check("proof", &proof());
    check("welcome", &welcome());
    for (name, body) in requests() {
        check(name, &request(body));
    }
    for (name, body) in responses() {
        check(&format!("{name}-response"), &response(body));
    }
}

/// The body of a recorded request.
fn asked(name: &str) -> link_request::Body {
    recorded::<LinkRequest>(name).body.unwrap()
}

fn answered(name: &str) -> link_response::Body {
    recorded::<LinkResponse>(name).body.unwrap()
}

#[test]
fn the_engine_gets_what_was_recorded() {
    use link_request::Body;
    let Body::Append(message) = asked("append") else {
        panic!("no append")
    };
    let (got, want) = (append_from_message(message).unwrap(), append());
    assert_eq!(format!("{got:?}"), format!("{want:?}"));
    let Body::Vote(message) = asked("vote") else {
        panic!("no vote")
    };
    let got = vote_request_from_message(&message).unwrap();
    assert_eq!(format!("{got:?}"), format!("{:?}", vote_request()));
    let Body::Transfer(message) = asked("transfer") else {
        panic!("no transfer")
    };
    let got = transfer_from_message(&message).unwrap();
    assert_eq!(format!("{got:?}"), format!("{:?}", transfer()));
    let Body::SnapshotBegin(message) = asked("snapshot-begin") else {
        panic!("no snapshot")
    };
    let got = snapshot_meta_from_message(&message.meta.unwrap()).unwrap();
    assert_eq!(got, snapshot_meta());
}

#[test]
fn the_engine_gets_the_answers_that_were_recorded() {
    let names = [
        "appended",
        "appended-partly",
        "append-conflict",
        "append-higher-vote",
    ];
    for (name, want) in names.into_iter().zip(appended()) {
        let link_response::Body::Append(message) = answered(&format!("{name}-response")) else {
            panic!("{name} is no append")
        };
        let got = appended_from_message(&message).unwrap();
        assert_eq!(format!("{got:?}"), format!("{want:?}"), "{name}");
    }
    let link_response::Body::Vote(message) = answered("voted-response") else {
        panic!("no vote")
    };
    let got = vote_response_from_message(&message).unwrap();
    assert_eq!(format!("{got:?}"), format!("{:?}", voted()));
}
