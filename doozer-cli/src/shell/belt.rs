//! Bytes on their way from a command, which prints without waiting, to somebody who takes them
//! slowly: another program, or the screen.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io::{self, ErrorKind, Write};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use tokio::sync::Notify;

/// With so many bytes on the way the command has to wait.
const FULL_BYTES: usize = 256 << 10;

/// Bytes on their way, first in, first out.
#[derive(Debug, Clone, Default)]
pub(super) struct Belt(Rc<State>);

#[derive(Debug, Default)]
struct State {
    bytes: RefCell<Vec<u8>>,
    /// No more are put on.
    ended: Cell<bool>,
    /// No more are taken off.
    closed: Cell<bool>,
    put_on: Notify,
    taken: Notify,
}

/// Puts bytes on a belt. Dropped, it ends it.
#[derive(Debug)]
pub(super) struct Loader(Belt);

impl Belt {
    /// What puts bytes on it.
    pub(super) fn loader(&self) -> Loader {
        Loader(self.clone())
    }

    /// All bytes that are on it, once there are some; nothing when no more will come.
    pub(super) async fn take(&self) -> Option<Vec<u8>> {
        loop {
            let bytes = std::mem::take(&mut *self.0.bytes.borrow_mut());
            if !bytes.is_empty() {
                self.0.taken.notify_one();
                return Some(bytes);
            }
            if self.0.ended.get() {
                return None;
            }
            self.0.put_on.notified().await;
        }
    }

    /// Nobody takes anything any more: who prints is told.
    pub(super) fn close(&self) {
        self.0.closed.set(true);
        self.0.bytes.borrow_mut().clear();
        self.0.taken.notify_one();
    }

    /// What `work` comes to, which goes on only while the belt has room.
    pub(super) async fn pace<F: Future>(&self, work: F) -> F::Output {
        let mut work = pin!(work);
        loop {
            self.room().await;
            let step = std::future::poll_fn(|context| {
                let done = work.as_mut().poll(context);
                match done {
                    Poll::Ready(done) => Poll::Ready(Some(done)),
                    Poll::Pending if self.is_full() => Poll::Ready(None),
                    Poll::Pending => Poll::Pending,
                }
            });
            if let Some(done) = step.await {
                return done;
            }
        }
    }

    fn is_full(&self) -> bool {
        self.0.bytes.borrow().len() >= FULL_BYTES
    }

    async fn room(&self) {
        while self.is_full() {
            self.0.taken.notified().await;
        }
    }
}

impl Write for Loader {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Self(Belt(state)) = self;
        if state.closed.get() {
            return Err(ErrorKind::BrokenPipe.into());
        }
        state.bytes.borrow_mut().extend_from_slice(bytes);
        state.put_on.notify_one();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        let Self(Belt(state)) = self;
        state.ended.set(true);
        state.put_on.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bytes_come_in_order_and_then_an_end() {
        let belt = Belt::default();
        let mut loader = belt.loader();
        loader.write_all(b"a").unwrap();
        loader.write_all(b"b").unwrap();
        assert_eq!(belt.take().await.unwrap(), b"ab");
        drop(loader);
        assert_eq!(belt.take().await, None);
    }

    async fn fill(mut loader: Loader, halves: &Cell<usize>) {
        for half in 1..=4 {
            loader.write_all(&vec![0; FULL_BYTES / 2]).unwrap();
            halves.set(half);
            tokio::task::yield_now().await;
        }
    }

    async fn look_and_take(belt: &Belt, halves: &Cell<usize>) {
        // As long as nothing is taken it stands still.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(halves.get(), 2);
        while belt.take().await.is_some() {}
    }

    #[tokio::test]
    async fn who_prints_too_fast_waits() {
        let (belt, halves) = (Belt::default(), Cell::new(0));
        let work = belt.pace(fill(belt.loader(), &halves));
        tokio::join!(work, look_and_take(&belt, &halves));
        assert_eq!(halves.get(), 4);
    }

    #[tokio::test]
    async fn who_prints_for_nobody_is_told() {
        let belt = Belt::default();
        belt.close();
        let error = belt.loader().write_all(b"a").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    }
}
