//! What nodes must know to be let in by one another, proved without being sent.

use bytes::Bytes;
use doozer_proto::peer::{LinkChallenge, LinkHello};
use ring::hmac;

use crate::secret::Secret;

/// What a MAC is made over begins with this.
const CONTEXT: &[u8] = b"doozer link 1";

/// Which end of a link makes a MAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Dialer = 0,
    Acceptor = 1,
}

/// The secrets that nodes know each other by; none: everybody is let in.
#[derive(Debug, Clone, Default)]
pub struct PeerSecrets(Vec<Secret>);

impl PeerSecrets {
    /// The secret, and others that are still good while it is changed. Empty ones do not count.
    pub fn new(secrets: Vec<Secret>) -> Self {
        Self(secrets.into_iter().filter(|s| !s.is_empty()).collect())
    }

    /// Whether nothing has to be proved.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A proof for each secret.
    pub(super) fn prove(&self, side: Side, talk: &Talk<'_>) -> Vec<Bytes> {
        let text = talk.text(side);
        let mac = |secret: &Secret| hmac::sign(&key(secret), &text);
        let macs = self.0.iter().map(mac);
        macs.map(|mac| Bytes::copy_from_slice(mac.as_ref()))
            .collect()
    }

    /// Whether one of the proofs is by one of these secrets, or none is needed.
    pub(super) fn accept(&self, side: Side, talk: &Talk<'_>, macs: &[Bytes]) -> bool {
        let text = talk.text(side);
        let good = |secret: &Secret, mac: &Bytes| hmac::verify(&key(secret), &text, mac).is_ok();
        self.is_empty()
            || macs
                .iter()
                .any(|mac| self.0.iter().any(|secret| good(secret, mac)))
    }
}

fn key(secret: &Secret) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.reveal())
}

/// What both ends have said so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Talk<'a> {
    pub(super) hello: &'a LinkHello,
    pub(super) challenge: &'a LinkChallenge,
}

impl Talk<'_> {
    /// Every part with its length before it, so that no two talks have one text.
    fn text(&self, side: Side) -> Vec<u8> {
        let (hello, challenge) = (self.hello, self.challenge);
        let numbers = [side as u32, hello.version, challenge.version];
        let parts: [&[u8]; 8] = [
            &hello.nonce,
            &challenge.nonce,
            &hello.node,
            &challenge.node,
            &hello.cluster_id,
            &challenge.cluster_id,
            hello.cluster_name.as_bytes(),
            challenge.cluster_name.as_bytes(),
        ];
        let mut text = CONTEXT.to_vec();
        text.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
        text.extend(hello.kind.to_be_bytes());
        for part in parts {
            text.extend((part.len() as u64).to_be_bytes());
            text.extend_from_slice(part);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(all: &[&str]) -> PeerSecrets {
        PeerSecrets::new(
            all.iter()
                .map(|s| Secret::new(s.as_bytes().to_vec()))
                .collect(),
        )
    }

    fn check(dialer: &[&str], acceptor: &[&str], expected: bool) {
        let hello = LinkHello {
            nonce: Bytes::from_static(b"one"),
            ..LinkHello::default()
        };
        let challenge = LinkChallenge {
            nonce: Bytes::from_static(b"two"),
            ..LinkChallenge::default()
        };
        let talk = Talk {
            hello: &hello,
            challenge: &challenge,
        };
        let macs = secrets(dialer).prove(Side::Dialer, &talk);
        let accepted = secrets(acceptor).accept(Side::Dialer, &talk, &macs);
        assert_eq!(accepted, expected, "{dialer:?} {acceptor:?}");
    }

    #[test]
    fn two_nodes_need_one_secret_in_common() {
        check(&[], &[], true);
        check(&["a"], &[], true);
        check(&[], &["a"], false);
        check(&["a"], &["a"], true);
        check(&["b"], &["a"], false);
        check(&["new", "old"], &["old"], true);
        check(&["old"], &["new", "old"], true);
        check(&[""], &["a"], false);
    }

    #[test]
    fn a_proof_is_good_for_its_talk_and_its_side_alone() {
        let ours = secrets(&["a"]);
        let hello = LinkHello::default();
        let challenge = LinkChallenge::default();
        let talk = Talk {
            hello: &hello,
            challenge: &challenge,
        };
        let macs = ours.prove(Side::Dialer, &talk);
        assert!(ours.accept(Side::Dialer, &talk, &macs));
        assert!(!ours.accept(Side::Acceptor, &talk, &macs));
        let other = LinkHello {
            kind: 1,
            ..LinkHello::default()
        };
        let other = Talk {
            hello: &other,
            challenge: &challenge,
        };
        assert!(!ours.accept(Side::Dialer, &other, &macs));
    }
}
