//! What is in the directories of the store, for completion: asked in the background, kept for some
//! seconds.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::session::{Session, absolute_path};

/// For so long a directory counts as known.
const KEPT_FOR: Duration = Duration::from_secs(5);
/// So long a key may wait for an answer: people feel more than 100 ms.
const KEY_WAITS: Duration = Duration::from_millis(80);
/// An answer that takes longer is of no use.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// Directories that are kept.
const DIRECTORIES_MAX: usize = 256;
/// Of so many names it is found out which are directories; of those behind, it is not.
const LOOKED_AT_MAX: usize = 1000;
/// Names looked at in one go.
const LOOKED_AT_TOGETHER: usize = 64;
/// Questions that stand in line.
const ASKED_MAX: usize = 8;

/// The names that are known. The editor's thread asks, the runtime's answers.
#[derive(Debug, Clone)]
pub(super) struct Names(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    known: Mutex<Known>,
    told: Condvar,
    asked: mpsc::Sender<String>,
}

#[derive(Debug)]
struct Known {
    /// The shell's directory.
    directory: String,
    listings: HashMap<String, Listing>,
}

#[derive(Debug)]
struct Listing {
    entries: Vec<Entry>,
    fresh_until: Instant,
}

/// A name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) is_directory: bool,
}

impl Names {
    /// None yet, and what will be asked.
    pub(super) fn new() -> (Self, mpsc::Receiver<String>) {
        let (asked, asks) = mpsc::channel(ASKED_MAX);
        let known = Known {
            directory: "/".to_owned(),
            listings: HashMap::new(),
        };
        let shared = Shared {
            known: Mutex::new(known),
            told: Condvar::new(),
            asked,
        };
        (Self(Arc::new(shared)), asks)
    }

    /// What is in the directory `typed`, as far as it is known soon.
    pub(super) fn in_directory(&self, typed: &str) -> Vec<Entry> {
        let known = self.known();
        let path = absolute_path(&known.directory, typed);
        let mut known = known;
        if !known.is_fresh(&path) && self.0.asked.try_send(path.clone()).is_ok() {
            let waited = self
                .0
                .told
                .wait_timeout_while(known, KEY_WAITS, |known| !known.is_fresh(&path));
            (known, _) = waited.expect(UNPOISONED);
        }
        let listing = known.listings.get(&path);
        listing
            .map(|listing| listing.entries.clone())
            .unwrap_or_default()
    }

    /// A command has run, in `directory` from now on: what is known may be so no more.
    pub(super) fn expire(&self, directory: String) {
        let mut known = self.known();
        known.directory = directory;
        let now = Instant::now();
        for listing in known.listings.values_mut() {
            listing.fresh_until = now;
        }
    }

    /// Answers what is asked, for as long as it is polled.
    pub(super) async fn answer(&self, session: &Session, mut asks: mpsc::Receiver<String>) {
        while let Some(path) = asks.recv().await {
            // What cannot be listed has nothing to offer; why, the next command tells.
            let listed = timeout(ANSWER_WITHIN, list(session, &path)).await;
            self.learn(path, listed.ok().and_then(Result::ok).unwrap_or_default());
        }
        std::future::pending::<()>().await;
    }

    fn learn(&self, path: String, entries: Vec<Entry>) {
        let mut known = self.known();
        if known.listings.len() >= DIRECTORIES_MAX {
            known.listings.clear();
        }
        let fresh_until = Instant::now() + KEPT_FOR;
        known.listings.insert(
            path,
            Listing {
                entries,
                fresh_until,
            },
        );
        self.0.told.notify_all();
    }

    /// Names, of which those with a slash at their end are directories.
    #[cfg(test)]
    pub(super) fn learn_for_tests(&self, path: &str, names: &[&str]) {
        let entries = names.iter().map(|name| Entry {
            name: name.trim_end_matches('/').to_owned(),
            is_directory: name.ends_with('/'),
        });
        self.learn(path.to_owned(), entries.collect());
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().expect(UNPOISONED)
    }
}

const UNPOISONED: &str = "invariant: nobody panics while holding what is known";

impl Known {
    fn is_fresh(&self, path: &str) -> bool {
        let listing = self.listings.get(path);
        listing.is_some_and(|listing| Instant::now() < listing.fresh_until)
    }
}

async fn list(session: &Session, path: &str) -> anyhow::Result<Vec<Entry>> {
    let client = session.server().await?.client.clone();
    let names = client.list(path, None).await?;
    let parent = path.trim_end_matches('/');
    let looked_at = names.iter().enumerate().map(async |(index, name)| {
        let is_directory = if index < LOOKED_AT_MAX {
            let stat = client.stat(&format!("{parent}/{name}"), None).await;
            stat.is_ok_and(|stat| stat.rev == doozer_client::REV_DIR)
        } else {
            false
        };
        Entry {
            name: name.clone(),
            is_directory,
        }
    });
    Ok(stream::iter(looked_at)
        .buffered(LOOKED_AT_TOGETHER)
        .collect()
        .await)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str) -> Entry {
        Entry {
            name: name.to_owned(),
            is_directory: false,
        }
    }

    #[test]
    fn what_is_known_is_told_at_once_and_asked_again_when_it_is_old() {
        let (names, mut asks) = Names::new();
        names.learn("/a".to_owned(), vec![entry("b")]);
        assert_eq!(names.in_directory("a/"), [entry("b")]);
        assert!(asks.try_recv().is_err());
        names.expire("/a".to_owned());
        assert_eq!(names.in_directory(""), [entry("b")]);
        assert_eq!(asks.try_recv().unwrap(), "/a");
    }

    #[test]
    fn a_key_does_not_wait_long() {
        let (names, _asks) = Names::new();
        let begun = Instant::now();
        assert_eq!(names.in_directory("/"), []);
        assert!(begun.elapsed() >= KEY_WAITS, "{:?}", begun.elapsed());
    }

    #[test]
    fn an_answer_ends_the_waiting() {
        let (names, mut asks) = Names::new();
        let answering = names.clone();
        let answer = std::thread::spawn(move || {
            let path = asks.blocking_recv().unwrap();
            answering.learn(path, vec![entry("x")]);
        });
        assert_eq!(names.in_directory("/d"), [entry("x")]);
        answer.join().unwrap();
    }
}
