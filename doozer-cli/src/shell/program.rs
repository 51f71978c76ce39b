//! Other programs, which a command's output goes to.

use std::collections::BTreeMap;
use std::process::{ExitStatus, Stdio};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::belt::Belt;
use super::board::Board;

/// What is read of a program's output at once.
const READ_BYTES: usize = 16 << 10;

/// What a program that was killed by signal N ends with, as in sh: 128 + N.
const EXIT_SIGNAL: i32 = 128;

/// Who has the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ground {
    /// The program, while it runs.
    Fore,
    /// The prompt: the program's output goes above it, and Ctrl-C is none of its business.
    Back,
}

/// Programs that read what a command prints: a command line of `sh`.
#[derive(Debug)]
pub(super) struct Program {
    child: Child,
    ground: Ground,
}

impl Program {
    /// Starts `text`, with `variables` in its environment.
    pub(super) fn start(
        text: &str,
        variables: &BTreeMap<String, String>,
        ground: Ground,
    ) -> anyhow::Result<Self> {
        let errors_too = match ground {
            Ground::Fore => "",
            Ground::Back => "exec 2>&1\n",
        };
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("{errors_too}{text}")])
            .envs(variables)
            .stdin(Stdio::piped())
            .kill_on_drop(true);
        if ground == Ground::Back {
            command.process_group(0).stdout(Stdio::piped());
        }
        let child = command.spawn().context("cannot start sh")?;
        Ok(Self { child, ground })
    }

    /// Gives it what is on `belt`, up to the end of that.
    pub(super) async fn feed(stdin: Option<ChildStdin>, belt: &Belt) {
        let Some(mut stdin) = stdin else { return };
        while let Some(bytes) = belt.take().await {
            if stdin.write_all(&bytes).await.is_err() {
                return belt.close();
            }
        }
    }

    pub(super) fn stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    pub(super) fn stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Its end: an exit status, 0 for success.
    pub(super) async fn end(&mut self) -> anyhow::Result<u8> {
        let status = self
            .child
            .wait()
            .await
            .context("cannot wait for the program")?;
        Ok(u8::try_from(code(status)).unwrap_or(u8::MAX))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let group = self.child.id().and_then(|id| i32::try_from(id).ok());
        if let (Ground::Back, Some(group)) = (self.ground, group.and_then(Pid::from_raw)) {
            // Fails when all of it has ended already.
            let _ended = kill_process_group(group, Signal::TERM);
        }
    }
}

fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    let killed = || status.signal().map(|signal| EXIT_SIGNAL + signal);
    status.code().or_else(killed).unwrap_or(1)
}

/// Shows what a program in the background prints.
pub(super) async fn show(stdout: Option<ChildStdout>, board: &Board) {
    let Some(mut stdout) = stdout else { return };
    let mut lines = Lines::default();
    let mut bytes = vec![0; READ_BYTES];
    while let Ok(length @ 1..) = stdout.read(&mut bytes).await {
        board.print(lines.take(&bytes[..length])).await;
    }
    board.print(lines.rest()).await;
}

/// Shows what a command in the background prints.
pub(super) async fn show_belt(belt: &Belt, board: &Board) {
    let mut lines = Lines::default();
    while let Some(bytes) = belt.take().await {
        board.print(lines.take(&bytes)).await;
    }
    board.print(lines.rest()).await;
}

/// Holds back what does not end a line yet, so that lines of several commands do not mix.
#[derive(Debug, Default)]
struct Lines(Vec<u8>);

impl Lines {
    fn take(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.0.extend_from_slice(bytes);
        let whole = self.0.iter().rposition(|byte| *byte == b'\n');
        self.0.drain(..whole.map_or(0, |at| at + 1)).collect()
    }

    fn rest(&mut self) -> Vec<u8> {
        let mut rest = std::mem::take(&mut self.0);
        if !rest.is_empty() {
            rest.push(b'\n');
        }
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole() {
        let mut lines = Lines::default();
        assert_eq!(lines.take(b"a"), b"");
        assert_eq!(lines.take(b"b\nc\nd"), b"ab\nc\n");
        assert_eq!(lines.rest(), b"d\n");
        assert_eq!(lines.rest(), b"");
    }
}
