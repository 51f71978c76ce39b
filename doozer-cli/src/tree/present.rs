//! Reads what the store holds, as far as it concerns a document.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use bytes::Bytes;
use doozer_client::{Client, ErrCode, Error};

use super::document::{Document, Found};
use super::path::StorePath;
use super::plan::Present;
use super::window::{self, Job};

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    Missing,
    File(Found),
    Directory,
}

/// What is at `path` now.
pub(crate) async fn look(client: &Client, path: &StorePath) -> Result<Seen, Error> {
    match client.get(path.as_str(), None).await {
        Ok(file) if file.rev == 0 => Ok(Seen::Missing),
        Ok(file) => Ok(Seen::File(Found {
            rev: file.rev,
            value: file.value,
        })),
        Err(error) if error.code() == Some(ErrCode::Isdir) => Ok(Seen::Directory),
        Err(error) => Err(error),
    }
}

/// Looks at all `paths`, and hands what is at each to `seen`. With each stands about how many bytes
/// the answer has.
pub(crate) async fn look_at_all<'a>(
    client: &Client,
    paths: impl IntoIterator<Item = (&'a StorePath, usize)>,
    mut seen: impl FnMut(&'a StorePath, Seen),
) -> Result<(), Error> {
    let jobs = paths.into_iter().map(|(path, bytes)| Job {
        bytes,
        future: async move { (path, look(client, path).await) },
    });
    let mut failed = None;
    window::run(jobs, |(path, found)| match found {
        Ok(found) => {
            seen(path, found);
            ControlFlow::Continue(())
        }
        Err(error) => {
            failed.get_or_insert(error);
            ControlFlow::Break(())
        }
    })
    .await;
    failed.map_or(Ok(()), Err)
}

/// Reads what concerns `wanted`: with `prune`, all that lies below its directories.
///
/// Each file is read at a revision of its own: what happens in between is found when the plan is
/// carried out. Calls `tick` for each.
pub(crate) async fn read(
    client: &Client,
    wanted: &Document,
    prune: bool,
    tick: &dyn Fn(),
) -> Result<Present, Error> {
    let mut present = Present::default();
    if prune {
        for directory in wanted.topmost() {
            read_below(client, directory, &mut present, tick).await?;
        }
    }
    let paths = to_look_at(wanted, prune);
    // What is there is likely as long as what is wanted there.
    let bytes = |path: &StorePath| wanted.files().get(path).map_or(0, Bytes::len);
    let paths = paths.iter().map(|path| (path, bytes(path)));
    look_at_all(client, paths, |path, seen| {
        tick();
        match seen {
            Seen::File(found) => drop(present.files.insert(path.clone(), found)),
            Seen::Directory if wanted.files().contains_key(path) => {
                present.directories.insert(path.clone());
            }
            Seen::Missing | Seen::Directory => {}
        }
    })
    .await?;
    if prune {
        for directory in present.directories.clone() {
            read_below(client, &directory, &mut present, tick).await?;
        }
        let directories = present.files.keys().flat_map(StorePath::directories);
        let in_the_way = directories.filter(|path| wanted.files().contains_key(path));
        present.directories.extend(in_the_way);
    }
    Ok(present)
}

/// The paths that have to be looked at one by one: where files and directories are wanted, but for
/// what lies below directories that are read as a whole.
fn to_look_at(wanted: &Document, prune: bool) -> BTreeSet<StorePath> {
    let topmost: BTreeSet<&StorePath> = wanted.topmost().collect();
    let read = |path: &StorePath| prune && path.directories().any(|path| topmost.contains(&path));
    let files = wanted.files().keys();
    let paths = files
        .chain(wanted.directories())
        .filter(|path| !read(path))
        .cloned();
    paths.chain(wanted.base().directories()).collect()
}

async fn read_below(
    client: &Client,
    directory: &StorePath,
    present: &mut Present,
    tick: &dyn Fn(),
) -> Result<(), Error> {
    let mut walk = client.walk_stream(&directory.glob_below(), None).await?;
    while let Some(file) = walk.next().await {
        let file = file?;
        tick();
        let path = StorePath::parse(&file.path).map_err(|_invalid| Error::BadAnswer {
            request: format!("WALK {}", directory.glob_below()),
            missing: "valid path",
        })?;
        let (rev, value) = (file.rev, file.value);
        present.files.insert(path, Found { rev, value });
    }
    Ok(())
}
