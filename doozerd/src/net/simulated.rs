//! Sockets of a simulated machine, over the simulator's.
//!
//! What the simulator loses is lost for good: nothing is sent a second time. A connection that lost
//! something stands still for ever, where the system would give it up after a while without
//! acknowledgements. [`cut`] is that giving up.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil::net as simulator;

thread_local! {
    /// An end of each open connection of all machines: a simulation is one thread.
    static ENDS: RefCell<Vec<Weak<End>>> = const { RefCell::new(Vec::new()) };
}

/// One end of a connection, as it can be cut.
#[derive(Debug)]
struct End {
    between: (IpAddr, IpAddr),
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    is_cut: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// Ends all connections between two machines, as their systems would when nothing that they send
/// is acknowledged.
pub fn cut(one: IpAddr, other: IpAddr) {
    let ends = ENDS.with_borrow_mut(|ends| {
        ends.retain(|end| end.strong_count() > 0);
        ends.clone()
    });
    for end in ends.iter().filter_map(Weak::upgrade) {
        if end.between == (one, other) || end.between == (other, one) {
            end.cut();
        }
    }
}

impl End {
    fn new(local: SocketAddr, peer: SocketAddr) -> Arc<Self> {
        let end = Arc::new(Self {
            between: (local.ip(), peer.ip()),
            state: Mutex::default(),
        });
        ENDS.with_borrow_mut(|ends| ends.push(Arc::downgrade(&end)));
        end
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cut(&self) {
        let mut state = self.state();
        state.is_cut = true;
        let wakers = [state.reader.take(), state.writer.take()];
        drop(state);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    /// An error if this is cut; else `cx` is woken when it is.
    fn check(
        &self,
        cx: &Context<'_>,
        waker: fn(&mut State) -> &mut Option<Waker>,
    ) -> io::Result<()> {
        let mut state = self.state();
        if state.is_cut {
            return Err(io::ErrorKind::TimedOut.into());
        }
        *waker(&mut state) = Some(cx.waker().clone());
        Ok(())
    }
}

/// A connection.
#[derive(Debug)]
pub struct TcpStream {
    stream: simulator::TcpStream,
    end: Arc<End>,
}

impl TcpStream {
    /// Connects to HOST:PORT.
    pub async fn connect(address: String) -> io::Result<Self> {
        Self::over(simulator::TcpStream::connect(address).await?)
    }

    fn over(stream: simulator::TcpStream) -> io::Result<Self> {
        let end = End::new(stream.local_addr()?, stream.peer_addr()?);
        Ok(Self { stream, end })
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.end.check(cx, |state| &mut state.reader)?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.end.check(cx, |state| &mut state.writer)?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Where connections come in.
pub struct TcpListener(simulator::TcpListener);

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TcpListener")
            .field(&self.0.local_addr().ok())
            .finish()
    }
}

impl TcpListener {
    /// The next connection, and where it comes from.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, addr) = self.0.accept().await?;
        Ok((TcpStream::over(stream)?, addr))
    }

    /// What is listened on.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// Listens at HOST:PORT.
pub async fn listen(address: &str) -> io::Result<TcpListener> {
    let listener = simulator::TcpListener::bind(address.to_owned()).await?;
    Ok(TcpListener(listener))
}

/// Nothing is to be set on a simulated socket.
pub fn prepare_client(_stream: &TcpStream) -> io::Result<()> {
    Ok(())
}

/// Nothing is to be set on a simulated socket.
pub fn prepare_peer(_stream: &TcpStream) -> io::Result<()> {
    Ok(())
}
