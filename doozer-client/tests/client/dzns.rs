//! Looking a cluster up by its name.

use doozer_client::{Client, DoozerUri, Error, Options};
use doozer_proto::Verb;

use crate::fake::{FakeServer, from_files, ok, options, play, rev};

fn named(name: &str) -> DoozerUri {
    DoozerUri {
        cluster: Some(name.to_owned()),
        ..DoozerUri::default()
    }
}

fn at(dzns: &FakeServer) -> Options {
    let boot = DoozerUri {
        secret: Some("of-dzns".into()),
        ..dzns.uri()
    };
    Options {
        boot: Some(boot),
        secret: Some("of-cluster".into()),
        ..options()
    }
}

#[tokio::test]
async fn a_name_leads_to_the_addresses_registered_under_it() {
    let (dzns, node) = (FakeServer::bind().await, FakeServer::bind().await);
    let files = [
        ("/ctl/ns/mine/A", "not an address"),
        ("/ctl/ns/mine/B", node.address.as_str()),
    ];
    let asking = async {
        Client::connect(&named("mine"), at(&dzns))
            .await?
            .rev()
            .await
    };
    let answering = async {
        let mut peer = dzns.accept().await;
        let access = peer.serve(Verb::Access, ok()).await;
        assert_eq!(access.value.as_deref(), Some(&b"of-dzns"[..]));
        peer.serve_all(|request| from_files(&files, request)).await;
        let mut peer = node.accept().await;
        let access = peer.serve(Verb::Access, ok()).await;
        assert_eq!(access.value.as_deref(), Some(&b"of-cluster"[..]));
        peer.serve(Verb::Rev, rev(4)).await
    };
    assert_eq!(play(asking, answering).await.unwrap(), 4);
}

#[tokio::test]
async fn an_unknown_name_is_told_with_those_that_are_known() {
    let dzns = FakeServer::bind().await;
    let files = [("/ctl/ns/alpha/A", "a:1"), ("/ctl/ns/beta/A", "b:1")];
    let answering = async {
        let peer = dzns.accept().await;
        peer.serve_all(|request| from_files(&files, request)).await;
    };
    let uri = named("mine");
    let error = play(Client::connect(&uri, at(&dzns)), answering)
        .await
        .unwrap_err();
    let want = "cluster `mine` is not registered; registered are: alpha, beta";
    assert_eq!(error.to_string(), want);
}

#[tokio::test]
async fn a_dzns_that_does_not_answer_is_told_apart() {
    let dzns = FakeServer::bind().await;
    let options = at(&dzns);
    drop(dzns);
    let error = Client::connect(&named("mine"), options).await.unwrap_err();
    assert!(matches!(error, Error::LookUp { .. }), "{error:?}");
}

#[tokio::test]
async fn a_name_without_a_dzns_or_with_a_slash_is_refused() {
    let error = Client::connect(&named("mine"), options())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NoDzns { .. }), "{error:?}");
    let dzns = FakeServer::bind().await;
    let error = Client::connect(&named("a/b"), at(&dzns)).await.unwrap_err();
    assert!(matches!(error, Error::BadName { .. }), "{error:?}");
}
