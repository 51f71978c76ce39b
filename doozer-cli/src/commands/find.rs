//! `find PATH`: prints everything at and below a path.

use thiserror::Error;

use super::{Call, Command};
use crate::output::{Format, Output, OutputError, Record};

pub(super) const COMMAND: Command = Command {
    name: "find",
    arguments: &["PATH"],
    summary: "Print every directory and file at or below a path",
    details:
        "One path a line, depth first, all as they are at one revision: that of -r, else the present
one. A path that is missing ends with NOENT and exit status 2.",
    options: &[],
    formats: true,
    run: |call| Box::pin(run(call)),
};

/// There is nothing to begin at.
#[derive(Debug, Error)]
#[error("find {path} at revision {rev}: NOENT")]
struct Missing {
    path: String,
    rev: i64,
}

async fn run(call: Call<'_>) -> anyhow::Result<()> {
    let server = call.session.server().await?;
    let root = &call.session.original_path(call.invocation.word(0));
    let (client, output) = (&server.client, call.output);
    let rev = match call.invocation.rev {
        Some(rev) => rev,
        None => client.rev().await?,
    };
    let stat = client.stat(root, Some(rev)).await?;
    if stat.is_missing() {
        let path = root.to_owned();
        return Err(server.at(Missing { path, rev }));
    }
    print(output, root, stat.is_dir())?;
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
            print(output, directory, true)?;
        }
        print(output, &path, false)?;
        previous = path;
    }
    Ok(())
}

fn print(output: &mut Output, path: &str, directory: bool) -> Result<(), OutputError> {
    match output.format() {
        Format::Text => output.line(path),
        _ => output.record(
            &Record::new()
                .text("path", path)
                .bool("directory", directory),
        ),
    }
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
