//! Waiting for a condition in another process, which has nobody here to signal it.

use std::time::{Duration, Instant};

use crate::server::Server;

/// How long between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Waits until `condition` holds, and panics naming `what` when it does not within `limit`.
pub fn until(what: &str, limit: Duration, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(
            begin.elapsed() < limit,
            "waited {limit:?} in vain until {what}"
        );
        pause(LOOK_EVERY);
    }
}

/// Whether some line of `server`'s log holds all of `words`.
pub fn has_line(server: &Server, words: &[&str]) -> bool {
    let holds = |line: &str| words.iter().all(|word| line.contains(word));
    server.log().lines().any(holds)
}

/// Waits until some line of `server`'s log holds all of `words`.
#[track_caller]
pub fn until_line(server: &Server, words: &[&str], limit: Duration) {
    let what = format!("{} logs {words:?}", server.addr());
    until(&what, limit, || has_line(server, words));
}

/// Lets real time pass, where the time itself is what is tested.
#[expect(
    clippy::disallowed_methods,
    reason = "the condition lives in another process, and there is no runtime here"
)]
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}
