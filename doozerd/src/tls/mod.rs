//! The certificate and key that clients are met with, read from files, again when asked.

mod client;

pub use client::ClientTls;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig};
use thiserror::Error;

/// More than this is no file of certificates.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// How PEM begins a key that needs a password.
const ENCRYPTED: [&str; 2] = ["BEGIN ENCRYPTED PRIVATE KEY", "Proc-Type: 4,ENCRYPTED"];

/// Why a certificate and a key cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is far too large.
    #[error("{} is larger than {FILE_BYTES_MAX} bytes: it is no PEM file of this kind", .0.display())]
    TooLarge(PathBuf),
    /// The file is not what PEM looks like.
    #[error("{} is damaged: {wrong}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        wrong: &'static str,
    },
    /// The file has no certificate in it.
    #[error("there is no certificate in {}", .0.display())]
    NoCertificate(PathBuf),
    /// The file has no private key in it.
    #[error("there is no private key in {}", .0.display())]
    NoKey(PathBuf),
    /// The private key needs a password.
    #[error("the private key in {} is encrypted: remove its password", .0.display())]
    EncryptedKey(PathBuf),
    /// The private key is damaged, or of a kind that is not supported.
    #[error("the private key in {} cannot be used", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// The certificate is damaged or cannot be used.
    #[error("the certificate in {} cannot be used", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// The certificate is that of another key.
    #[error("the private key in {} does not belong to the certificate in {}", key.display(), cert.display())]
    Mismatch {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
}

/// The files that TLS is spoken with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificates in PEM, the node's own first.
    pub cert: PathBuf,
    /// The private key in PEM: PKCS #8, PKCS #1 or SEC 1.
    pub key: PathBuf,
    /// Certificates in PEM of those who vouch for other nodes; none: those whom the system trusts.
    pub authorities: Option<PathBuf>,
}

/// How TLS is spoken, from files that may be read again.
#[derive(Debug)]
pub struct Tls {
    files: TlsFiles,
    current: ArcSwap<ServerConfig>,
}

impl Tls {
    /// Reads the files.
    pub fn load(files: &TlsFiles) -> Result<Self, TlsError> {
        Ok(Self {
            files: files.clone(),
            current: ArcSwap::from_pointee(server_config(files)?),
        })
    }

    /// Reads the files again for the connections to come. After an error the last good ones
    /// stay in use.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.current.store(Arc::new(server_config(&self.files)?));
        Ok(())
    }

    /// What a connection that comes now is to be met with.
    pub fn current(&self) -> Arc<ServerConfig> {
        self.current.load_full()
    }
}

fn server_config(files: &TlsFiles) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let chain = certificates(&files.cert)?;
    let private_key = private_key(&files.key, &provider)?;
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .expect("invariant: the provider has ciphers for both versions");
    let builder = match &files.authorities {
        None => builder.with_no_client_auth(),
        Some(path) => builder.with_client_cert_verifier(verifier(path, provider)?),
    };
    builder
        .with_single_cert(chain, private_key)
        .map_err(|source| unusable(files, source))
}

fn unusable(files: &TlsFiles, source: rustls::Error) -> TlsError {
    match source {
        rustls::Error::InconsistentKeys(_) => TlsError::Mismatch {
            cert: files.cert.clone(),
            key: files.key.clone(),
        },
        source => TlsError::Certificate {
            path: files.cert.clone(),
            source,
        },
    }
}

/// Clients need no certificate: whoever shows one, as other nodes do, must show a good one.
fn verifier(
    path: &Path,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let roots = Arc::new(authorities(path)?);
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
    verifier
        .allow_unauthenticated()
        .build()
        .map_err(|error| TlsError::Certificate {
            path: path.to_owned(),
            source: rustls::Error::General(error.to_string()),
        })
}

fn authorities(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots
            .add(certificate)
            .map_err(|source| TlsError::Certificate {
                path: path.to_owned(),
                source,
            })?;
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.map_err(|error| damaged(path, &error))?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate(path.to_owned()));
    }
    Ok(chain)
}

fn private_key(path: &Path, provider: &CryptoProvider) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = read(path)?;
    if ENCRYPTED
        .iter()
        .any(|mark| contains(&text, mark.as_bytes()))
    {
        return Err(TlsError::EncryptedKey(path.to_owned()));
    }
    let key = PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        pem::Error::NoItemsFound => TlsError::NoKey(path.to_owned()),
        error => damaged(path, &error),
    })?;
    let usable = provider.key_provider.load_private_key(key.clone_key());
    usable.map_err(|source| TlsError::Key {
        path: path.to_owned(),
        source,
    })?;
    Ok(key)
}

/// The library's own words show bytes as numbers.
fn damaged(path: &Path, error: &pem::Error) -> TlsError {
    let wrong = match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no end",
        pem::Error::IllegalSectionStart { .. } => "a section begins wrongly",
        pem::Error::Base64Decode(_) => "a section is not base64",
        _ => "it is not PEM",
    };
    let path = path.to_owned();
    TlsError::Pem { path, wrong }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let mut text = Vec::new();
    let file = File::open(path);
    let length = file.and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut text));
    let length = length.map_err(|source| TlsError::Read {
        path: path.to_owned(),
        source,
    })?;
    if length as u64 > FILE_BYTES_MAX {
        return Err(TlsError::TooLarge(path.to_owned()));
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
