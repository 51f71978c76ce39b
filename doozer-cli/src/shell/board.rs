//! What is told and printed beside the command in the foreground: above the prompt, where there is
//! one.
//!
//! The line editor prints above its prompt only while it waits for keys. In the moment in which a
//! line ends it may take what it is given and show it with the next prompt; so whoever gives it
//! something does that on a thread that may wait.

use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::rc::Rc;

use tokio::sync::Notify;

use super::editor::Printer;

/// With so many bytes waiting to be shown, those who print have to wait.
const WAITING_BYTES_MAX: usize = 256 << 10;

/// What waits to be shown.
#[derive(Debug, Clone, Default)]
pub(super) struct Board(Rc<State>);

#[derive(Debug, Default)]
struct State {
    waiting: RefCell<Vec<Posted>>,
    /// Whether the user is at the prompt.
    prompting: Cell<bool>,
    posted: Notify,
    shown: Notify,
}

/// What is shown, and where it goes when there is no prompt.
#[derive(Debug)]
enum Posted {
    /// To standard output.
    Printed(Vec<u8>),
    /// To standard error.
    Told(String),
}

impl Board {
    /// Tells a line.
    pub(super) fn tell(&self, line: &str) {
        self.post(Posted::Told(format!("{line}\n")));
    }

    /// Prints bytes that end a line, once there is room for them.
    pub(super) async fn print(&self, bytes: Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        while self.waiting_bytes() >= WAITING_BYTES_MAX {
            self.0.shown.notified().await;
        }
        self.post(Posted::Printed(bytes));
    }

    /// There is a prompt from now on.
    pub(super) fn begin_prompt(&self) {
        self.0.prompting.set(true);
    }

    /// There is none any more.
    pub(super) fn end_prompt(&self) {
        self.0.prompting.set(false);
        show_here(std::mem::take(&mut *self.0.waiting.borrow_mut()));
    }

    /// Shows what is posted, for as long as it is polled.
    pub(super) async fn show(&self, mut printer: Option<Printer>) {
        loop {
            let waiting = std::mem::take(&mut *self.0.waiting.borrow_mut());
            if waiting.is_empty() {
                self.0.posted.notified().await;
                continue;
            }
            match printer.take() {
                Some(above) => printer = show_above(above, waiting).await,
                None => show_here(waiting),
            }
            self.0.shown.notify_waiters();
        }
    }

    fn post(&self, posted: Posted) {
        if !self.0.prompting.get() {
            return show_here(vec![posted]);
        }
        self.0.waiting.borrow_mut().push(posted);
        self.0.posted.notify_one();
    }

    fn waiting_bytes(&self) -> usize {
        let waiting = self.0.waiting.borrow();
        waiting.iter().map(Posted::bytes).map(<[u8]>::len).sum()
    }
}

impl Posted {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Printed(bytes) => bytes,
            Self::Told(line) => line.as_bytes(),
        }
    }
}

/// Gives the printer back, unless it is of no more use.
async fn show_above(mut printer: Printer, waiting: Vec<Posted>) -> Option<Printer> {
    let text = waiting
        .iter()
        .map(|posted| String::from_utf8_lossy(posted.bytes()));
    let text: String = text.collect();
    let printing = tokio::task::spawn_blocking(move || printer.print(text).ok().map(|()| printer));
    printing.await.ok().flatten()
}

fn show_here(waiting: Vec<Posted>) {
    for posted in waiting {
        // Nobody is left to see it when these are closed.
        drop(match posted {
            Posted::Printed(bytes) => io::stdout()
                .write_all(&bytes)
                .and_then(|()| io::stdout().flush()),
            Posted::Told(line) => io::stderr().write_all(line.as_bytes()),
        });
    }
}
