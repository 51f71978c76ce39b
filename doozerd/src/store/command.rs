//! Commands: what a log entry carries, to bytes and back.

use bytes::Bytes;
use doozer_proto::peer::{self, MutationKind, command::Kind};
use prost::Message;
use thiserror::Error;

use super::sessions::NODE_BYTES_MAX;
use super::{Mutation, Path, PathError, Proposal, Revision};

/// Bytes of a proposal in a batch besides its path and value, at most: tags, lengths and numbers.
const PROPOSAL_OVERHEAD_BYTES: usize = 48;

/// Why bytes are not a command. The store is as it was before.
#[derive(Debug, Error)]
pub enum CommandError {
    /// Not the message that a command is.
    #[error("command is not readable")]
    Unreadable(#[from] prost::DecodeError),
    /// A message of no kind that is known.
    #[error("command is of no known kind")]
    UnknownKind,
    /// A mutation of no kind that is known.
    #[error("mutation {counter} is of unknown kind {kind}")]
    UnknownMutation {
        /// Which mutation.
        counter: u64,
        /// Its kind.
        kind: i32,
    },
    /// A mutation of something that is no path.
    #[error("mutation {counter} has no valid path")]
    Path {
        /// Which mutation.
        counter: u64,
        /// What is wrong with the path.
        source: PathError,
    },
    /// A node's id that is empty or over the limit.
    #[error("node id of {0} bytes is not within 1 to {NODE_BYTES_MAX}")]
    Node(usize),
}

/// What a log entry asks the store to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Gives a node a new session in place of its old one.
    OpenSession { node: Bytes, nonce: u64 },
    /// Applies mutations of one session.
    Batch(Batch),
    /// Applies mutations that are proposed once, and ends the sessions of nodes that are gone.
    Direct {
        mutations: Vec<Mutation>,
        gone: Vec<Bytes>,
    },
}

/// Mutations of one session.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) node: Bytes,
    pub(super) session: u64,
    pub(super) floor: u64,
    pub(super) proposals: Vec<Proposal>,
}

impl Command {
    /// Reads a command, all of it before any of it is applied.
    pub(super) fn decode(bytes: &Bytes) -> Result<Self, CommandError> {
        let message = peer::Command::decode(bytes.clone())?;
        match message.kind.ok_or(CommandError::UnknownKind)? {
            Kind::OpenSession(open) => Ok(Self::OpenSession {
                node: node(&open.node)?,
                nonce: open.nonce,
            }),
            Kind::Batch(batch) => Ok(Self::Batch(Batch {
                node: node(&batch.node)?,
                session: batch.session,
                floor: batch.floor,
                proposals: batch
                    .mutation
                    .into_iter()
                    .map(proposal)
                    .collect::<Result<_, _>>()?,
            })),
            Kind::Direct(direct) => Ok(Self::Direct {
                mutations: direct
                    .mutation
                    .into_iter()
                    .map(|message| Ok(proposal(message)?.mutation))
                    .collect::<Result<_, CommandError>>()?,
                gone: direct.gone.iter().map(node).collect::<Result<_, _>>()?,
            }),
        }
    }
}

/// The command that opens a session for `node`.
pub fn encode_open_session(node: &[u8], nonce: u64) -> Bytes {
    encode(Kind::OpenSession(peer::OpenSession {
        node: Bytes::copy_from_slice(node),
        nonce,
    }))
}

/// The command that applies `proposals` in their order.
///
/// `floor`: every counter below it has been answered, and its answer may be forgotten.
pub fn encode_batch<'a>(
    node: &[u8],
    session: u64,
    floor: u64,
    proposals: impl Iterator<Item = &'a Proposal>,
) -> Bytes {
    encode(Kind::Batch(peer::Batch {
        node: Bytes::copy_from_slice(node),
        session,
        floor,
        mutation: proposals.map(mutation_message).collect(),
    }))
}

/// The command that applies `mutations` in their order, without a session: whoever proposes it does
/// so once and never again. Ends the sessions of the nodes that are `gone`.
pub fn encode_direct(mutations: Vec<Mutation>, gone: &[&[u8]]) -> Bytes {
    let proposals = (0..).zip(mutations);
    encode(Kind::Direct(peer::Direct {
        mutation: proposals
            .map(|(counter, mutation)| mutation_message(&Proposal { counter, mutation }))
            .collect(),
        gone: gone.iter().map(|id| Bytes::copy_from_slice(id)).collect(),
    }))
}

/// The most bytes that a mutation takes in a batch.
pub fn proposal_bytes(mutation: &Mutation) -> usize {
    let own = match mutation {
        Mutation::Nop => 0,
        Mutation::Set { path, value, .. } => path.as_bytes().len() + value.len(),
        Mutation::Del { path, .. } => path.as_bytes().len(),
    };
    own + PROPOSAL_OVERHEAD_BYTES
}

fn encode(kind: Kind) -> Bytes {
    peer::Command { kind: Some(kind) }.encode_to_vec().into()
}

/// The id on its own, so that keeping it does not keep the whole command.
fn node(id: &Bytes) -> Result<Bytes, CommandError> {
    if id.is_empty() || id.len() > NODE_BYTES_MAX {
        return Err(CommandError::Node(id.len()));
    }
    Ok(Bytes::copy_from_slice(id))
}

fn mutation_message(proposal: &Proposal) -> peer::Mutation {
    let message = |kind: MutationKind| peer::Mutation {
        counter: proposal.counter,
        kind: kind.into(),
        ..peer::Mutation::default()
    };
    match &proposal.mutation {
        Mutation::Nop => message(MutationKind::Nop),
        Mutation::Set { path, rev, value } => peer::Mutation {
            path: Bytes::copy_from_slice(path.as_bytes()),
            rev: rev.0,
            value: value.clone(),
            ..message(MutationKind::Set)
        },
        Mutation::Del { path, rev } => peer::Mutation {
            path: Bytes::copy_from_slice(path.as_bytes()),
            rev: rev.0,
            ..message(MutationKind::Del)
        },
    }
}

fn proposal(message: peer::Mutation) -> Result<Proposal, CommandError> {
    let counter = message.counter;
    let path =
        || Path::parse(&message.path).map_err(|source| CommandError::Path { counter, source });
    let rev = Revision(message.rev);
    let mutation = match MutationKind::try_from(message.kind) {
        Ok(MutationKind::Nop) => Mutation::Nop,
        Ok(MutationKind::Set) => Mutation::Set {
            path: path()?,
            rev,
            value: message.value,
        },
        Ok(MutationKind::Del) => Mutation::Del { path: path()?, rev },
        Err(_unknown) => {
            return Err(CommandError::UnknownMutation {
                counter,
                kind: message.kind,
            });
        }
    };
    Ok(Proposal { counter, mutation })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(counter: u64, path: &[u8]) -> peer::Mutation {
        peer::Mutation {
            counter,
            kind: MutationKind::Set.into(),
            path: Bytes::copy_from_slice(path),
            ..peer::Mutation::default()
        }
    }

    fn check_refused(mutation: peer::Mutation, expected: &str) {
        let command = encode(Kind::Batch(peer::Batch {
            node: Bytes::from_static(b"n"),
            mutation: vec![mutation],
            ..peer::Batch::default()
        }));
        assert_eq!(Command::decode(&command).unwrap_err().to_string(), expected);
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let proposals = vec![
            Proposal {
                counter: u64::MAX,
                mutation: Mutation::Set {
                    path: Path::parse(b"/a/b").unwrap(),
                    rev: Revision(i64::MAX),
                    value: Bytes::from_static(b"\0value"),
                },
            },
            Proposal {
                counter: 1,
                mutation: Mutation::Del {
                    path: Path::root(),
                    rev: Revision::CLOBBER,
                },
            },
            Proposal {
                counter: 2,
                mutation: Mutation::Nop,
            },
        ];
        let command = encode_batch(b"node", 7, 1, proposals.iter());
        let sizes: usize = proposals.iter().map(|p| proposal_bytes(&p.mutation)).sum();
        assert!(command.len() <= sizes + 64, "{} {sizes}", command.len());
        let batch = Batch {
            node: Bytes::from_static(b"node"),
            session: 7,
            floor: 1,
            proposals,
        };
        assert_eq!(Command::decode(&command).unwrap(), Command::Batch(batch));

        let open = Command::OpenSession {
            node: Bytes::from_static(b"node"),
            nonce: 9,
        };
        assert_eq!(
            Command::decode(&encode_open_session(b"node", 9)).unwrap(),
            open
        );
    }

    #[test]
    fn a_mutation_that_makes_no_sense_is_refused() {
        check_refused(set(3, b"/a_b"), "mutation 3 has no valid path");
        let mut unknown = set(4, b"/a");
        unknown.kind = 9;
        check_refused(unknown, "mutation 4 is of unknown kind 9");
    }

    #[test]
    fn a_command_of_no_kind_or_node_is_refused() {
        let error = |bytes: Bytes| Command::decode(&bytes).unwrap_err().to_string();
        assert_eq!(error(Bytes::new()), "command is of no known kind");
        assert_eq!(
            error(encode_open_session(b"", 1)),
            "node id of 0 bytes is not within 1 to 64"
        );
        assert_eq!(
            error(Bytes::from_static(b"\xff")),
            "command is not readable"
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            // Whatever comes back, it came back.
            drop(Command::decode(&bytes.into()));
        }
    }
}
