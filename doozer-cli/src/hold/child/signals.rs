//! The signals that are passed on to a child.

use std::fs::File;
use std::future::poll_fn;
use std::io;
use std::task::Poll;

use rustix::process::{Signal as Named, getpgrp};
use rustix::termios::tcgetpgrp;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Those that end a program which does not catch them.
const ENDING: [Named; 4] = [Named::HUP, Named::INT, Named::QUIT, Named::TERM];
/// Those that mean whatever the child makes of them.
const OTHERS: [Named; 2] = [Named::USR1, Named::USR2];
/// What is typed on a terminal goes to all programs in front of it.
const TYPED: [Named; 2] = [Named::INT, Named::QUIT];

/// The signals that this program gets instead of ending by them.
#[derive(Debug)]
pub(crate) struct Signals(Vec<(i32, Signal)>);

impl Signals {
    /// Catches them from now on.
    pub(crate) fn catch() -> io::Result<Self> {
        let all = ENDING.iter().chain(&OTHERS).map(|named| named.as_raw());
        let caught = all.map(|number| Ok((number, signal(SignalKind::from_raw(number))?)));
        caught.collect::<io::Result<_>>().map(Self)
    }

    /// The number of the next one.
    pub(crate) async fn next(&mut self) -> i32 {
        poll_fn(|cx| {
            let mut ready = self
                .0
                .iter_mut()
                .filter_map(|(number, stream)| stream.poll_recv(cx).is_ready().then_some(*number));
            ready.next().map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    /// The number of the next one that asks to end.
    pub(crate) async fn ending(&mut self) -> i32 {
        loop {
            let number = self.next().await;
            if ENDING.iter().any(|named| named.as_raw() == number) {
                return number;
            }
        }
    }
}

/// The exit status that tells of an end by this signal.
pub(crate) fn exit_code(number: i32) -> u8 {
    u8::try_from(128 + number).unwrap_or(u8::MAX)
}

/// Whether the child has got it too, as it was typed on the terminal that both are in front of.
pub(super) fn is_typed(number: i32) -> bool {
    let can_be = TYPED.iter().any(|named| named.as_raw() == number);
    let in_front = || {
        let terminal = File::open("/dev/tty").ok()?;
        Some(tcgetpgrp(terminal).ok()? == getpgrp())
    };
    can_be && in_front().unwrap_or(false)
}
