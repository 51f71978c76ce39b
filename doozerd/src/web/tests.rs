//! Requests as bytes on a socket.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::*;

struct Fixed(Option<&'static str>);

impl StatusSource for Fixed {
    fn status(&self) -> Status {
        Status {
            node_id: "ABCDEFGHIJKLMNOP".to_owned(),
            cluster: "<lo&cal>".to_owned(),
            address: "127.0.0.1:8046".to_owned(),
            writable: true,
            rev: 12_345,
            files: 6,
            bytes: 7_000,
            connections: 8,
            uptime: Duration::from_secs(90),
            version: "1.2.3".to_owned(),
            trouble: self.0.map(str::to_owned),
        }
    }
}

struct Server {
    addr: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Server {
    async fn start(trouble: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(serve(listener, Arc::new(Fixed(trouble)), stop.clone()));
        Self { addr, stop, tasks }
    }

    /// All bytes that answer `request`, until the server closes.
    async fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.addr).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Checks the status and the body of what answers `first_line`.
async fn check(trouble: Option<&'static str>, first_line: &str, status: &str, body: &str) {
    let server = Server::start(trouble).await;
    let answer = server
        .ask(&format!("{first_line} HTTP/1.1\r\nHost: x\r\n\r\n"))
        .await;
    let (head, got) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(
        head.lines().next().unwrap(),
        format!("HTTP/1.1 {status}"),
        "{first_line}"
    );
    assert_eq!(got, body, "{first_line}");
    assert!(
        head.contains("\r\ncontent-security-policy: default-src 'none';"),
        "{head}"
    );
    server.stop().await;
}

#[tokio::test]
async fn health_is_ok_until_there_is_trouble() {
    check(None, "GET /healthz", "200 OK", "ok\n").await;
    check(None, "GET /healthz?x=1", "200 OK", "ok\n").await;
    check(None, "HEAD /healthz", "200 OK", "").await;
    let trouble = Some("disk full: free space and restart");
    let body = "disk full: free space and restart\n";
    check(trouble, "GET /healthz", "503 Service Unavailable", body).await;
}

#[tokio::test]
async fn nothing_else_is_found_and_nothing_can_be_sent() {
    for line in ["GET /healthz/", "GET /x", "GET /../", "POST /x", "GET //"] {
        check(None, line, "404 Not Found", "not found\n").await;
    }
    for line in ["POST /", "PUT /healthz", "DELETE /", "OPTIONS /"] {
        let body = "only GET and HEAD are answered\n";
        check(None, line, "405 Method Not Allowed", body).await;
    }
}

#[tokio::test]
async fn the_page_shows_the_node() {
    let server = Server::start(Some("all <b>is</b> lost")).await;
    let page = server.ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let shown = [
        "<h1>&lt;lo&amp;cal&gt;</h1>",
        "<td>ABCDEFGHIJKLMNOP</td>",
        "<td>12345</td>",
        "<td>7,000</td>",
        "<td>1 min 30 s</td>",
        "<td>1.2.3</td>",
        "<p role=\"alert\">all &lt;b&gt;is&lt;/b&gt; lost</p>",
    ];
    for part in shown {
        assert!(page.contains(part), "{part} in {page}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_request_that_is_none_or_too_large_closes_its_connection_alone() {
    let server = Server::start(None).await;
    let bad = server.ask("\0\u{1}rubbish\r\n\r\n").await;
    assert!(bad.starts_with("HTTP/1.1 400"), "{bad}");
    let lines = "x: y\r\n".repeat(100);
    let many = server.ask(&format!("GET / HTTP/1.1\r\n{lines}\r\n")).await;
    assert!(many.starts_with("HTTP/1.1 431"), "{many}");
    let good = server.ask("GET /healthz HTTP/1.0\r\n\r\n").await;
    assert!(good.ends_with("ok\n"), "{good}");
    server.stop().await;
}

#[tokio::test]
async fn clients_that_say_nothing_are_closed_and_others_are_answered_then() {
    let server = Server::start(None).await;
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(TcpStream::connect(server.addr).await.unwrap());
    }
    // Time runs ahead whenever everybody waits.
    tokio::time::pause();
    let good = server.ask("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(good.ends_with("ok\n"), "{good}");
    server.stop().await;
}

#[tokio::test]
async fn stopping_closes_connections_that_are_open() {
    let server = Server::start(None).await;
    let mut silent = TcpStream::connect(server.addr).await.unwrap();
    server.stop().await;
    assert_eq!(silent.read(&mut [0; 1]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn a_busy_address_is_an_error_only_when_it_was_asked_for() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let error = open(&address, true).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot serve the status page at {address}")
    );
    assert!(matches!(
        open(&address, false).await,
        Ok(Opened::Without(_))
    ));
    drop(taken);
    assert!(matches!(
        open(&address, true).await,
        Ok(Opened::Listening(_))
    ));
}
