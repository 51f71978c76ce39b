//! Lost connections, other addresses, time limits.

use std::io;
use std::time::Duration;

use doozer_client::{Client, DoozerUri, ErrCode, Error, Options, Unanswered};
use doozer_proto::{Request, Response, Verb};
use tokio::net::TcpListener;

use crate::fake::{FakeServer, event, file, from_files, ok, options, play, refused, rev};

fn uri_of(servers: &[&FakeServer]) -> DoozerUri {
    DoozerUri {
        addresses: servers
            .iter()
            .map(|server| server.address.clone())
            .collect(),
        ..DoozerUri::default()
    }
}

/// An address where nobody listens.
async fn closed_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().to_string()
}

#[tokio::test]
async fn a_read_is_asked_again_when_the_connection_is_lost() {
    let server = FakeServer::bind().await;
    let asking = async { server.client(options()).await.get("/a", None).await };
    let answering = async {
        for _ in 0..2 {
            server.accept().await.expect(Verb::Get).await;
        }
        server.accept().await.serve(Verb::Get, file(3, "x")).await
    };
    assert_eq!(play(asking, answering).await.unwrap().rev, 3);
}

#[tokio::test]
async fn a_mutation_sent_and_not_answered_is_not_sent_again() {
    let server = FakeServer::bind().await;
    let asking = async {
        let client = server.client(options()).await;
        let error = client.set("/a", -1, "v").await.unwrap_err();
        assert!(error.is_outcome_unknown(), "{error:?}");
        assert_eq!(error.to_string(), "SET /a at any revision: outcome unknown");
        client.rev().await
    };
    let answering = async {
        server.accept().await.expect(Verb::Set).await;
        server.accept().await.serve(Verb::Rev, rev(1)).await
    };
    assert_eq!(play(asking, answering).await.unwrap(), 1);
}

#[tokio::test]
async fn a_mutation_made_without_a_connection_goes_over_the_next() {
    let server = FakeServer::bind().await;
    let asking = async {
        let client = server.client(options()).await;
        client.nop().await.unwrap_err();
        client.set("/a", 0, "v").await
    };
    let answering = async {
        server.accept().await.expect(Verb::Nop).await;
        server.accept().await.serve(Verb::Set, rev(5)).await
    };
    assert_eq!(play(asking, answering).await.unwrap(), 5);
}

#[tokio::test]
async fn who_knows_better_goes_elsewhere_at_once() {
    let (silent, other) = (FakeServer::bind().await, FakeServer::bind().await);
    let uri = uri_of(&[&silent, &other]);
    let sent = tokio::sync::Notify::new();
    let asking = async {
        let client = Client::connect(&uri, options()).await?;
        let waiting = client.wait("/a", 1);
        let going = async {
            sent.notified().await;
            client.go_elsewhere();
            client.rev().await
        };
        tokio::try_join!(waiting, going)
    };
    let answering = async {
        let mut left = silent.accept().await;
        left.expect(Verb::Wait).await;
        sent.notify_one();
        let mut peer = other.accept().await;
        for _ in 0..2 {
            let request = peer.next().await.unwrap();
            let answer = match Verb::try_from(request.verb.unwrap()).unwrap() {
                Verb::Rev => rev(7),
                _ => event(3, "/a"),
            };
            peer.answer(&request, answer).await;
        }
        assert!(left.next().await.is_none(), "it is left");
    };
    let (waited, newest) = play(asking, answering).await.unwrap();
    assert_eq!((waited.rev, newest), (3, 7));
}

#[tokio::test]
async fn an_address_where_nobody_listens_is_passed_over() {
    let server = FakeServer::bind().await;
    let mut uri = server.uri();
    uri.addresses.insert(0, closed_address().await);
    let asking = async { Client::connect(&uri, options()).await?.rev().await };
    let answering = async { server.accept().await.serve(Verb::Rev, rev(1)).await };
    assert_eq!(play(asking, answering).await.unwrap(), 1);
}

#[tokio::test]
async fn connecting_fails_when_nobody_listens_anywhere() {
    let address = closed_address().await;
    let uri = address.parse().unwrap();
    let error = Client::connect(&uri, options()).await.unwrap_err();
    assert_eq!(error.to_string(), format!("cannot connect to {address}"));
}

#[tokio::test]
async fn connecting_takes_no_longer_than_the_dial_timeout() {
    let server = FakeServer::bind().await;
    let hasty = Options {
        dial_timeout: Duration::from_millis(50),
        secret: Some("s".into()),
        ..options()
    };
    let uri = server.uri();
    let answering = async {
        let mut peer = server.accept().await;
        peer.expect(Verb::Access).await;
        assert!(peer.next().await.is_none());
    };
    match play(Client::connect(&uri, hasty), answering)
        .await
        .unwrap_err()
    {
        Error::Dial { source, .. } => assert_eq!(source.kind(), io::ErrorKind::TimedOut),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_request_takes_no_longer_than_the_request_timeout() {
    let server = FakeServer::bind().await;
    let hasty = Options {
        request_timeout: Some(Duration::from_millis(50)),
        ..options()
    };
    let asking = async {
        let client = server.client(hasty).await;
        let read = client.get("/a", None).await.unwrap_err();
        assert_eq!(read.to_string(), "GET /a: no answer within 50ms");
        let mutation = client.del("/a", 1).await.unwrap_err();
        assert!(
            matches!(
                mutation,
                Error::OutcomeUnknown {
                    source: Unanswered::Timeout { .. },
                    ..
                }
            ),
            "{mutation:?}"
        );
    };
    let answering = async {
        let mut peer = server.accept().await;
        peer.expect(Verb::Get).await;
        peer.expect(Verb::Del).await;
        assert!(peer.next().await.is_none());
    };
    play(asking, answering).await;
}

#[tokio::test]
async fn a_clone_may_have_a_request_timeout_of_its_own() {
    let server = FakeServer::bind().await;
    let asking = async {
        let client = server.client(options()).await;
        let hasty = client.with_request_timeout(Some(Duration::from_millis(50)));
        let read = hasty.clone().get("/a", None).await.unwrap_err();
        assert_eq!(read.to_string(), "GET /a: no answer within 50ms");
    };
    let answering = async {
        let mut peer = server.accept().await;
        peer.expect(Verb::Get).await;
        assert!(peer.next().await.is_none());
    };
    play(asking, answering).await;
}

#[tokio::test]
async fn no_connection_in_time_says_what_stood_in_the_way() {
    let server = FakeServer::bind().await;
    let hasty = Options {
        request_timeout: Some(Duration::from_millis(200)),
        ..options()
    };
    let client = play(server.client(hasty), server.accept()).await;
    let address = server.address.clone();
    drop(server);
    match client.get("/a", None).await.unwrap_err() {
        Error::Timeout {
            source: Some(source),
            ..
        } => assert_eq!(source.to_string(), format!("cannot connect to {address}")),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_mutation_refused_with_readonly_is_tried_at_every_other_address_once() {
    let servers = [
        FakeServer::bind().await,
        FakeServer::bind().await,
        FakeServer::bind().await,
    ];
    let uri = uri_of(&[&servers[0], &servers[1], &servers[2]]);
    let asking = async {
        let client = Client::connect(&uri, options()).await.unwrap();
        assert_eq!(client.set("/a", 0, "v").await.unwrap(), 4);
        client.set("/b", 0, "v").await.unwrap_err()
    };
    let answering = async {
        let readonly = || refused(ErrCode::Readonly);
        servers[0].accept().await.serve(Verb::Set, readonly()).await;
        let mut second = servers[1].accept().await;
        second.serve(Verb::Set, rev(4)).await;
        second.serve(Verb::Set, readonly()).await;
        for server in [&servers[0], &servers[2]] {
            let mut peer = server.accept().await;
            peer.serve(Verb::Stat, ok()).await;
            peer.serve(Verb::Set, readonly()).await;
        }
    };
    let error = play(asking, answering).await;
    assert_eq!(error.code(), Some(ErrCode::Readonly));
}

#[tokio::test]
async fn members_are_learnt_from_the_cluster() {
    let (slave, member) = (FakeServer::bind().await, FakeServer::bind().await);
    let dead = closed_address().await;
    let files = [
        ("/ctl/cal/0", "MEMBER"),
        ("/ctl/cal/1", ""),
        ("/ctl/node/DEAD/addr", dead.as_str()),
        ("/ctl/node/MEMBER/addr", member.address.as_str()),
    ];
    let asking = async {
        let following = Options {
            follow_members: true,
            ..options()
        };
        let client = slave.client(following).await;
        let rev = client.set("/a", 0, "v").await.unwrap();
        let known = [slave.address.clone(), member.address.clone(), dead.clone()];
        assert_eq!(client.addresses(), known);
        rev
    };
    let serving = async {
        let answer = |set: Response, request: &Request| match request.verb {
            Some(verb) if verb == Verb::Set as i32 => set,
            _ => from_files(&files, request),
        };
        let as_slave = async {
            let readonly = |r: &Request| answer(refused(ErrCode::Readonly), r);
            slave.accept().await.serve_all(readonly).await;
        };
        let as_member = async {
            let peer = member.accept().await;
            peer.serve_all(|request| answer(rev(7), request)).await;
        };
        tokio::join!(as_slave, as_member)
    };
    assert_eq!(play(asking, serving).await, 7);
}

#[tokio::test]
async fn reads_never_go_back() {
    let (first, second) = (FakeServer::bind().await, FakeServer::bind().await);
    let uri = uri_of(&[&first, &second]);
    let asking = async {
        let client = Client::connect(&uri, options()).await.unwrap();
        client.set("/a", 0, "v").await.unwrap();
        client.get("/a", None).await
    };
    let answering = async {
        let mut peer = first.accept().await;
        peer.serve(Verb::Set, rev(70)).await;
        peer.expect(Verb::Get).await;
        drop(peer);
        let mut peer = second.accept().await;
        let caught_up = peer.expect(Verb::Stat).await;
        assert_eq!(caught_up.rev, Some(70));
        assert!(
            peer.buffered().is_none(),
            "the read waits for the node to catch up"
        );
        peer.answer(&caught_up, ok()).await;
        peer.serve(Verb::Get, file(70, "v")).await
    };
    assert_eq!(play(asking, answering).await.unwrap().rev, 70);
}

#[tokio::test]
async fn a_node_that_stays_behind_is_passed_over() {
    let servers = [
        FakeServer::bind().await,
        FakeServer::bind().await,
        FakeServer::bind().await,
    ];
    let uri = uri_of(&[&servers[0], &servers[1], &servers[2]]);
    let asking = async {
        let client = Client::connect(&uri, options()).await.unwrap();
        client.set("/a", 0, "v").await.unwrap();
        client.get("/a", None).await
    };
    let answering = async {
        let mut peer = servers[0].accept().await;
        peer.serve(Verb::Set, rev(70)).await;
        drop(peer);
        let mut behind = servers[1].accept().await;
        behind.expect(Verb::Stat).await;
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(6)).await;
        tokio::time::resume();
        let mut peer = servers[2].accept().await;
        peer.serve(Verb::Stat, ok()).await;
        peer.serve(Verb::Get, file(70, "v")).await
    };
    assert_eq!(play(asking, answering).await.unwrap().rev, 70);
}

#[tokio::test]
async fn dropping_the_client_closes_the_connection() {
    let server = FakeServer::bind().await;
    let asking = async {
        let client = server.client(options()).await;
        let watch = client.watch("/**", 1);
        drop(client);
        drop(watch);
    };
    let answering = async { assert!(server.accept().await.next().await.is_none()) };
    play(asking, answering).await;
}

#[tokio::test]
async fn a_closed_client_answers_nothing() {
    let server = FakeServer::bind().await;
    let asking = async {
        let client = server.client(options()).await;
        let waiting = client.wait("/a", 1);
        let closing = async {
            tokio::task::yield_now().await;
            client.close();
        };
        let (waited, ()) = tokio::join!(waiting, closing);
        assert!(matches!(waited, Err(Error::Closed)), "{waited:?}");
        assert!(matches!(client.rev().await, Err(Error::Closed)));
    };
    let answering = async {
        let mut peer = server.accept().await;
        while peer.next().await.is_some() {}
    };
    play(asking, answering).await;
}

#[tokio::test]
async fn waits_given_up_do_not_pile_up_at_the_server() {
    let server = FakeServer::bind().await;
    let asking = async {
        let client = server.client(options()).await;
        for _ in 0..=1000 {
            let waiting = client.wait("/a", 1);
            let given_up = tokio::select! { biased; _ = waiting => false, () = std::future::ready(()) => true };
            assert!(given_up);
        }
        client.wait("/b", 1).await
    };
    let answering = async {
        let mut first = server.accept().await;
        let mut second = server.accept().await;
        while first.next().await.is_some() {}
        second.serve(Verb::Wait, event(2, "/b")).await
    };
    assert_eq!(play(asking, answering).await.unwrap().rev, 2);
}
