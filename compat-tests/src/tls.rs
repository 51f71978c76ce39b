//! Certificates made here, and clients that speak TLS.

use std::fs;
use std::io::{Read, Result, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tempfile::TempDir;

use crate::wire::{Request, Response};

/// The host that all certificates are for.
const HOST: &str = "127.0.0.1";

/// How long one answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// One who vouches for others, with a file that says so.
#[derive(Debug)]
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

/// A certificate for 127.0.0.1 and its key, in two files.
#[derive(Debug)]
pub struct Certificate {
    pub cert: PathBuf,
    pub key: PathBuf,
    _folder: TempDir,
}

impl Authority {
    pub fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let name = folder.path().display().to_string();
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let authority = Self {
            issuer: CertifiedIssuer::self_signed(params, key).expect("a certificate"),
            folder,
        };
        fs::write(authority.file(), authority.issuer.pem()).expect("a file that can be written");
        authority
    }

    /// Its own certificate, for `--tls-ca`.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    pub fn vouch(&self) -> Certificate {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new([HOST.to_owned()]).expect("an address");
        let cert = params
            .signed_by(&key, &self.issuer)
            .expect("a certificate signed");
        Certificate::of(&cert.pem(), &key)
    }

    /// A client's connection to HOST:PORT that trusts this authority.
    pub fn connect(&self, addr: &str) -> Result<TlsConnection> {
        TlsConnection::open(addr, self.issuer.der())
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Certificate {
    fn of(cert: &str, key: &KeyPair) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).expect("a file that can be written");
            path
        };
        Self {
            cert: write("cert.pem", cert),
            key: write("key.pem", &key.serialize_pem()),
            _folder: folder,
        }
    }

    /// The files, for [`crate::server::Launch::tls`].
    pub fn files(&self) -> (&Path, &Path) {
        (&self.cert, &self.key)
    }
}

/// A client's connection over TLS.
#[derive(Debug)]
pub struct TlsConnection(StreamOwned<ClientConnection, TcpStream>);

impl TlsConnection {
    /// Connects to HOST:PORT and trusts `root` alone.
    pub fn open(addr: &str, root: &CertificateDer<'static>) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(root.clone()).expect("a good certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions that the provider has")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(HOST).expect("an address");
        let client = ClientConnection::new(Arc::new(config), name).expect("a good configuration");
        let socket = TcpStream::connect(addr)?;
        socket.set_read_timeout(Some(ANSWER_WITHIN))?;
        Ok(Self(StreamOwned::new(client, socket)))
    }

    pub fn ask(&mut self, request: &Request) -> Result<Response> {
        self.0.write_all(&request.frame())?;
        let mut header = [0; 4];
        self.0.read_exact(&mut header)?;
        let length = u32::from_be_bytes(header);
        let mut message = vec![0; usize::try_from(length).expect("a 64-bit machine")];
        self.0.read_exact(&mut message)?;
        Response::parse(&message).map_err(std::io::Error::other)
    }

    /// [`Self::ask`], panicking when there is no answer.
    pub fn call(&mut self, request: &Request) -> Response {
        self.ask(request)
            .unwrap_or_else(|error| panic!("no answer to {request:?}: {error}"))
    }
}
