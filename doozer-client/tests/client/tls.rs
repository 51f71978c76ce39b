//! TLS: whom the client trusts, and how it shows who it is.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::BytesMut;
use doozer_client::{Client, Error, Options, Tls};
use doozer_proto::{Frames, Response, decode_request, encode_frame};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::fake::{options, play};

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn issuer() -> Issuer {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn write(folder: &TempDir, name: &str, pem: &str) -> PathBuf {
    let file = folder.path().join(name);
    std::fs::write(&file, pem).unwrap();
    file
}

/// A server's set-up: certified by `issuer` for 127.0.0.1, and wanting the same of clients.
fn acceptor(issuer: &Issuer) -> TlsAcceptor {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(issuer.der().clone()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Answers one request with revision 6, if the client gets that far.
async fn answer_one(listener: TcpListener, acceptor: TlsAcceptor) {
    let (stream, _from) = listener.accept().await.unwrap();
    let Ok(mut stream) = acceptor.accept(stream).await else {
        return;
    };
    let mut frames = Frames::new(100);
    stream.read_buf(frames.buffer_mut()).await.unwrap();
    let request = decode_request(frames.next().unwrap().unwrap()).unwrap();
    let mut out = BytesMut::new();
    let response = Response {
        tag: request.tag,
        rev: Some(6),
        ..Response::default()
    };
    encode_frame(&response, &mut out);
    stream.write_all(&out).await.unwrap();
    stream.read_buf(&mut out).await.ok();
}

async fn ask(tls: Tls, acceptor: TlsAcceptor) -> Result<i64, Error> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = listener.local_addr().unwrap().to_string().parse().unwrap();
    let options = Options {
        tls: Some(tls),
        ..options()
    };
    let asking = async { Client::connect(&uri, options).await?.rev().await };
    play(asking, Box::pin(answer_one(listener, acceptor))).await
}

#[tokio::test]
async fn both_sides_are_checked() {
    let (folder, issuer) = (TempDir::new().unwrap(), issuer());
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["me".to_owned()]).unwrap();
    let chain = params.signed_by(&key, &issuer).unwrap();
    let tls = Tls {
        ca_file: Some(write(&folder, "ca.pem", &issuer.pem())),
        identity: Some((
            write(&folder, "me.pem", &chain.pem()),
            write(&folder, "me.key", &key.serialize_pem()),
        )),
        server_name: None,
    };
    assert_eq!(ask(tls.clone(), acceptor(&issuer)).await.unwrap(), 6);

    let other_name = Tls {
        server_name: Some("elsewhere.example".to_owned()),
        ..tls
    };
    let error = ask(other_name, acceptor(&issuer)).await.unwrap_err();
    assert!(matches!(error, Error::Dial { .. }), "{error:?}");
}

#[tokio::test]
async fn a_server_that_nobody_trusted_certified_is_refused() {
    let folder = TempDir::new().unwrap();
    let tls = Tls {
        ca_file: Some(write(&folder, "ca.pem", &issuer().pem())),
        ..Tls::default()
    };
    let error = ask(tls, acceptor(&issuer())).await.unwrap_err();
    assert!(matches!(error, Error::Dial { .. }), "{error:?}");
}

#[tokio::test]
async fn files_that_hold_no_certificate_are_named() {
    let folder = TempDir::new().unwrap();
    for (name, file) in [
        ("missing", folder.path().join("missing")),
        ("empty", write(&folder, "empty", "")),
    ] {
        let tls = Tls {
            ca_file: Some(file),
            ..Tls::default()
        };
        let options = Options {
            tls: Some(tls),
            ..options()
        };
        let uri = "127.0.0.1:1".parse().unwrap();
        let error = Client::connect(&uri, options).await.unwrap_err();
        assert!(matches!(error, Error::Tls(_)), "{error:?}");
        assert!(error.to_string().contains(name), "{error}");
    }
}
