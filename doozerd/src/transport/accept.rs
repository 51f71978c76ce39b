//! Lets other nodes in: the acceptor's side of a link's beginning.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use doozer_proto::peer::{LinkHello, LinkKind, LinkProof, LinkWelcome};
use doozer_proto::{Response, encode_frame};
use prost::Message;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::frames::split;
use super::handshake::{Asked, Local, Refusal, challenge, check_hello};
use super::secrets::{PeerSecrets, Side, Talk};
use super::standing::Standing;
use super::{
    Admission, HANDSHAKE_BYTES_MAX, HANDSHAKE_MAX, Io, Link, MESSAGE_BYTES_MAX, Receiver, Sender,
};

/// A client's connection that turns out to be another node's.
#[derive(Debug)]
pub struct Turned {
    /// The stream.
    pub stream: Box<dyn Io>,
    /// What was received behind the request.
    pub early: Bytes,
    /// The request's tag.
    pub tag: Option<i32>,
    /// The request's value.
    pub hello: Bytes,
    /// Whether the other end showed a certificate.
    pub certified: bool,
}

/// Lets other nodes in.
#[derive(Debug, Clone)]
pub struct Acceptor {
    /// Who this node is.
    pub local: Arc<Standing>,
    /// What others must prove.
    pub secrets: PeerSecrets,
    /// Whether others must show a certificate.
    pub demands_certificate: bool,
}

impl Acceptor {
    /// The link that a connection turned into, or why it did not. The other end has been told.
    pub async fn accept(&self, turned: Turned) -> io::Result<Result<(Link, LinkKind), Refusal>> {
        let timed_out =
            || io::Error::new(io::ErrorKind::TimedOut, "the link does not stand in time");
        timeout(HANDSHAKE_MAX, self.link(turned))
            .await
            .unwrap_or_else(|_elapsed| Err(timed_out()))
    }

    async fn link(&self, turned: Turned) -> io::Result<Result<(Link, LinkKind), Refusal>> {
        let mut stream = turned.stream;
        let hello = match LinkHello::decode(turned.hello) {
            Ok(hello) => hello,
            Err(error) => return Ok(Err(Refusal::Nonsense(error.to_string()))),
        };
        let checked = if self.demands_certificate && !turned.certified {
            Err(Refusal::Certificate)
        } else {
            check_hello(&*self.local, &hello)
        };
        let challenge = challenge(&*self.local, checked.as_ref().err());
        let response = Response {
            tag: turned.tag,
            value: Some(challenge.encode_to_vec().into()),
            ..Response::default()
        };
        let mut bytes = bytes::BytesMut::new();
        encode_frame(&response, &mut bytes);
        stream.write_all(&bytes).await?;
        stream.flush().await?;
        let asked = match checked {
            Ok(asked) => asked,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let (mut tx, mut rx) = split(stream, &turned.early, HANDSHAKE_BYTES_MAX);
        let proof: LinkProof = rx.expect().await?;
        let talk = Talk {
            hello: &hello,
            challenge: &challenge,
        };
        if !self.secrets.accept(Side::Dialer, &talk, &proof.mac) {
            let refusal = Some(Refusal::Secret.to_message());
            tx.send(&LinkWelcome {
                mac: Vec::new(),
                refusal,
            })
            .await?;
            return Ok(Err(Refusal::Secret));
        }
        let mac = self.secrets.prove(Side::Acceptor, &talk);
        let refusal = self.refuses(&asked);
        let message = refusal.as_ref().map(Refusal::to_message);
        tx.send(&LinkWelcome {
            mac,
            refusal: message,
        })
        .await?;
        if let Some(refusal) = refusal {
            return Ok(Err(refusal));
        }
        rx.set_bytes_max(MESSAGE_BYTES_MAX);
        Ok(Ok(self.admit(asked, (tx, rx))))
    }

    /// Who is removed may still ask to be taken in.
    fn refuses(&self, asked: &Asked) -> Option<Refusal> {
        if asked.kind == LinkKind::Attach {
            return None;
        }
        self.local.refuses(asked.peer.node, asked.membership_at)
    }

    fn admit(&self, asked: Asked, (tx, rx): (Sender, Receiver)) -> (Link, LinkKind) {
        let admission = Admission {
            local: Arc::clone(&self.local),
            membership_at: asked.membership_at,
        };
        let link = Link {
            peer: asked.peer,
            tx,
            rx,
            admission: (asked.kind != LinkKind::Attach).then_some(admission),
        };
        (link, asked.kind)
    }
}
