//! One cluster of the user's.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use doozer_client::{DoozerUri, UriError};
use serde::Deserialize;

use super::SecretSource;

/// Where a cluster is, and how it is spoken to.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    /// Its addresses, `HOST:PORT` or `HOST`.
    #[serde(default)]
    pub(crate) addresses: Vec<Address>,
    /// Its name at a `DzNS`.
    pub(crate) name: Option<String>,
    /// The `DzNS`.
    pub(crate) boot: Option<Uri>,
    /// Whether it speaks TLS. It does when any of the next three is given.
    pub(crate) tls: Option<bool>,
    /// The certificates to trust.
    pub(crate) cacert: Option<PathBuf>,
    /// This client's certificate.
    pub(crate) cert: Option<PathBuf>,
    /// Its key.
    pub(crate) key: Option<PathBuf>,
    /// Where the secret is.
    pub(crate) secret: Option<SecretSource>,
}

impl Profile {
    /// Whether it says where the cluster is.
    pub(super) fn has_place(&self) -> bool {
        !self.addresses.is_empty() || self.name.is_some()
    }

    /// `profile`, with the paths of its files absolute: relative ones start at `folder`.
    pub(crate) fn absolute(profile: Option<&Self>, folder: &Path) -> Self {
        let profile = profile.cloned().unwrap_or_default();
        let absolute = |path: Option<PathBuf>| path.map(|path| folder.join(path));
        Self {
            cacert: absolute(profile.cacert),
            cert: absolute(profile.cert),
            key: absolute(profile.key),
            ..profile
        }
    }

    /// Its addresses, or its name.
    pub(crate) fn uri(&self) -> DoozerUri {
        DoozerUri {
            addresses: self
                .addresses
                .iter()
                .map(|address| address.0.clone())
                .collect(),
            cluster: self.name.clone(),
            secret: None,
        }
    }
}

/// An address that can be one.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Address(String);

impl TryFrom<String> for Address {
    type Error = UriError;

    fn try_from(text: String) -> Result<Self, UriError> {
        let uri = DoozerUri::of_address(&text)?;
        Ok(Self(uri.addresses.concat()))
    }
}

/// A URI that can be one.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Uri(pub(crate) DoozerUri);

impl TryFrom<String> for Uri {
    type Error = UriError;

    fn try_from(text: String) -> Result<Self, UriError> {
        DoozerUri::from_str(&text).map(Self)
    }
}
