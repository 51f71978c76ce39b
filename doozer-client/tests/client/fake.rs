//! A server that does what the test tells it.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use doozer_client::{Client, DoozerUri, ErrCode, Options};
use doozer_proto::{Frames, Request, Response, Verb, decode_request, encode_frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Longer than any test takes.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct FakeServer {
    listener: TcpListener,
    pub(crate) address: String,
}

pub(crate) struct Peer {
    stream: TcpStream,
    frames: Frames,
}

/// Runs both sides to their ends.
pub(crate) async fn play<C, S>(
    client: impl Future<Output = C>,
    server: impl Future<Output = S>,
) -> C {
    let both = async { tokio::join!(client, server).0 };
    tokio::time::timeout(PATIENCE, both)
        .await
        .expect("both sides end")
}

/// Options for a server that knows nothing but its script.
pub(crate) fn options() -> Options {
    Options {
        follow_members: false,
        request_timeout: Some(PATIENCE),
        ..Options::default()
    }
}

impl FakeServer {
    pub(crate) async fn bind() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        Self { listener, address }
    }

    pub(crate) fn uri(&self) -> DoozerUri {
        self.address.parse().unwrap()
    }

    /// A client of this server, connected.
    pub(crate) async fn client(&self, options: Options) -> Client {
        Client::connect(&self.uri(), options).await.unwrap()
    }

    pub(crate) async fn accept(&self) -> Peer {
        let (stream, _from) = self.listener.accept().await.unwrap();
        Peer {
            stream,
            frames: Frames::new(1 << 20),
        }
    }
}

impl Peer {
    /// The next request, or nothing when the client has closed the connection.
    pub(crate) async fn next(&mut self) -> Option<Request> {
        loop {
            if let Some(request) = self.buffered() {
                return Some(request);
            }
            let buffer = self.frames.buffer_mut();
            buffer.reserve(64 << 10);
            match self.stream.read_buf(buffer).await {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// A request that has already been read.
    pub(crate) fn buffered(&mut self) -> Option<Request> {
        let body = self.frames.next().unwrap()?;
        Some(decode_request(body).unwrap())
    }

    /// The next request, which must be of this verb.
    pub(crate) async fn expect(&mut self, verb: Verb) -> Request {
        let request = self.next().await.expect("the client asks");
        assert_eq!(request.verb, Some(verb.into()), "{request:?}");
        request
    }

    /// Answers a request.
    pub(crate) async fn answer(&mut self, request: &Request, response: Response) {
        let mut out = BytesMut::new();
        let tagged = Response {
            tag: request.tag,
            ..response
        };
        encode_frame(&tagged, &mut out);
        self.send(&out).await;
    }

    /// Takes a request of this verb and answers it.
    pub(crate) async fn serve(&mut self, verb: Verb, response: Response) -> Request {
        let request = self.expect(verb).await;
        self.answer(&request, response).await;
        request
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Answers everything by `answer_to` until the client closes the connection.
    pub(crate) async fn serve_all(mut self, answer_to: impl Fn(&Request) -> Response) {
        while let Some(request) = self.next().await {
            self.answer(&request, answer_to(&request)).await;
        }
    }
}

pub(crate) fn ok() -> Response {
    Response::default()
}

pub(crate) fn rev(rev: i64) -> Response {
    Response {
        rev: Some(rev),
        ..ok()
    }
}

pub(crate) fn file(at: i64, value: &'static str) -> Response {
    Response {
        value: Some(Bytes::from_static(value.as_bytes())),
        ..rev(at)
    }
}

pub(crate) fn event(at: i64, path: &str) -> Response {
    Response {
        path: Some(Bytes::copy_from_slice(path.as_bytes())),
        flags: Some(4),
        ..file(at, "v")
    }
}

pub(crate) fn refused(code: ErrCode) -> Response {
    Response {
        err_code: Some(code.into()),
        ..ok()
    }
}

pub(crate) fn denied() -> Response {
    Response {
        err_detail: Some(Bytes::from_static(b"permission denied")),
        ..refused(ErrCode::Other)
    }
}

/// What a server with these files answers to WALK, GETDIR of /ctl/ns, REV and ACCESS.
pub(crate) fn from_files(files: &[(&str, &str)], request: &Request) -> Response {
    let path = String::from_utf8(request.path.clone().unwrap_or_default().to_vec()).unwrap();
    let offset = usize::try_from(request.offset.unwrap_or_default()).unwrap();
    let (before, after) = path.split_once('*').unwrap_or((&path, ""));
    let found: Vec<&(&str, &str)> = files
        .iter()
        .filter(|(path, _)| path.starts_with(before) && path.ends_with(after))
        .collect();
    match Verb::try_from(request.verb.unwrap()).unwrap() {
        Verb::Rev => rev(9),
        Verb::Walk | Verb::Getdir if offset >= found.len() => refused(ErrCode::Range),
        Verb::Walk => Response {
            value: Some(Bytes::copy_from_slice(found[offset].1.as_bytes())),
            ..event(1, found[offset].0)
        },
        Verb::Getdir => event(1, found[offset].0.split('/').nth(3).unwrap()),
        _ => ok(),
    }
}
