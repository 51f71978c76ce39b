//! Sockets of a simulated machine, over the simulator's.
//!
//! What the simulator loses is lost for good: nothing is sent a second time. A connection that lost
//! something stands still for ever, where the system would give it up after a while without
//! acknowledgements. [`cut`] is that giving up.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil::net as simulator;

thread_local! {
    /// An end of each open connection of all machines, the oldest first: a simulation is one thread.
    static ENDS: RefCell<Vec<Weak<End>>> = const { RefCell::new(Vec::new()) };
    /// The machine all of whose connections end now.
    static DYING: Cell<Option<IpAddr>> = const { Cell::new(None) };
}

/// One end of a connection.
#[derive(Debug)]
struct End {
    own: IpAddr,
    peer: IpAddr,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Nothing once it is closed.
    stream: Option<simulator::TcpStream>,
    is_cut: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// Ends all connections between two machines, as their systems would when nothing that they send
/// is acknowledged.
pub fn cut(one: IpAddr, other: IpAddr) {
    for end in ends() {
        if (end.own, end.peer) == (one, other) || (end.own, end.peer) == (other, one) {
            end.cut();
        }
    }
}

/// Does what ends all tasks of a machine. Its connections are closed in the order in which they
/// were made: the runtime drops tasks in an order that is another one in each run.
pub fn close_in_order(machine: IpAddr, end_tasks: impl FnOnce()) {
    DYING.set(Some(machine));
    end_tasks();
    DYING.set(None);
}

fn ends() -> Vec<Arc<End>> {
    ENDS.with_borrow_mut(|ends| {
        ends.retain(|end| end.strong_count() > 0);
        ends.iter().filter_map(Weak::upgrade).collect()
    })
}

impl End {
    fn new(stream: simulator::TcpStream) -> io::Result<Arc<Self>> {
        let end = Arc::new(Self {
            own: stream.local_addr()?.ip(),
            peer: stream.peer_addr()?.ip(),
            state: Mutex::new(State {
                stream: Some(stream),
                is_cut: false,
                reader: None,
                writer: None,
            }),
        });
        ENDS.with_borrow_mut(|ends| ends.push(Arc::downgrade(&end)));
        Ok(end)
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

    fn close(&self) {
        let stream = self.state().stream.take();
        drop(stream);
    }
}

impl State {
    /// The stream; an error if it was cut.
    fn stream(&mut self) -> io::Result<Pin<&mut simulator::TcpStream>> {
        if self.is_cut {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let stream = self.stream.as_mut();
        Ok(Pin::new(stream.ok_or(io::ErrorKind::NotConnected)?))
    }
}

/// A connection.
#[derive(Debug)]
pub struct TcpStream(Arc<End>);

impl TcpStream {
    /// Connects to HOST:PORT.
    pub async fn connect(address: String) -> io::Result<Self> {
        let stream = simulator::TcpStream::connect(address).await?;
        End::new(stream).map(Self)
    }
}

impl Drop for TcpStream {
    fn drop(&mut self) {
        if DYING.get() == Some(self.0.own) {
            let ends = ends().into_iter();
            ends.filter(|end| end.own == self.0.own)
                .for_each(|end| end.close());
        }
        self.0.close();
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.0.state();
        state.reader = Some(cx.waker().clone());
        state.stream()?.poll_read(cx, buf)
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.0.state();
        state.writer = Some(cx.waker().clone());
        state.stream()?.poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.state().stream()?.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.state().stream()?.poll_shutdown(cx)
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
        Ok((TcpStream(End::new(stream)?), addr))
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
