//! One connection: what is sent, which answer is whose, and what a bad server can do.

use bytes::Bytes;
use doozer_client::{Code, ConnectionLost, ErrCode, Error, EventKind, Options, Unanswered};
use doozer_proto::{FrameError, Request, Response, Verb};
use futures_util::future::join_all;

use crate::fake::{FakeServer, event, file, ok, options, play, refused, rev};

#[tokio::test]
async fn answers_may_come_in_any_order() {
    let server = FakeServer::bind().await;
    let asking = async {
        let client = server.client(options()).await;
        tokio::join!(client.get("/a", None), client.get("/b", None))
    };
    let answering = async {
        let mut peer = server.accept().await;
        let first = peer.expect(Verb::Get).await;
        let second = peer.expect(Verb::Get).await;
        assert_ne!(first.tag, second.tag);
        peer.answer(&second, file(2, "b")).await;
        peer.answer(&first, file(1, "a")).await;
    };
    let (a, b) = play(asking, answering).await;
    assert_eq!(
        (&a.unwrap().value[..], &b.unwrap().value[..]),
        (&b"a"[..], &b"b"[..])
    );
}

#[tokio::test]
async fn an_answer_to_nothing_asked_is_passed_over() {
    let server = FakeServer::bind().await;
    let asking = async { server.client(options()).await.rev().await };
    let answering = async {
        let mut peer = server.accept().await;
        let request = peer.expect(Verb::Rev).await;
        let other = Request {
            tag: Some(request.tag.unwrap() + 77),
            ..Request::default()
        };
        peer.answer(&other, rev(1)).await;
        peer.answer(&Request::default(), rev(2)).await;
        peer.answer(&request, rev(3)).await;
    };
    assert_eq!(play(asking, answering).await.unwrap(), 3);
}

#[tokio::test]
async fn requests_made_together_leave_together() {
    let server = FakeServer::bind().await;
    let asking = async {
        let client = server.client(options()).await;
        join_all((0..20).map(|_| client.rev())).await
    };
    let answering = async {
        let mut peer = server.accept().await;
        let mut requests = vec![peer.expect(Verb::Rev).await];
        requests.extend(std::iter::from_fn(|| peer.buffered()));
        assert_eq!(requests.len(), 20, "they came with the first read");
        for request in &requests {
            peer.answer(request, rev(1)).await;
        }
    };
    assert!(play(asking, answering).await.iter().all(Result::is_ok));
}

async fn check_end_by(bytes: &[u8], is_it: impl Fn(&ConnectionLost) -> bool) {
    let server = FakeServer::bind().await;
    let asking = async { server.client(options()).await.set("/a", 0, "v").await };
    let answering = async {
        let mut peer = server.accept().await;
        peer.expect(Verb::Set).await;
        peer.send(bytes).await;
        assert!(
            peer.next().await.is_none(),
            "the client closes the connection"
        );
    };
    match play(asking, answering).await.unwrap_err() {
        Error::OutcomeUnknown {
            source: Unanswered::Lost { source, .. },
            ..
        } => assert!(is_it(&source), "{source:?}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_server_that_sends_rubbish_loses_the_connection() {
    check_end_by(&[0xff; 4], |end| {
        matches!(end, ConnectionLost::Frame(FrameError::Negative(-1)))
    })
    .await;
    check_end_by(&[0x7f, 0xff, 0xff, 0xff], |end| {
        matches!(end, ConnectionLost::Frame(FrameError::TooLong { .. }))
    })
    .await;
    check_end_by(&[0, 0, 0, 1, 0xff], |end| {
        matches!(end, ConnectionLost::Message(_))
    })
    .await;
}

async fn check_request<T>(
    ask: impl AsyncFnOnce(doozer_client::Client) -> Result<T, Error>,
    verb: Verb,
    want: Request,
    response: Response,
) -> T {
    let server = FakeServer::bind().await;
    let asking = async { ask(server.client(options()).await).await };
    let answering = async {
        let got = server.accept().await.serve(verb, response).await;
        let want = Request {
            tag: got.tag,
            verb: got.verb,
            ..want
        };
        assert_eq!(got, want);
    };
    play(asking, answering).await.unwrap()
}

fn request(path: &'static str, rev: Option<i64>, offset: Option<i32>) -> Request {
    Request {
        path: Some(Bytes::from_static(path.as_bytes())),
        rev,
        offset,
        ..Request::default()
    }
}

#[tokio::test]
async fn reads_send_what_the_protocol_wants() {
    let none = Request::default;
    let get = check_request(
        async |c| c.get("/a", Some(3)).await,
        Verb::Get,
        request("/a", Some(3), None),
        file(2, "x"),
    );
    assert_eq!(get.await.rev, 2);
    let missing = check_request(
        async |c| c.get("/a", None).await,
        Verb::Get,
        request("/a", None, None),
        ok(),
    );
    assert_eq!(missing.await.rev, 0);
    let stat = check_request(
        async |c| c.stat("/", None).await,
        Verb::Stat,
        request("/", None, None),
        Response {
            len: Some(4),
            ..rev(-2)
        },
    );
    assert!(stat.await.is_dir());
    let getdir = check_request(
        async |c| c.getdir("/d", 2, None).await,
        Verb::Getdir,
        request("/d", None, Some(2)),
        event(1, "name"),
    );
    assert_eq!(getdir.await, "name");
    let walk = check_request(
        async |c| c.walk("/**", 1, Some(5)).await,
        Verb::Walk,
        request("/**", Some(5), Some(1)),
        event(1, "/n"),
    );
    assert_eq!(walk.await.path, "/n");
    let id = check_request(
        async |c| c.self_id().await,
        Verb::Self_,
        none(),
        file(1, "ID"),
    );
    assert_eq!(&id.await[..], b"ID");
    let newest = check_request(async |c| c.rev().await, Verb::Rev, none(), rev(8));
    assert_eq!(newest.await, 8);
    let wait = check_request(
        async |c| c.wait("/**", 5).await,
        Verb::Wait,
        request("/**", Some(5), None),
        Response {
            flags: Some(8),
            ..event(6, "/n")
        },
    );
    assert_eq!(wait.await.kind, EventKind::Del);
}

#[tokio::test]
async fn mutations_send_what_the_protocol_wants() {
    let set = Request {
        value: Some(Bytes::from_static(b"v")),
        ..request("/a", Some(-1), None)
    };
    let new_rev = check_request(async |c| c.set("/a", -1, "v").await, Verb::Set, set, rev(9));
    assert_eq!(new_rev.await, 9);
    let del = request("/a", Some(4), None);
    check_request(async |c| c.del("/a", 4).await, Verb::Del, del, ok()).await;
    check_request(async |c| c.nop().await, Verb::Nop, Request::default(), ok()).await;
}

async fn check_refusal(response: Response, want: Code, message: &str) {
    let server = FakeServer::bind().await;
    let asking = async { server.client(options()).await.set("/a", 5, "v").await };
    let answering = async { server.accept().await.serve(Verb::Set, response).await };
    let error = play(asking, answering).await.unwrap_err();
    assert!(
        matches!(&error, Error::Refused { code, .. } if *code == want),
        "{error:?}"
    );
    assert_eq!(error.to_string(), message);
    assert_eq!(
        error.is_rev_mismatch(),
        want == Code::Known(ErrCode::RevMismatch)
    );
}

#[tokio::test]
async fn a_refusal_says_which_and_of_what() {
    check_refusal(
        refused(ErrCode::RevMismatch),
        Code::Known(ErrCode::RevMismatch),
        "SET /a rev 5: REV_MISMATCH",
    )
    .await;
    check_refusal(
        Response {
            err_code: Some(42),
            err_detail: Some(Bytes::from_static(b"why")),
            ..ok()
        },
        Code::Unknown(42),
        "SET /a rev 5: error 42: why",
    )
    .await;
}

#[tokio::test]
async fn an_answer_without_what_it_must_have_is_an_error() {
    let server = FakeServer::bind().await;
    let asking = async { server.client(options()).await.wait("/a", 1).await };
    let answering = async { server.accept().await.serve(Verb::Wait, ok()).await };
    let error = play(asking, answering).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::BadAnswer {
                missing: "path",
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_request_over_the_limit_is_not_sent() {
    let server = FakeServer::bind().await;
    let small = Options {
        frame_bytes_max: 100,
        ..options()
    };
    let asking = async {
        let client = server.client(small).await;
        let error = client.set("/a", 0, vec![0; 100]).await.unwrap_err();
        assert!(
            matches!(error, Error::TooLong { limit: 100, .. }),
            "{error:?}"
        );
        client.rev().await
    };
    let answering = async { server.accept().await.serve(Verb::Rev, rev(1)).await };
    assert_eq!(play(asking, answering).await.unwrap(), 1);
}

#[tokio::test]
async fn large_values_pass_the_bound_on_what_is_ready_to_be_written() {
    let server = FakeServer::bind().await;
    let asking = async {
        let client = server.client(options()).await;
        let value = Bytes::from(vec![7; 900 << 10]);
        join_all((0..5).map(|_| client.set("/a", -1, value.clone()))).await
    };
    let answering = async { server.accept().await.serve_all(|_| rev(1)).await };
    assert!(play(asking, answering).await.iter().all(Result::is_ok));
}
