//! TLS with a certificate made here, and both secrets over it.

#![expect(clippy::unwrap_used, reason = "a test panics with what went wrong")]

use std::io::{ErrorKind, Read};
use std::path::PathBuf;
use std::time::Duration;

use compat_tests::server::{Launch, STILL, Server};
use compat_tests::tls::TlsConnection;
use compat_tests::wire::{Request, error, verb};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::CertificateDer;
use tempfile::TempDir;

/// A self-signed certificate for 127.0.0.1, and its two files.
struct Certificate {
    der: CertificateDer<'static>,
    folder: TempDir,
}

impl Certificate {
    fn new() -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let certificate = Self {
            der: cert.der().clone(),
            folder: TempDir::new().unwrap(),
        };
        std::fs::write(certificate.file("cert.pem"), cert.pem()).unwrap();
        std::fs::write(certificate.file("key.pem"), signing_key.serialize_pem()).unwrap();
        certificate
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn launch(&self) -> Launch {
        Launch::new(STILL).tls(&self.file("cert.pem"), &self.file("key.pem"))
    }

    fn connect(&self, server: &Server) -> TlsConnection {
        TlsConnection::open(server.addr(), &self.der).unwrap()
    }
}

#[test]
fn a_client_speaks_over_tls() {
    let certificate = Certificate::new();
    let server = certificate.launch().start();
    let mut connection = certificate.connect(&server);
    let big: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let rev = connection.call(&Request::set("/tls", -1, &big)).revision();
    let got = connection.call(&Request::get("/tls").tag(3));
    assert_eq!(
        (got.tag, got.rev, got.value.as_deref()),
        (Some(3), Some(rev), Some(&big[..]))
    );
}

#[test]
fn both_secrets_work_over_tls() {
    let certificate = Certificate::new();
    let launch = certificate
        .launch()
        .env("DOOZER_RWSECRET", "w")
        .env("DOOZER_ROSECRET", "r");
    let server = launch.start();
    let mut connection = certificate.connect(&server);
    let mut code = |request: Request| connection.call(&request).err_code;
    assert_eq!(code(Request::get("/x")), Some(error::OTHER));
    assert_eq!(code(Request::access("r")), None);
    assert_eq!(code(Request::get("/x")), None);
    assert_eq!(code(Request::set("/x", -1, "v")), Some(error::OTHER));
    assert_eq!(code(Request::access("bad")), Some(error::OTHER));
    assert_eq!(code(Request::access("w")), None);
    assert_eq!(code(Request::set("/x", -1, "v")), None);
}

#[test]
fn a_plain_client_on_a_tls_port_is_closed_and_harms_nobody() {
    let certificate = Certificate::new();
    let server = certificate.launch().start();
    let mut plain = server.connect();
    plain.send(&Request::new(verb::REV)).unwrap();
    // At most an alert comes, which is no frame.
    let mut stream = plain.stream();
    stream
        .set_read_timeout(Some(Duration::from_secs(15)))
        .unwrap();
    let mut answer = Vec::new();
    let end = stream.read_to_end(&mut answer);
    assert!(end.is_ok() || end.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
    assert!(answer.len() < 32, "{answer:?}");
    certificate
        .connect(&server)
        .call(&Request::new(verb::REV))
        .revision();
}

#[test]
fn a_client_that_never_shakes_hands_holds_nobody_up() {
    let certificate = Certificate::new();
    let server = certificate.launch().start();
    let _silent: Vec<_> = (0..50).map(|_| server.connect()).collect();
    certificate
        .connect(&server)
        .call(&Request::new(verb::REV))
        .revision();
}

#[test]
fn a_certificate_that_cannot_be_read_is_one_clear_line() {
    let certificate = Certificate::new();
    let missing = certificate.file("missing.pem");
    let launch = Launch::new(STILL).tls(&missing, &certificate.file("key.pem"));
    let refusal = launch.try_start().unwrap_err();
    assert!(refusal.code.is_some_and(|code| code != 0), "{refusal:?}");
    assert!(refusal.log.contains("missing.pem"), "{}", refusal.log);
    assert!(!refusal.log.contains("panicked"), "{}", refusal.log);
}
