//! Completes command lines: what may stand where the cursor is. Made from the table of commands.

mod paths;
mod wanted;

use std::time::Duration;

use crate::args::Target;
use crate::session::Session;

pub(crate) use wanted::{Wanted, wanted};

/// How long somebody who has typed a tab waits for an answer of the server.
const ASKED_WITHIN: Duration = Duration::from_millis(500);

/// Something that may stand at the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// The whole word.
    pub(crate) word: String,
    /// What it is, in a line.
    pub(crate) help: String,
}

impl Candidate {
    pub(crate) fn new(word: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            word: word.into(),
            help: help.into(),
        }
    }
}

/// What may stand at the cursor.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Completion {
    /// One of these words. One that ends with a slash goes on.
    Words(Vec<Candidate>),
    /// A file of this machine, which shells know how to complete.
    Files,
}

/// What may stand in the place of the last of `words`, the words of a command line so far, the last
/// of them unfinished, or empty. Whatever cannot be found out in time is left out.
pub(crate) async fn complete(session: &Session, words: &[String]) -> Completion {
    let (wanted, target) = wanted(words);
    let last = words.last().map_or("", String::as_str);
    match wanted {
        Wanted::Words(candidates) => Completion::Words(candidates),
        Wanted::Files => Completion::Files,
        Wanted::Profiles => Completion::Words(profiles(session, last)),
        Wanted::Path => Completion::Words(paths_in_time(session, &target, last).await),
    }
}

fn profiles(session: &Session, begun: &str) -> Vec<Candidate> {
    let Ok(config) = session.config() else {
        return Vec::new();
    };
    let profiles = config
        .profiles()
        .filter(|(name, _)| name.starts_with(begun));
    let named = profiles.map(|(name, profile)| Candidate::new(name, profile.uri().to_string()));
    named.collect()
}

async fn paths_in_time(session: &Session, target: &Target, begun: &str) -> Vec<Candidate> {
    let session = session.elsewhere(target, ASKED_WITHIN);
    let found = tokio::time::timeout(ASKED_WITHIN, paths::complete(&session, begun)).await;
    found.ok().and_then(Result::ok).unwrap_or_default()
}
