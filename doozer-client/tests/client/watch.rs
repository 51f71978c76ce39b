//! A watch tells every event once, whatever becomes of the connection.

use doozer_client::{ErrCode, Error, Watch};
use doozer_proto::Verb;
use futures_util::StreamExt;
use tokio::sync::Notify;

use crate::fake::{FakeServer, Peer, event, ok, options, play, refused};

/// The next event's revision.
async fn next(watch: &mut Watch) -> i64 {
    watch.next().await.expect("a watch goes on").unwrap().rev
}

/// Tells events and leaves while the next is waited for; gives the revisions asked for.
async fn tell(mut peer: Peer, revs: &[i64]) -> Vec<i64> {
    let mut wanted = Vec::new();
    for rev in revs {
        let request = peer.serve(Verb::Wait, event(*rev, "/a")).await;
        wanted.extend(request.rev);
    }
    wanted.extend(peer.next().await.and_then(|request| request.rev));
    wanted
}

#[tokio::test]
async fn events_come_once_each_over_any_number_of_connections() {
    let server = FakeServer::bind().await;
    let asking = async {
        let mut watch = server.client(options()).await.watch("/*", 3);
        let mut revs = Vec::new();
        for _ in 0..6 {
            revs.push(next(&mut watch).await);
        }
        assert_eq!(watch.next_rev(), 44);
        drop(watch);
        revs
    };
    let answering = async {
        let mut wanted = tell(server.accept().await, &[3, 10]).await;
        for revs in [[11, 20], [42, 43]] {
            let mut peer = server.accept().await;
            peer.serve(Verb::Stat, ok()).await;
            wanted.extend(tell(peer, &revs).await);
        }
        assert_eq!(wanted, [3, 4, 11, 11, 12, 21, 21, 43]);
    };
    assert_eq!(play(asking, answering).await, [3, 10, 11, 20, 42, 43]);
}

#[tokio::test]
async fn history_that_is_gone_ends_the_watch_until_it_is_told_where_to_go_on() {
    let server = FakeServer::bind().await;
    let asking = async {
        let mut watch = server.client(options()).await.watch("/*", 5);
        let gone = watch.next().await.unwrap().unwrap_err();
        assert!(matches!(gone, Error::HistoryGone { wanted: 5 }), "{gone:?}");
        assert!(watch.next().await.is_none());
        watch.resume_at(100);
        next(&mut watch).await
    };
    let answering = async {
        let mut peer = server.accept().await;
        peer.serve(Verb::Wait, refused(ErrCode::TooLate)).await;
        let resumed = peer.serve(Verb::Wait, event(101, "/a")).await;
        assert_eq!(resumed.rev, Some(100));
    };
    assert_eq!(play(asking, answering).await, 101);
}

#[tokio::test]
async fn another_error_ends_nothing() {
    let server = FakeServer::bind().await;
    let asking = async {
        let mut watch = server.client(options()).await.watch("/*", 5);
        let error = watch.next().await.unwrap().unwrap_err();
        assert_eq!(error.code(), Some(ErrCode::Other));
        next(&mut watch).await
    };
    let answering = async {
        let mut peer = server.accept().await;
        peer.serve(Verb::Wait, refused(ErrCode::Other)).await;
        peer.serve(Verb::Wait, event(5, "/a")).await
    };
    assert_eq!(play(asking, answering).await, 5);
}

#[tokio::test]
async fn a_watch_given_up_for_a_while_asks_only_once() {
    let (server, given_up) = (FakeServer::bind().await, Notify::new());
    let asking = async {
        let mut watch = server.client(options()).await.watch("/*", 1);
        for _ in 0..10 {
            let at_once = tokio::select! { biased; _ = watch.next() => true, () = tokio::task::yield_now() => false };
            assert!(!at_once);
        }
        given_up.notify_one();
        let first = next(&mut watch).await;
        let as_stream = StreamExt::next(&mut watch).await.unwrap().unwrap();
        (first, as_stream.rev)
    };
    let answering = async {
        let mut peer = server.accept().await;
        let first = peer.expect(Verb::Wait).await;
        given_up.notified().await;
        assert!(peer.buffered().is_none());
        peer.answer(&first, event(1, "/a")).await;
        peer.serve(Verb::Wait, event(2, "/a")).await
    };
    assert_eq!(play(asking, answering).await, (1, 2));
}
