//! TLS towards other nodes.

use std::io;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{TlsError, TlsFiles, authorities, certificates, private_key, unusable};
use crate::net::TcpStream;

/// How this node speaks TLS to others: it checks them, and shows its own certificate.
#[derive(Debug)]
pub struct ClientTls {
    files: TlsFiles,
    current: ArcSwap<ClientConfig>,
}

impl ClientTls {
    /// Reads the files.
    pub fn load(files: &TlsFiles) -> Result<Self, TlsError> {
        Ok(Self {
            files: files.clone(),
            current: ArcSwap::from_pointee(client_config(files)?),
        })
    }

    /// Reads the files again for the connections to come. After an error the last good ones
    /// stay in use.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.current.store(Arc::new(client_config(&self.files)?));
        Ok(())
    }

    /// TLS over a connection to HOST:PORT, whose certificate must be HOST's.
    pub async fn connect(&self, addr: &str, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let host = addr.rsplit_once(':').map_or(addr, |(host, _port)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        TlsConnector::from(self.current.load_full())
            .connect(name, stream)
            .await
    }
}

fn client_config(files: &TlsFiles) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let key = private_key(&files.key, &provider)?;
    let roots = match &files.authorities {
        Some(path) => authorities(path)?,
        None => trusted_by_the_system(),
    };
    ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])
        .expect("invariant: the provider has ciphers for both versions")
        .with_root_certificates(roots)
        .with_client_auth_cert(certificates(&files.cert)?, key)
        .map_err(|source| unusable(files, source))
}

fn trusted_by_the_system() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}
