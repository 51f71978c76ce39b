//! Completes paths: asks the server what is in a directory.

use futures_util::future::join_all;

use super::Candidate;
use crate::session::Session;

/// Entries that are offered at most: nobody reads more.
const ENTRIES_MAX: usize = 500;

/// The paths that begin as `begun` does, one name further. A directory ends with a slash.
pub(crate) async fn complete(session: &Session, begun: &str) -> anyhow::Result<Vec<Candidate>> {
    let (typed, name) = begun
        .rsplit_once('/')
        .map_or(("", begun), |(typed, name)| (&begun[..=typed.len()], name));
    let directory = session.path(typed);
    let client = &session.server().await?.client;
    let names = client.list(&directory, None).await?;
    let names = names
        .iter()
        .filter(|found| found.starts_with(name))
        .take(ENTRIES_MAX);
    let below = directory.strip_suffix('/').unwrap_or(&directory);
    let stats = join_all(names.map(|name| async move {
        let stat = client.stat(&format!("{below}/{name}"), None).await;
        stat.map(|stat| (name, stat))
    }));
    let mut found = Vec::new();
    for entry in stats.await {
        let (name, stat) = entry?;
        found.push(if stat.is_dir() {
            Candidate::new(format!("{typed}{name}/"), format!("{} entries", stat.len))
        } else {
            Candidate::new(format!("{typed}{name}"), format!("{} bytes", stat.len))
        });
    }
    Ok(found)
}
