//! `edit PATH`: changes a file in an editor.
//!
//! Nothing that was typed is lost: the edited text stays in a file of this machine, which is named,
//! until it stands in the store or the user lets go of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use doozer_client::{Client, File};
use tokio::process::Command as Program;

use super::{Call, Command, set};
use crate::session::Session;
use crate::tree::asked;

pub(super) const COMMAND: Command = Command {
    name: "edit",
    arguments: &["PATH"],
    summary: "Change a file in an editor",
    details:
        "Runs $VISUAL, $EDITOR or vi on the file's bytes, and writes what is left there if the file
has not changed meanwhile. If it has, asks: merge both changes and edit what came of that,
edit again over what is there now, or stop, which leaves the edited text in a file. A file
that is missing is made. Prints the new revision.",
    options: &[],
    formats: true,
    run: |call| Box::pin(run(call)),
};

/// What was edited, and what it was edited from.
struct Draft {
    path: String,
    copy: PathBuf,
    base: File,
}

/// What to do about a file that somebody else has changed.
enum Choice {
    Merge,
    EditAgain,
    Stop,
}

async fn run(call: Call<'_>) -> anyhow::Result<()> {
    let session = call.session;
    let server = session.server().await?;
    let client = &server.client;
    // Before anything is edited that could not be written.
    let path = asked::path(session, call.invocation.word(0))?.to_string();
    let base = client.get(&path, None).await?;
    let folder = tempfile::Builder::new().prefix("doozer-edit-").tempdir();
    let folder = folder.context("cannot make a folder for the editor")?;
    let name = path.rsplit('/').next().filter(|name| !name.is_empty());
    let name = name.unwrap_or("file").to_owned();
    let copy = folder.path().join(&name);
    fs::write(&copy, &base.value).with_context(|| format!("cannot write {}", copy.display()))?;
    let mut draft = Draft { path, copy, base };
    let done = draft.edit_until_written(session, client).await;
    match done {
        Ok(Some(rev)) => Ok(set::print(&draft.path, rev, call.output)?),
        Ok(None) => {
            session.note(format_args!("{}: not changed", draft.path));
            Ok(())
        }
        Err(error) => {
            let kept = folder.keep().join(name);
            Err(error.context(format!("what was edited is kept in {}", kept.display())))
        }
    }
}

impl Draft {
    /// The new revision, if anything was changed.
    async fn edit_until_written(
        &mut self,
        session: &Session,
        client: &Client,
    ) -> anyhow::Result<Option<i64>> {
        loop {
            edit(session, &self.copy).await?;
            let edited = fs::read(&self.copy);
            let edited = edited.with_context(|| format!("cannot read {}", self.copy.display()))?;
            let edited = Bytes::from(edited);
            if edited == self.base.value && self.base.rev != 0 {
                return Ok(None);
            }
            if edited.is_empty() && self.base.rev == 0 {
                return Ok(None);
            }
            match client.set(&self.path, self.base.rev, edited.clone()).await {
                Ok(rev) => return Ok(Some(rev)),
                Err(error) if error.is_rev_mismatch() => {
                    let now = client.get(&self.path, None).await?;
                    self.meet(session, error.into(), &edited, now).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Goes on from `now`, which somebody else has made of the file.
    async fn meet(
        &mut self,
        session: &Session,
        error: anyhow::Error,
        edited: &[u8],
        now: File,
    ) -> anyhow::Result<()> {
        let question = format!(
            "{} has changed: it was at revision {} and is at {}. [m]erge, [e]dit again, [s]top?",
            self.path, self.base.rev, now.rev
        );
        let next = match choose(session, &question).await {
            Some(Choice::Merge) => {
                let merged = merge(&self.base.value, edited, &now.value)?;
                if merged.has_conflicts {
                    session.note("both changed the same lines: they are marked with <<<<<<<");
                }
                merged.text
            }
            Some(Choice::EditAgain) => now.value.to_vec(),
            Some(Choice::Stop) | None => return Err(error),
        };
        if !matches!(fs::read(&self.copy), Ok(kept) if kept == next) {
            let before = self.copy.with_added_extension("mine");
            fs::write(&before, edited).context("cannot keep what was edited")?;
            session.note(format_args!("your version is kept in {}", before.display()));
        }
        fs::write(&self.copy, &next).context("cannot write for the editor")?;
        self.base = now;
        Ok(())
    }
}

async fn choose(session: &Session, question: &str) -> Option<Choice> {
    let answer = session.ask(question).await.ok()?;
    match answer.trim() {
        "m" | "merge" => Some(Choice::Merge),
        "e" | "edit" => Some(Choice::EditAgain),
        "s" | "stop" => Some(Choice::Stop),
        _ => None,
    }
}

struct Merged {
    text: Vec<u8>,
    has_conflicts: bool,
}

/// What two changes of one text make together.
fn merge(base: &[u8], mine: &[u8], theirs: &[u8]) -> anyhow::Result<Merged> {
    let all = [base, mine, theirs];
    ensure!(
        all.iter().all(|text| std::str::from_utf8(text).is_ok()),
        "only text can be merged"
    );
    Ok(match diffy::merge_bytes(base, mine, theirs) {
        Ok(text) => Merged {
            text,
            has_conflicts: false,
        },
        Err(text) => Merged {
            text,
            has_conflicts: true,
        },
    })
}

async fn edit(session: &Session, copy: &Path) -> anyhow::Result<()> {
    let editor = session.editor();
    let line = format!("{editor} \"$1\"");
    let mut child = Program::new("sh")
        .args(["-c", &line, "sh"])
        .arg(copy)
        .stdin(Stdio::inherit())
        .spawn()
        .with_context(|| format!("cannot run the editor {editor:?}"))?;
    let status = child.wait().await.context("cannot wait for the editor")?;
    if !status.success() {
        bail!("the editor {editor:?} failed ({status}): set EDITOR to another");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(base: &str, mine: &str, theirs: &str, expected: &str, conflicts: bool) {
        let merged = merge(base.as_bytes(), mine.as_bytes(), theirs.as_bytes()).unwrap();
        let text = String::from_utf8(merged.text).unwrap();
        assert_eq!((text.as_str(), merged.has_conflicts), (expected, conflicts));
    }

    #[test]
    fn changes_of_other_lines_go_together() {
        check(
            "a\nb\nc\nd\ne\n",
            "A\nb\nc\nd\ne\n",
            "a\nb\nc\nd\nE\n",
            "A\nb\nc\nd\nE\n",
            false,
        );
        check("a\n", "b\n", "a\n", "b\n", false);
        check("a\n", "a\n", "b\n", "b\n", false);
    }

    #[test]
    fn changes_of_the_same_line_are_marked() {
        let merged = merge(b"a\n", b"mine\n", b"theirs\n").unwrap();
        let text = String::from_utf8(merged.text).unwrap();
        assert!(merged.has_conflicts);
        for part in ["<<<<<<<", "mine\n", "theirs\n", ">>>>>>>"] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn what_is_no_text_is_not_merged() {
        assert!(merge(b"\xff", b"a", b"b").is_err());
    }
}
