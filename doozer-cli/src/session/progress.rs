//! A bar that shows how far something is.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, WeakProgressBar};

use super::Terminal;

/// What is done sooner needs no bar.
const SHOWN_AFTER: Duration = Duration::from_secs(1);

/// A bar on standard error, shown on a terminal alone, and only once a second has passed. It leaves
/// no trace.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    begun: Instant,
    /// Whether it may be shown at all.
    may_show: bool,
}

impl Progress {
    pub(super) fn new(terminal: Terminal, length: u64, what: &str) -> Self {
        let template = if length > 0 {
            "{prefix} [{bar:40}] {pos}/{len} {msg}"
        } else {
            "{spinner} {prefix} {msg}"
        };
        let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::hidden());
        let style = ProgressStyle::with_template(template);
        bar.set_style(style.expect("invariant: the templates are constants"));
        bar.set_prefix(what.to_owned());
        Self {
            bar,
            begun: Instant::now(),
            may_show: terminal.shows_progress(),
        }
    }

    /// Goes on by `count`.
    pub(crate) fn add(&self, count: u64) {
        self.bar.inc(count);
        self.draw();
    }

    /// Goes to `position`.
    pub(crate) fn set(&self, position: u64) {
        self.bar.set_position(position);
        self.draw();
    }

    /// Says what is being done.
    pub(crate) fn say(&self, what: impl Into<String>) {
        self.bar.set_message(what.into());
        self.draw();
    }

    pub(super) fn weak(&self) -> WeakProgressBar {
        self.bar.downgrade()
    }

    fn draw(&self) {
        if self.may_show && self.bar.is_hidden() && self.begun.elapsed() >= SHOWN_AFTER {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.tick();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
