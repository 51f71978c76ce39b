//! Opens the stream of bytes to a server, plain or TLS.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::tls::Connector;

pub(crate) type Reader = Box<dyn AsyncRead + Send + Unpin>;
pub(crate) type Writer = Box<dyn AsyncWrite + Send + Unpin>;

/// Connects to `HOST:PORT`.
pub(crate) async fn open(address: &str, tls: Option<&Connector>) -> io::Result<(Reader, Writer)> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let Some(tls) = tls else {
        let (reader, writer) = stream.into_split();
        return Ok((Box::new(reader), Box::new(writer)));
    };
    let (reader, writer) = tokio::io::split(tls.connect(address, stream).await?);
    Ok((Box::new(reader), Box::new(writer)))
}
