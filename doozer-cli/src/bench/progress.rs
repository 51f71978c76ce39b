//! A bar that shows how far a benchmark is, on a terminal only.

use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::report::per_second;
use super::run::Run;

/// How often the bar is drawn.
const DRAW_EVERY: Duration = Duration::from_millis(200);

/// Draws on standard error for ever, when that is a terminal: how much of `time` is over, and how
/// fast it goes. The bar is removed when the future is dropped.
pub(super) async fn draw(run: Arc<Run>, what: &'static str) {
    let millis = u64::try_from(run.load.time.as_millis()).unwrap_or(u64::MAX);
    let bar = Bar(ProgressBar::new(millis));
    let style = ProgressStyle::with_template("{prefix} [{bar:40}] {percent}% {msg}");
    bar.0
        .set_style(style.expect("invariant: the template is a constant"));
    bar.0.set_prefix(what);
    let mut ticks = tokio::time::interval(DRAW_EVERY);
    let (mut last_count, mut last_time) = (0, Duration::ZERO);
    loop {
        ticks.tick().await;
        let (count, time) = (run.tallies.successes(), run.begin.elapsed());
        let rate = per_second(count - last_count, time.saturating_sub(last_time));
        bar.0
            .set_message(format!("{rate:.0} {}/s", run.load.workload.unit()));
        bar.0.set_position(
            u64::try_from(time.as_millis())
                .unwrap_or(u64::MAX)
                .min(millis),
        );
        (last_count, last_time) = (count, time);
    }
}

/// Leaves no trace on the terminal.
struct Bar(ProgressBar);

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
