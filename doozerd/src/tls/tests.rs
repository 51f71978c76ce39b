//! Good and bad pairs of files.

use std::error::Error;
use std::fs;

use tempfile::TempDir;

use super::*;

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/tls/testdata")
        .join(name)
}

fn files(cert: &Path, key: &Path) -> TlsFiles {
    TlsFiles {
        cert: cert.to_owned(),
        key: key.to_owned(),
        authorities: None,
    }
}

/// Checks the error's text, with its cause behind a colon and without the folders' names.
fn check(cert: &Path, key: &Path, expected: Option<&str>) {
    let error = Tls::load(&files(cert, key)).err().map(|error| {
        let cause = error
            .source()
            .map(|cause| format!(": {cause}"))
            .unwrap_or_default();
        let mut text = format!("{error}{cause}");
        for path in [cert, key] {
            let folder = format!("{}/", path.parent().unwrap().display());
            text = text.replace(&folder, "");
        }
        text
    });
    assert_eq!(
        error.as_deref(),
        expected,
        "{} {}",
        cert.display(),
        key.display()
    );
}

#[test]
fn every_usual_kind_of_key_is_taken() {
    let pairs = [
        ("rsa.crt", "rsa-pkcs8.key"),
        ("rsa.crt", "rsa-pkcs1.key"),
        ("ec.crt", "ec-sec1.key"),
        ("ec-params.crt", "ec-params-sec1.key"),
        ("ed25519.crt", "ed25519.key"),
    ];
    for (cert, key) in pairs {
        check(&testdata(cert), &testdata(key), None);
    }
}

#[test]
fn an_unusable_pair_is_refused_with_the_file_and_the_reason() {
    let cases = [
        (
            "rsa.crt",
            "ec-sec1.key",
            "the private key in ec-sec1.key does not belong to the certificate in rsa.crt",
        ),
        (
            "rsa-pkcs8.key",
            "rsa-pkcs8.key",
            "there is no certificate in rsa-pkcs8.key",
        ),
        ("rsa.crt", "rsa.crt", "there is no private key in rsa.crt"),
        (
            "rsa.crt",
            "rsa-encrypted.key",
            "the private key in rsa-encrypted.key is encrypted: remove its password",
        ),
        (
            "rsa.crt",
            "rsa-encrypted-pkcs1.key",
            "the private key in rsa-encrypted-pkcs1.key is encrypted: remove its password",
        ),
        (
            "rsa.crt",
            "unsupported.key",
            "the private key in unsupported.key cannot be used: unexpected error: failed to parse private key as RSA, ECDSA, or EdDSA",
        ),
        (
            "missing",
            "rsa-pkcs8.key",
            "cannot read missing: No such file or directory (os error 2)",
        ),
        (
            "rsa.crt",
            "missing",
            "cannot read missing: No such file or directory (os error 2)",
        ),
    ];
    for (cert, key, expected) in cases {
        check(&testdata(cert), &testdata(key), Some(expected));
    }
}

#[test]
fn a_damaged_file_is_refused() {
    let folder = TempDir::new().unwrap();
    let key = testdata("rsa-pkcs8.key");
    let damaged = |name: &str, text: &str, expected: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        check(&path, &key, Some(expected));
    };
    damaged("empty", "", "there is no certificate in empty");
    damaged("words", "hello\n", "there is no certificate in words");
    damaged(
        "cut",
        "-----BEGIN CERTIFICATE-----\nAAAA\n",
        "cut is damaged: a section has no end",
    );
    damaged(
        "digits",
        "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
        "digits is damaged: a section is not base64",
    );
    damaged(
        "rubbish",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "the certificate in rubbish cannot be used: invalid peer certificate: BadEncoding",
    );
    damaged(
        "large",
        &"x".repeat(2 << 20),
        "large is larger than 1048576 bytes: it is no PEM file of this kind",
    );
}

#[test]
fn a_failed_reload_keeps_what_was_good() {
    let folder = TempDir::new().unwrap();
    let (cert, key) = (folder.path().join("cert"), folder.path().join("key"));
    let install = |cert_name, key_name| {
        fs::copy(testdata(cert_name), &cert).unwrap();
        fs::copy(testdata(key_name), &key).unwrap();
    };
    install("rsa.crt", "rsa-pkcs8.key");
    let tls = Tls::load(&files(&cert, &key)).unwrap();
    let first = tls.current();

    install("ec.crt", "rsa-pkcs8.key");
    assert!(matches!(tls.reload(), Err(TlsError::Mismatch { .. })));
    assert!(Arc::ptr_eq(&first, &tls.current()));

    install("ec.crt", "ec-sec1.key");
    tls.reload().unwrap();
    assert!(!Arc::ptr_eq(&first, &tls.current()));
}
