//! Who this node is, as its data folder says.
//!
//! The file: `DOOZERID`, a version (u32, little endian), a CRC-32 over those and the rest, a
//! `peer.Identity`.

use bytes::Bytes;
use doozer_proto::peer;
use prost::Message;
use thiserror::Error;

use crate::raft_types::{NodeId, NodeIdError};

use super::checked::{seal, unseal};

/// The format of the whole folder: a doozerd refuses a folder of a later one.
pub(super) const FORMAT_VERSION: u32 = 1;

const MAGIC: &[u8; 8] = b"DOOZERID";
const HEADER_BYTES: usize = 12;

/// Who a node is: given when its folder is founded, never changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Tells this cluster from all others, of the same name too.
    pub cluster_id: [u8; 16],
    /// The cluster's name, as founded.
    pub cluster_name: String,
    /// This node.
    pub node: NodeId,
    /// Made to attach to a cluster that others founded: it never founds one.
    pub attached: bool,
}

/// What is wrong with an identity file.
#[derive(Debug, Error)]
pub(super) enum IdentityFlaw {
    #[error("it is no identity file")]
    Magic,
    #[error("it has a wrong checksum")]
    Checksum,
    #[error("it has format version {0}")]
    Newer(u32),
    #[error("it makes no sense")]
    Message(#[from] prost::DecodeError),
    #[error(transparent)]
    Node(#[from] NodeIdError),
    #[error("a cluster id of {0} bytes")]
    Cluster(usize),
}

impl Identity {
    /// The file's bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut file = MAGIC.to_vec();
        file.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        let message = peer::Identity {
            version: FORMAT_VERSION,
            cluster_id: Bytes::copy_from_slice(&self.cluster_id),
            cluster_name: self.cluster_name.clone(),
            node: self.node.into(),
            attached: self.attached,
        };
        let sealed = seal(&file, &message.encode_to_vec());
        file.extend_from_slice(&sealed);
        file
    }

    /// What [`Identity::encode`] made.
    pub(super) fn decode(file: &[u8]) -> Result<Self, IdentityFlaw> {
        let (header, sealed) = file
            .split_at_checked(HEADER_BYTES)
            .ok_or(IdentityFlaw::Magic)?;
        let version = header
            .strip_prefix(MAGIC)
            .and_then(|version| version.try_into().ok());
        let version = u32::from_le_bytes(version.ok_or(IdentityFlaw::Magic)?);
        let message = unseal(header, sealed).ok_or(IdentityFlaw::Checksum)?;
        if version != FORMAT_VERSION {
            return Err(IdentityFlaw::Newer(version));
        }
        let message = peer::Identity::decode(message)?;
        let cluster_id = message.cluster_id[..].try_into();
        Ok(Self {
            cluster_id: cluster_id
                .map_err(|_wrong_length| IdentityFlaw::Cluster(message.cluster_id.len()))?,
            cluster_name: message.cluster_name,
            node: NodeId::try_from(&message.node[..])?,
            attached: message.attached,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        let cluster_name = "local".to_owned();
        Identity {
            cluster_id: [3; 16],
            cluster_name,
            node: NodeId([7; 10]),
            attached: true,
        }
    }

    #[test]
    fn an_identity_reads_back() {
        assert_eq!(Identity::decode(&identity().encode()).unwrap(), identity());
    }

    #[test]
    fn a_cut_or_flipped_identity_is_refused() {
        let file = identity().encode();
        for len in 0..file.len() {
            assert!(Identity::decode(&file[..len]).is_err(), "cut at {len}");
        }
        for bit in 0..file.len() * 8 {
            let mut flipped = file.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Identity::decode(&flipped).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn an_identity_of_a_newer_format_is_told_from_a_damaged_one() {
        let mut file = MAGIC.to_vec();
        file.extend_from_slice(&2u32.to_le_bytes());
        let sealed = seal(&file, b"whatever");
        file.extend_from_slice(&sealed);
        assert!(matches!(
            Identity::decode(&file),
            Err(IdentityFlaw::Newer(2))
        ));
    }
}
