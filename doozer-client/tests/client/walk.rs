//! Whole walks and listings.

use std::cell::RefCell;

use doozer_client::ErrCode;
use doozer_proto::{Request, Response, Verb};

use crate::fake::{FakeServer, event, ok, options, play, refused, rev};

/// Answers like a store of `count` files at revision 50, and notes what was asked.
fn store(count: i32, asked: &RefCell<Vec<Request>>, request: &Request) -> Response {
    asked.borrow_mut().push(request.clone());
    match (request.verb, request.offset) {
        (Some(verb), _) if verb == Verb::Rev as i32 => rev(50),
        (_, Some(offset)) if offset < count => event(1, &format!("n{offset}")),
        (_, Some(_)) => refused(ErrCode::Range),
        _ => ok(),
    }
}

async fn check(count: i32) {
    let server = FakeServer::bind().await;
    let asked = RefCell::default();
    let asking = async {
        let client = server.client(options()).await;
        let walked = client.walk_all("/**", None).await.unwrap();
        let listed = client.list("/d", Some(7)).await.unwrap();
        let names: Vec<String> = walked.into_iter().map(|file| file.path).collect();
        (names, listed)
    };
    let answering = async {
        server
            .accept()
            .await
            .serve_all(|r| store(count, &asked, r))
            .await;
    };
    let (walked, listed) = play(asking, answering).await;
    let want: Vec<String> = (0..count).map(|n| format!("n{n}")).collect();
    assert_eq!((&walked, &listed), (&want, &want));
    for request in asked.borrow().iter() {
        let rev = match Verb::try_from(request.verb.unwrap()).unwrap() {
            Verb::Walk => Some(50),
            Verb::Getdir => Some(7),
            _ => None,
        };
        assert_eq!(request.rev, rev);
    }
    for verb in [Verb::Walk, Verb::Getdir] {
        let asked = asked.borrow();
        let of_verb = asked
            .iter()
            .filter(|request| request.verb == Some(verb.into()));
        let offsets: Vec<i32> = of_verb.filter_map(|request| request.offset).collect();
        assert!(
            offsets.is_sorted(),
            "servers are quick at rising offsets: {offsets:?}"
        );
    }
    let asked = i32::try_from(asked.borrow().len()).unwrap();
    assert!(
        asked <= 2 * (count + 64) + 1,
        "{asked} requests for {count} files"
    );
}

#[tokio::test]
async fn all_files_come_in_order_and_at_one_revision() {
    for count in [0, 1, 5, 200] {
        check(count).await;
    }
}

#[tokio::test]
async fn an_error_ends_the_walk() {
    let server = FakeServer::bind().await;
    let asking = async {
        let mut walk = server
            .client(options())
            .await
            .walk_stream("/**", Some(3))
            .await
            .unwrap();
        assert_eq!(walk.next().await.unwrap().unwrap().path, "a");
        let error = walk.next().await.unwrap().unwrap_err();
        assert_eq!(error.code(), Some(ErrCode::TooLate));
        assert!(walk.next().await.is_none());
        walk.rev()
    };
    let answering = async {
        let first_only = |request: &Request| match request.offset {
            Some(0) => event(1, "a"),
            _ => refused(ErrCode::TooLate),
        };
        server.accept().await.serve_all(first_only).await;
    };
    assert_eq!(play(asking, answering).await, 3);
}
