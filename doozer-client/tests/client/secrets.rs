//! Secrets: sent first, to every server, and never shown.

use doozer_client::{Client, DoozerUri, Options};
use doozer_proto::Verb;

use crate::fake::{FakeServer, denied, ok, options, play, rev};

fn with_secret(secret: &str) -> Options {
    Options {
        secret: Some(secret.into()),
        ..options()
    }
}

#[tokio::test]
async fn secrets_of_uri_and_options_are_sent_over_every_connection() {
    let server = FakeServer::bind().await;
    let uri = DoozerUri {
        secret: Some("of-uri".into()),
        ..server.uri()
    };
    let asking = async {
        let client = Client::connect(&uri, with_secret("of-options"))
            .await
            .unwrap();
        client.access("later").await.unwrap();
        client.rev().await
    };
    let answering = async {
        let mut peer = server.accept().await;
        for secret in [&b"of-uri"[..], b"of-options", b"later"] {
            let sent = peer.serve(Verb::Access, ok()).await;
            assert_eq!(sent.value.as_deref(), Some(secret));
        }
        peer.expect(Verb::Rev).await;
        drop(peer);
        let mut peer = server.accept().await;
        for _ in 0..3 {
            peer.serve(Verb::Access, ok()).await;
        }
        peer.serve(Verb::Rev, rev(1)).await
    };
    assert_eq!(play(asking, answering).await.unwrap(), 1);
}

#[tokio::test]
async fn one_secret_that_is_taken_will_do() {
    let server = FakeServer::bind().await;
    let uri = DoozerUri {
        secret: Some("old".into()),
        ..server.uri()
    };
    let asking = async { Client::connect(&uri, with_secret("new")).await.map(drop) };
    let answering = async {
        let mut peer = server.accept().await;
        peer.serve(Verb::Access, denied()).await;
        peer.serve(Verb::Access, ok()).await;
    };
    play(asking, answering).await.unwrap();
}

#[tokio::test]
async fn a_wrong_secret_is_an_error_that_does_not_show_it() {
    let server = FakeServer::bind().await;
    let uri = server.uri();
    let connecting = Client::connect(&uri, with_secret("hunter2"));
    let answering = async { server.accept().await.serve(Verb::Access, denied()).await };
    let error = play(connecting, answering).await.unwrap_err();
    assert_eq!(error.to_string(), "ACCESS: OTHER: permission denied");
    assert!(!format!("{error:?}").contains("hunter2"));
    assert!(!format!("{:?}", with_secret("hunter2")).contains("hunter2"));
}
