//! A connection with nothing in it that costs time: many requests in a write, many answers in a read.

use std::io::{self, ErrorKind};

use anyhow::{Context, bail};
use bytes::{Buf, BytesMut};
use doozer_client::Secret;
use doozer_proto::{Frames, Request, Response, Verb, decode_response, encode_frame};
use tokio::io::Interest;
use tokio::net::TcpStream;

use crate::server::FRAME_BYTES_MAX;

/// Room made for a read.
const READ_BYTES: usize = 64 << 10;

/// A connection, and what is on its way in both directions.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    received: Frames,
    unsent: BytesMut,
}

impl Connection {
    /// Connects, and opens the server with `secret` when there is one.
    pub(super) async fn open(address: &str, secret: Option<&Secret>) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await;
        let stream = stream.with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        let mut connection = Self {
            stream,
            received: Frames::new(FRAME_BYTES_MAX),
            unsent: BytesMut::new(),
        };
        if let Some(secret) = secret {
            connection
                .access(secret)
                .await
                .with_context(|| address.to_owned())?;
        }
        Ok(connection)
    }

    /// Puts a request behind those that are to be sent.
    pub(super) fn push(&mut self, request: &Request) {
        encode_frame(request, &mut self.unsent);
    }

    /// Sends what there is to send, and waits until something was received.
    pub(super) async fn turn(&mut self) -> io::Result<()> {
        loop {
            self.write()?;
            let interest = if self.unsent.is_empty() {
                Interest::READABLE
            } else {
                // A server may not read before its answers are read.
                Interest::READABLE | Interest::WRITABLE
            };
            let ready = self.stream.ready(interest).await?;
            if ready.is_readable() && self.read()? {
                return Ok(());
            }
        }
    }

    /// The next answer that was received whole.
    pub(super) fn next(&mut self) -> io::Result<Option<Response>> {
        let body = self.received.next().map_err(io::Error::other)?;
        body.map(|body| decode_response(body).map_err(io::Error::other))
            .transpose()
    }

    /// Sends one request and waits for its answer, when nothing else is under way.
    pub(super) async fn ask(&mut self, request: &Request) -> io::Result<Response> {
        self.push(request);
        loop {
            self.turn().await?;
            if let Some(response) = self.next()? {
                return Ok(response);
            }
        }
    }

    async fn access(&mut self, secret: &Secret) -> anyhow::Result<()> {
        let request = Request {
            verb: Some(Verb::Access.into()),
            value: Some(secret.reveal().clone()),
            ..Request::default()
        };
        let response = self.ask(&request).await?;
        if response.err_code.is_some() {
            bail!("ACCESS: the secret was refused");
        }
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            match self.stream.try_write(&self.unsent) {
                Ok(count) => self.unsent.advance(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Takes what was received; whether there was anything.
    fn read(&mut self) -> io::Result<bool> {
        let buffer = self.received.buffer_mut();
        buffer.reserve(READ_BYTES);
        match self.stream.try_read_buf(buffer) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }
}
