//! What the engines of two nodes say to each other, to our own messages and back.

use doozer_proto::peer;
use openraft::raft::{self, TransferLeaderError, TransferLeaderRequest};
use peer::append_response::Result as Appended;
use peer::transfer_response::Refused;

use super::{
    ConvertError, LogId, NodeId, TypeConfig, Vote, entry_from_message, entry_to_message,
    log_id_from_message, log_id_to_message, vote_from_message, vote_to_message,
};

/// Entries from a leader.
pub type AppendRequest = raft::AppendEntriesRequest<TypeConfig>;
/// What became of them.
pub type AppendResponse = raft::AppendEntriesResponse<TypeConfig>;
/// A vote asked for.
pub type VoteRequest = raft::VoteRequest<TypeConfig>;
/// Whether it is given.
pub type VoteResponse = raft::VoteResponse<TypeConfig>;
/// Leadership offered.
pub type TransferRequest = TransferLeaderRequest<TypeConfig>;
/// Whether it is taken.
pub type TransferResponse = Result<(), TransferLeaderError<TypeConfig>>;

fn some_log_id(id: Option<&LogId>) -> Option<peer::LogId> {
    id.map(log_id_to_message)
}

fn log_id_if_there(message: Option<&peer::LogId>) -> Result<Option<LogId>, ConvertError> {
    message.map(log_id_from_message).transpose()
}

fn vote(message: Option<&peer::Vote>) -> Result<Vote, ConvertError> {
    vote_from_message(message.ok_or(ConvertError::Missing("a vote"))?)
}

/// Entries from a leader, as a message.
pub fn append_to_message(request: &AppendRequest) -> peer::AppendRequest {
    peer::AppendRequest {
        vote: Some(vote_to_message(&request.vote)),
        prev: some_log_id(request.prev_log_id.as_ref()),
        leader_commit: some_log_id(request.leader_commit.as_ref()),
        entry: request.entries.iter().map(entry_to_message).collect(),
    }
}

/// Entries from a leader, from a message.
pub fn append_from_message(message: peer::AppendRequest) -> Result<AppendRequest, ConvertError> {
    let entries = message.entry.into_iter().map(entry_from_message);
    Ok(AppendRequest {
        vote: vote(message.vote.as_ref())?,
        prev_log_id: log_id_if_there(message.prev.as_ref())?,
        leader_commit: log_id_if_there(message.leader_commit.as_ref())?,
        entries: entries.collect::<Result<_, _>>()?,
    })
}

/// What became of entries, as a message.
pub fn appended_to_message(response: &AppendResponse) -> peer::AppendResponse {
    let result = match response {
        AppendResponse::Success => Appended::Success(peer::Blank {}),
        AppendResponse::PartialSuccess(last) => Appended::Partial(peer::PartialAppend {
            last: some_log_id(last.as_ref()),
        }),
        AppendResponse::Conflict => Appended::Conflict(peer::Blank {}),
        AppendResponse::HigherVote(vote) => Appended::HigherVote(vote_to_message(vote)),
    };
    peer::AppendResponse {
        result: Some(result),
    }
}

/// What became of entries, from a message.
pub fn appended_from_message(
    message: &peer::AppendResponse,
) -> Result<AppendResponse, ConvertError> {
    let result = message.result.as_ref();
    Ok(match result.ok_or(ConvertError::Missing("a result"))? {
        Appended::Success(_) => AppendResponse::Success,
        Appended::Partial(partial) => {
            AppendResponse::PartialSuccess(log_id_if_there(partial.last.as_ref())?)
        }
        Appended::Conflict(_) => AppendResponse::Conflict,
        Appended::HigherVote(vote) => AppendResponse::HigherVote(vote_from_message(vote)?),
    })
}

/// A vote asked for, as a message.
pub fn vote_request_to_message(request: &VoteRequest) -> peer::VoteRequest {
    peer::VoteRequest {
        vote: Some(vote_to_message(&request.vote)),
        last: some_log_id(request.last_log_id.as_ref()),
        leadership_transfer: request.leadership_transfer,
    }
}

/// A vote asked for, from a message.
pub fn vote_request_from_message(message: &peer::VoteRequest) -> Result<VoteRequest, ConvertError> {
    let last = log_id_if_there(message.last.as_ref())?;
    let mut request = VoteRequest::new(vote(message.vote.as_ref())?, last);
    request.leadership_transfer = message.leadership_transfer;
    Ok(request)
}

/// Whether a vote is given, as a message.
pub fn vote_response_to_message(response: &VoteResponse) -> peer::VoteResponse {
    peer::VoteResponse {
        vote: Some(vote_to_message(&response.vote)),
        granted: response.vote_granted,
        last: some_log_id(response.last_log_id.as_ref()),
    }
}

/// Whether a vote is given, from a message.
pub fn vote_response_from_message(
    message: &peer::VoteResponse,
) -> Result<VoteResponse, ConvertError> {
    let last = log_id_if_there(message.last.as_ref())?;
    Ok(VoteResponse::new(
        vote(message.vote.as_ref())?,
        last,
        message.granted,
    ))
}

/// Leadership offered, as a message.
pub fn transfer_to_message(request: &TransferRequest) -> peer::TransferRequest {
    peer::TransferRequest {
        from: Some(vote_to_message(request.from_leader())),
        to: (*request.to_node_id()).into(),
        last: some_log_id(request.last_log_id()),
    }
}

/// Leadership offered, from a message.
pub fn transfer_from_message(
    message: &peer::TransferRequest,
) -> Result<TransferRequest, ConvertError> {
    let to = NodeId::try_from(&message.to[..])?;
    let last = log_id_if_there(message.last.as_ref())?;
    Ok(TransferRequest::new(vote(message.from.as_ref())?, to, last))
}

/// Whether leadership is taken, as a message: what the receiver has, where it is not.
pub fn transferred_to_message(response: &TransferResponse) -> peer::TransferResponse {
    let refused = match response {
        Ok(()) => None,
        Err(TransferLeaderError::VoteChanged { actual, .. }) => {
            Some(Refused::VoteChanged(vote_to_message(actual)))
        }
        Err(TransferLeaderError::LogNotFlushed { actual, .. }) => {
            Some(Refused::NotFlushed(peer::PartialAppend {
                last: some_log_id(actual.as_ref()),
            }))
        }
    };
    peer::TransferResponse { refused }
}

/// Whether what `request` offered is taken, from a message.
pub fn transferred_from_message(
    message: &peer::TransferResponse,
    request: &TransferRequest,
) -> Result<TransferResponse, ConvertError> {
    Ok(match &message.refused {
        None => Ok(()),
        Some(Refused::VoteChanged(actual)) => Err(TransferLeaderError::VoteChanged {
            expected: *request.from_leader(),
            actual: vote_from_message(actual)?,
        }),
        Some(Refused::NotFlushed(actual)) => Err(TransferLeaderError::LogNotFlushed {
            expected: request.last_log_id().copied(),
            actual: log_id_if_there(actual.last.as_ref())?,
        }),
    })
}
