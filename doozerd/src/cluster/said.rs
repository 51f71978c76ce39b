//! Says a thing once, and again when it has changed or a while has passed.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;
use tracing::{info, warn};

/// How often trouble that stays is said again.
const SAY_EVERY: Duration = Duration::from_secs(30);

/// What was said last, by what it is about.
#[derive(Debug, Default)]
pub(super) struct Said(HashMap<&'static str, (String, Instant)>);

impl Said {
    /// Says a trouble, again while it stays.
    pub(super) fn say(&mut self, what: &'static str, detail: &str) {
        if self.is_due(what, detail, Some(SAY_EVERY)) {
            warn!(detail, "{what}");
        }
    }

    /// Says a step, once.
    pub(super) fn note(&mut self, what: &'static str, detail: &str) {
        if self.is_due(what, detail, None) {
            info!(detail, "{what}");
        }
    }

    fn is_due(&mut self, what: &'static str, detail: &str, again: Option<Duration>) -> bool {
        let now = Instant::now();
        if let Some((before, at)) = self.0.get(what)
            && before == detail
            && again.is_none_or(|again| now.saturating_duration_since(*at) < again)
        {
            return false;
        }
        self.0.insert(what, (detail.to_owned(), now));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn trouble_is_said_again_after_a_while_and_a_step_is_not() {
        let mut said = Said::default();
        let due = |said: &mut Said, detail, again| said.is_due("x", detail, again);
        assert!(due(&mut said, "a", Some(SAY_EVERY)));
        assert!(!due(&mut said, "a", Some(SAY_EVERY)));
        assert!(due(&mut said, "b", Some(SAY_EVERY)));
        tokio::time::advance(SAY_EVERY).await;
        assert!(!due(&mut said, "b", None));
        assert!(due(&mut said, "b", Some(SAY_EVERY)));
    }
}
