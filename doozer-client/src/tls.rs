//! TLS: whom to trust, and who we are.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How to speak TLS. A server's certificate is always checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// The certificates to trust, as PEM. Not set, those the system trusts.
    pub ca_file: Option<PathBuf>,
    /// This client's certificate chain and key, as PEM, for servers that ask for one.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// The name the server's certificate must have. Not set, the host of the address.
    pub server_name: Option<String>,
}

/// Why TLS cannot be set up.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A PEM file cannot be read, or does not hold what it should.
    #[error("cannot read {}", .file.display())]
    File {
        /// Which one.
        file: PathBuf,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// There is no certificate to trust.
    #[error("no certificate to trust in {0}")]
    NoRoots(String),
    /// Certificate or key are not to be used.
    #[error("unusable certificate or key")]
    Config(#[source] rustls::Error),
    /// The name to check the certificate against is none.
    #[error("`{name}` cannot be a server's name")]
    ServerName {
        /// The name.
        name: String,
        /// What is wrong with it.
        source: InvalidDnsNameError,
    },
}

/// TLS set up, ready for connections.
#[derive(Clone)]
pub(crate) struct Connector {
    connector: TlsConnector,
    server_name: Option<ServerName<'static>>,
}

impl Connector {
    /// Reads the files that `tls` names.
    pub(crate) fn new(tls: &Tls) -> Result<Self, TlsError> {
        let versions = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Config)?;
        let trusting = versions.with_root_certificates(roots(tls.ca_file.as_deref())?);
        let config = match &tls.identity {
            None => trusting.with_no_client_auth(),
            Some((chain, key)) => trusting
                .with_client_auth_cert(certificates(chain)?, key_in(key)?)
                .map_err(TlsError::Config)?,
        };
        Ok(Self {
            connector: TlsConnector::from(Arc::new(config)),
            server_name: tls.server_name.as_deref().map(server_name).transpose()?,
        })
    }

    /// Shakes hands over `stream`, checking the certificate against the address's host.
    pub(crate) async fn connect(
        &self,
        address: &str,
        stream: TcpStream,
    ) -> io::Result<TlsStream<TcpStream>> {
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => server_name(host_of(address)).map_err(io::Error::other)?,
        };
        self.connector.connect(name, stream).await
    }
}

fn host_of(address: &str) -> &str {
    let host = address
        .rsplit_once(':')
        .map_or(address, |(host, _port)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

fn server_name(name: &str) -> Result<ServerName<'static>, TlsError> {
    ServerName::try_from(name.to_owned()).map_err(|source| TlsError::ServerName {
        name: name.to_owned(),
        source,
    })
}

fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let (certificates, place) = match ca_file {
        Some(file) => (certificates(file)?, file.display().to_string()),
        None => (
            rustls_native_certs::load_native_certs().certs,
            "the system".to_owned(),
        ),
    };
    let mut roots = RootCertStore::empty();
    let (added, _unusable) = roots.add_parsable_certificates(certificates);
    if added == 0 {
        return Err(TlsError::NoRoots(place));
    }
    Ok(roots)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(|source| unreadable(file, source))
}

fn key_in(file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(file).map_err(|source| unreadable(file, source))
}

fn unreadable(file: &Path, source: pem::Error) -> TlsError {
    TlsError::File {
        file: file.to_owned(),
        source,
    }
}
