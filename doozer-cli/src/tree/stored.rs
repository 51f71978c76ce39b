//! Trees and files as a server has them, read whole and at one revision.

use std::collections::BTreeMap;

use anyhow::Context;
use doozer_client::Client;

use super::document::Found;
use super::path::StorePath;

/// What is at a path and below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    /// The path.
    pub(crate) root: StorePath,
    /// The file that is there, or the files below it; none if there is nothing.
    pub(crate) files: BTreeMap<StorePath, Found>,
    /// Whether it is a directory.
    pub(crate) is_directory: bool,
}

/// Reads what is at `root`, now or at revision `rev`. Calls `tick` for each file.
pub(crate) async fn load(
    client: &Client,
    root: &StorePath,
    rev: Option<i64>,
    tick: &dyn Fn(),
) -> anyhow::Result<Stored> {
    let rev = match rev {
        Some(rev) => rev,
        None => client.rev().await?,
    };
    let stat = client.stat(root.as_str(), Some(rev)).await?;
    let mut stored = Stored {
        root: root.clone(),
        files: BTreeMap::new(),
        is_directory: stat.is_dir(),
    };
    if stat.is_dir() {
        let mut walk = client.walk_stream(&root.glob_below(), Some(rev)).await?;
        while let Some(file) = walk.next().await {
            let file = file?;
            tick();
            let path = StorePath::parse(&file.path).context("the server's answer to WALK")?;
            let (rev, value) = (file.rev, file.value);
            stored.files.insert(path, Found { rev, value });
        }
    } else if !stat.is_missing() {
        let file = client.get(root.as_str(), Some(rev)).await?;
        let (rev, value) = (file.rev, file.value);
        stored.files.insert(root.clone(), Found { rev, value });
    }
    Ok(stored)
}

impl Stored {
    /// Leaves out all below `/ctl`, and returns how many files that were.
    pub(crate) fn take_ctl(&mut self) -> usize {
        let before = self.files.len();
        self.files.retain(|path, _| !path.is_ctl());
        before - self.files.len()
    }
}
