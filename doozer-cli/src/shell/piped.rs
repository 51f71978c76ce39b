//! Lines from a pipe or a file: no prompt, data alone on standard output.

use std::io::{self, BufRead, Read};

use anyhow::{Context, ensure};

use super::execute::INTERRUPTED;
use super::statement;
use super::{Flow, Shell};
use crate::output::Output;

/// The longest command, with its here-document.
const COMMAND_BYTES_MAX: usize = 1 << 20;

/// Runs what standard input holds, a line as soon as it is there. A failure is told, and the next
/// line runs; the exit status is that of the last one that failed.
pub(super) async fn run(shell: &Shell, output: &mut Output) -> anyhow::Result<u8> {
    let mut failed = 0;
    let mut text = String::new();
    loop {
        let line = tokio::select! {
            line = next_line() => line?,
            () = Shell::interrupted(1) => return Ok(INTERRUPTED),
        };
        text.push_str(&line);
        ensure!(
            text.len() <= COMMAND_BYTES_MAX,
            "a command in standard input has more than {COMMAND_BYTES_MAX} bytes"
        );
        let unfinished = statement::read(&text).is_err_and(|wrong| wrong.unfinished);
        if unfinished && !line.is_empty() {
            continue;
        }
        let flow = shell.line(&std::mem::take(&mut text), output).await;
        match shell.status.get() {
            0 => {}
            INTERRUPTED => return Ok(INTERRUPTED),
            status => failed = status,
        }
        match flow {
            Flow::Exit(status) => return Ok(status),
            Flow::On if line.is_empty() => return Ok(failed),
            Flow::On => {}
        }
    }
}

/// The next line with its end; an empty one at the end of all.
async fn next_line() -> anyhow::Result<String> {
    // Elsewhere, so that the connection and what runs in the background live meanwhile.
    let line = tokio::task::spawn_blocking(|| {
        let mut line = Vec::new();
        let mut limited = io::stdin().lock().take(COMMAND_BYTES_MAX as u64 + 1);
        limited.read_until(b'\n', &mut line).map(|_| line)
    });
    let line = line.await?.context("cannot read standard input")?;
    String::from_utf8(line).context("standard input is no text")
}
