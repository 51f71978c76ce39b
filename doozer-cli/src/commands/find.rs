//! `find PATH`: prints everything at and below a path.

use thiserror::Error;

use super::{Command, Run};
use crate::args::Invocation;
use crate::output::Output;
use crate::server::Server;

pub(super) const COMMAND: Command = Command {
    name: "find",
    arguments: &["PATH"],
    summary: "Print every directory and file at or below a path",
    details:
        "One path a line, depth first, all as they are at one revision: that of -r, else the present
one. A path that is missing ends with NOENT and exit status 2.",
    options: &[],
    run: Run::OnServer(|server, invocation, output| Box::pin(run(server, invocation, output))),
};

/// There is nothing to begin at.
#[derive(Debug, Error)]
#[error("find {path} at revision {rev}: NOENT")]
struct Missing {
    path: String,
    rev: i64,
}

async fn run(server: &Server, invocation: &Invocation, output: &mut Output) -> anyhow::Result<()> {
    let (client, root) = (&server.client, invocation.word(0));
    let rev = match invocation.rev {
        Some(rev) => rev,
        None => client.rev().await?,
    };
    let stat = client.stat(root, Some(rev)).await?;
    if stat.is_missing() {
        let path = root.to_owned();
        return Err(anyhow::Error::from(Missing { path, rev }).context(server.address.clone()));
    }
    output.line(root)?;
    if !stat.is_dir() {
        return Ok(());
    }
    let below = root.strip_suffix('/').unwrap_or(root);
    let mut walk = client
        .walk_stream(&format!("{below}/**"), Some(rev))
        .await?;
    let mut previous = String::new();
    while let Some(file) = walk.next().await {
        let path = file?.path;
        for directory in new_directories(below, &previous, &path) {
            output.line(directory)?;
        }
        output.line(&path)?;
        previous = path;
    }
    Ok(())
}

/// The directories between `root` and the file `path` that the file before, `previous`, is not in.
///
/// A directory holds something, or is none: files in depth-first order tell of all of them.
fn new_directories<'a>(
    root: &'a str,
    previous: &'a str,
    path: &'a str,
) -> impl Iterator<Item = &'a str> {
    let slashes = path.match_indices('/').map(|(at, _)| at);
    let new = slashes.filter(move |at| *at > root.len() && !previous.starts_with(&path[..=*at]));
    new.map(|at| &path[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(root: &str, files: &[&str], expected: &[&str]) {
        let mut found = Vec::new();
        let mut previous = "";
        for file in files {
            found.extend(new_directories(root, previous, file));
            found.push(file);
            previous = file;
        }
        assert_eq!(found, expected);
    }

    #[test]
    fn a_directory_stands_before_what_it_holds_and_once() {
        check(
            "",
            &["/a/b/c", "/a/b/d", "/a/e", "/a-b/f", "/g"],
            &[
                "/a", "/a/b", "/a/b/c", "/a/b/d", "/a/e", "/a-b", "/a-b/f", "/g",
            ],
        );
    }

    #[test]
    fn the_root_itself_is_left_out() {
        check("/a", &["/a/b", "/a/c/d"], &["/a/b", "/a/c", "/a/c/d"]);
    }

    #[test]
    fn names_that_begin_alike_are_other_directories() {
        check(
            "",
            &["/a/x", "/ab/x", "/ab/a/x"],
            &["/a", "/a/x", "/ab", "/ab/x", "/ab/a", "/ab/a/x"],
        );
    }
}
