//! One client connection whose every byte the test decides.

use std::io::{ErrorKind, Read, Result, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use crate::wire::{Request, Response};

/// How long an answer may take before the test fails.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// Longer than any answer that a server may send: a length past it is rubbish.
const FRAME_BYTES_MAX: usize = 64 << 20;

/// How much is read at once.
const READ_BYTES: usize = 16 << 10;

/// What came, or did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    Response(Response),
    /// Nothing in the time given.
    Nothing,
    /// The server closed the connection.
    Closed,
}

/// A connection to a server, without tags or retries of its own.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Connection {
    /// Connects to HOST:PORT.
    pub fn open(addr: &str) -> Result<Self> {
        Self::over(TcpStream::connect(addr)?)
    }

    /// [`Self::open`], given up after `limit`: an address that is cut off never answers.
    pub fn open_within(addr: &str, limit: Duration) -> Result<Self> {
        let mut addrs = addr.to_socket_addrs()?;
        let addr = addrs.next().ok_or(ErrorKind::AddrNotAvailable)?;
        Self::over(TcpStream::connect_timeout(&addr, limit)?)
    }

    fn over(stream: TcpStream) -> Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            unread: Vec::new(),
        })
    }

    /// The socket, for tests that look at single reads and writes.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub fn send(&mut self, request: &Request) -> Result<()> {
        self.send_bytes(&request.frame())
    }

    pub fn send_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.write_all(bytes)
    }

    /// Ends this side's sending; the server's answers can still be read.
    pub fn half_close(&self) -> Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }

    /// The next response; `Closed` also for a reset, an error for an unreadable message.
    pub fn receive(&mut self, within: Duration) -> Result<Received> {
        let end = Instant::now() + within;
        loop {
            if let Some(message) = self.take_message()? {
                let response = Response::parse(&message);
                return response
                    .map(Received::Response)
                    .map_err(std::io::Error::other);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Received::Nothing);
            }
            match self.read_some(left) {
                Ok(0) => return Ok(Received::Closed),
                Ok(_) => {}
                Err(error) if is_timeout(error.kind()) => return Ok(Received::Nothing),
                Err(error) if is_gone(error.kind()) => return Ok(Received::Closed),
                Err(error) => return Err(error),
            }
        }
    }

    /// The next response, or an error when there is none in [`ANSWER_WITHIN`].
    pub fn response(&mut self) -> Result<Response> {
        match self.receive(ANSWER_WITHIN)? {
            Received::Response(response) => Ok(response),
            Received::Nothing => Err(ErrorKind::TimedOut.into()),
            Received::Closed => Err(ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Sends one request and returns the next response.
    pub fn ask(&mut self, request: &Request) -> Result<Response> {
        self.send(request)?;
        self.response()
    }

    /// [`Self::ask`], panicking when there is no answer.
    pub fn call(&mut self, request: &Request) -> Response {
        self.ask(request)
            .unwrap_or_else(|error| panic!("no answer to {request:?}: {error}"))
    }

    fn read_some(&mut self, within: Duration) -> Result<usize> {
        self.stream.set_read_timeout(Some(within))?;
        let mut buffer = [0; READ_BYTES];
        let count = self.stream.read(&mut buffer)?;
        self.unread.extend_from_slice(&buffer[..count]);
        Ok(count)
    }

    fn take_message(&mut self) -> Result<Option<Vec<u8>>> {
        let Some((header, body)) = self.unread.split_first_chunk::<4>() else {
            return Ok(None);
        };
        let length = usize::try_from(u32::from_be_bytes(*header)).expect("a 64-bit machine");
        if length > FRAME_BYTES_MAX {
            return Err(std::io::Error::other(format!(
                "an answer of {length} bytes"
            )));
        }
        if body.len() < length {
            return Ok(None);
        }
        let message = body[..length].to_vec();
        self.unread.drain(..4 + length);
        Ok(Some(message))
    }
}

fn is_timeout(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn is_gone(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
}
