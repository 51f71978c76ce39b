//! Makes links to other nodes.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use doozer_proto::peer::{LinkChallenge, LinkKind, LinkProof, LinkWelcome};
use doozer_proto::{Request, Response, VERB_LINK, encode_frame};
use prost::Message;
use thiserror::Error;
use tokio::io::AsyncWriteExt;

use crate::net::{TcpStream, prepare_peer};
use crate::raft_types::NodeId;
use crate::tls::ClientTls;

use super::frames::split;
use super::handshake::{Refusal, check_challenge, hello};
use super::secrets::{PeerSecrets, Side, Talk};
use super::standing::Standing;
use super::{HANDSHAKE_BYTES_MAX, HANDSHAKE_MAX, Io, Link, MESSAGE_BYTES_MAX};

/// Whom a link is to reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Whoever is at this HOST:PORT.
    Addr(String),
    /// This node, which must be at this HOST:PORT.
    At(NodeId, String),
    /// This node, wherever it is known to be when it is dialled.
    Member(NodeId),
}

impl Target {
    fn node(&self) -> Option<NodeId> {
        match self {
            Self::Addr(_) => None,
            Self::At(node, _) | Self::Member(node) => Some(*node),
        }
    }
}

/// Why there is no link.
#[derive(Debug, Error)]
pub enum DialError {
    /// It is no member, or was none when it was looked for.
    #[error("no address of node {0} is known")]
    Unknown(NodeId),
    /// Nobody answers.
    #[error("connect to {addr}: {source}")]
    Connect {
        /// Where.
        addr: String,
        /// Why.
        source: io::Error,
    },
    /// It took too long.
    #[error("connect to {addr}: no answer within {} ms", limit.as_millis())]
    Timeout {
        /// Where.
        addr: String,
        /// How long it was waited for.
        limit: Duration,
    },
    /// The two do not come to speak TLS.
    #[error(
        "speak TLS with {addr}: {source} (each needs -tlscert and -tlskey, and a certificate that \
         the other's --tls-ca vouches for)"
    )]
    Tls {
        /// Where.
        addr: String,
        /// Why.
        source: io::Error,
    },
    /// Something answers that is not a node of ours.
    #[error("{addr} is no doozerd of this kind: {what}")]
    NotANode {
        /// Where.
        addr: String,
        /// What it answered.
        what: String,
    },
    /// The two nodes do not go together.
    #[error("the node at {addr} and this one do not go together: {refusal}")]
    Refused {
        /// Where.
        addr: String,
        /// Why.
        refusal: Refusal,
    },
}

/// Makes links.
#[derive(Debug, Clone)]
pub struct Dialer {
    /// Who this node is.
    pub local: Arc<Standing>,
    /// What it proves itself with.
    pub secrets: PeerSecrets,
    /// How TLS is spoken, where it is.
    pub tls: Option<Arc<ClientTls>>,
}

impl Dialer {
    /// A link to `target`.
    pub async fn dial(&self, kind: LinkKind, target: &Target) -> Result<Link, DialError> {
        let addr = match target {
            Target::Addr(addr) | Target::At(_, addr) => addr.clone(),
            Target::Member(node) => {
                let known = self.local.addr_of(*node);
                known.ok_or(DialError::Unknown(*node))?
            }
        };
        let linked = tokio::time::timeout(HANDSHAKE_MAX, self.link(kind, &addr, target.node()));
        let linked = linked.await.unwrap_or(Err(DialError::Timeout {
            addr,
            limit: HANDSHAKE_MAX,
        }));
        if let Err(DialError::Refused { addr, refusal }) = &linked {
            self.local.refused(addr, kind, refusal);
        }
        if let (Err(_), Target::Member(node)) = (&linked, target) {
            self.local.missed(*node);
        }
        linked
    }

    async fn link(
        &self,
        kind: LinkKind,
        addr: &str,
        meant: Option<NodeId>,
    ) -> Result<Link, DialError> {
        let lost = |source| DialError::Connect {
            addr: addr.to_owned(),
            source,
        };
        let refused = |refusal| DialError::Refused {
            addr: addr.to_owned(),
            refusal,
        };
        let mut stream = self.connect(addr).await?;
        let hello = hello(&*self.local, kind, meant);
        let request = Request {
            tag: Some(0),
            verb: Some(VERB_LINK),
            value: Some(hello.encode_to_vec().into()),
            ..Request::default()
        };
        let mut bytes = BytesMut::new();
        encode_frame(&request, &mut bytes);
        stream.write_all(&bytes).await.map_err(lost)?;
        stream.flush().await.map_err(lost)?;
        let (mut tx, mut rx) = split(stream, &[], HANDSHAKE_BYTES_MAX);
        let response: Response = rx
            .expect()
            .await
            .map_err(|error| self.unreadable(addr, error))?;
        let challenge = challenge_of(addr, &response)?;
        let peer = check_challenge(&*self.local, &challenge, meant).map_err(refused)?;
        let talk = Talk {
            hello: &hello,
            challenge: &challenge,
        };
        let mac = self.secrets.prove(Side::Dialer, &talk);
        tx.send(&LinkProof { mac }).await.map_err(lost)?;
        let welcome: LinkWelcome = rx.expect().await.map_err(lost)?;
        let is_proven = self.secrets.accept(Side::Acceptor, &talk, &welcome.mac);
        match &welcome.refusal {
            Some(refusal) if is_proven => {
                return Err(refused(Refusal::from_proven(refusal, self.local.node())));
            }
            Some(refusal) => return Err(refused(Refusal::from_message(refusal))),
            None if !is_proven => return Err(refused(Refusal::Secret)),
            None => {}
        }
        rx.set_bytes_max(MESSAGE_BYTES_MAX);
        let admission = None;
        Ok(Link {
            peer,
            tx,
            rx,
            admission,
        })
    }

    async fn connect(&self, addr: &str) -> Result<Box<dyn Io>, DialError> {
        let lost = |source| DialError::Connect {
            addr: addr.to_owned(),
            source,
        };
        let stream = TcpStream::connect(addr.to_owned()).await.map_err(lost)?;
        prepare_peer(&stream).map_err(lost)?;
        let Some(tls) = &self.tls else {
            return Ok(Box::new(stream));
        };
        let secured = tls.connect(addr, stream).await;
        let addr = addr.to_owned();
        Ok(Box::new(
            secured.map_err(|source| DialError::Tls { addr, source })?,
        ))
    }

    /// What a first answer that cannot be read says: that the certificate is refused comes only
    /// then, and a port that speaks TLS answers a plain request with an alert.
    fn unreadable(&self, addr: &str, source: io::Error) -> DialError {
        let addr = addr.to_owned();
        match (source.kind(), &self.tls) {
            (io::ErrorKind::InvalidData, Some(_)) => DialError::Tls { addr, source },
            (io::ErrorKind::InvalidData, None) => DialError::NotANode {
                addr,
                what: "its answer makes no sense: if it speaks TLS, this node needs -tlscert and \
                       -tlskey too"
                    .to_owned(),
            },
            _ => DialError::Connect { addr, source },
        }
    }
}

fn challenge_of(addr: &str, response: &Response) -> Result<LinkChallenge, DialError> {
    let not_a_node = |what: String| DialError::NotANode {
        addr: addr.to_owned(),
        what,
    };
    if let Some(code) = response.err_code {
        let detail = response.err_detail.clone().unwrap_or_default();
        let detail = String::from_utf8_lossy(&detail);
        return Err(not_a_node(format!("it answers error {code} {detail}")));
    }
    let value = response.value.clone().unwrap_or_default();
    LinkChallenge::decode(value).map_err(|error| not_a_node(error.to_string()))
}
