//! Where a secret is, and how it is had. It is never shown.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use doozer_client::Secret;
use serde::Deserialize;
use tokio::process::Command;

use crate::args;

/// The longest secret.
const SECRET_BYTES_MAX: usize = 1 << 16;

/// How long a command may take to tell a secret, which somebody may have to unlock first.
const COMMAND_WITHIN: Duration = Duration::from_secs(120);

/// Where a secret is.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SecretSource {
    /// What this file holds, without the line's end.
    File(PathBuf),
    /// What this variable of the environment holds.
    Env(String),
    /// What this command line, run by the shell, prints, without the line's end.
    Command(String),
}

impl SecretSource {
    /// The secret. The path of a file may be relative to `folder`.
    pub(crate) async fn read(&self, folder: &Path) -> anyhow::Result<Secret> {
        let bytes = match self {
            Self::File(path) => read_file(&folder.join(path))?,
            Self::Env(name) => match args::variable(name) {
                Some(value) => value.into_bytes(),
                None => bail!("the secret's variable {name} is not set"),
            },
            Self::Command(line) => printed(line).await?,
        };
        let bytes = without_line_end(bytes);
        ensure!(!bytes.is_empty(), "the secret is empty ({self})");
        ensure!(
            bytes.len() <= SECRET_BYTES_MAX,
            "the secret has more than {SECRET_BYTES_MAX} bytes ({self})"
        );
        Ok(Secret::new(bytes))
    }
}

/// Says where it is. A command line is not shown: it may hold the secret itself.
impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Env(name) => write!(f, "env {name}"),
            Self::Command(_) => f.write_str("command"),
        }
    }
}

impl fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn read_file(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read the secret in {}", path.display()))
}

async fn printed(line: &str) -> anyhow::Result<Vec<u8>> {
    let running = Command::new("sh")
        .args(["-c", line])
        .stdin(Stdio::inherit())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output();
    let ended = tokio::time::timeout(COMMAND_WITHIN, running).await;
    let ended =
        ended.with_context(|| format!("the secret's command took over {COMMAND_WITHIN:?}"))?;
    let output = ended.context("cannot run the secret's command")?;
    ensure!(
        output.status.success(),
        "the secret's command failed: {}",
        output.status
    );
    Ok(output.stdout)
}

fn without_line_end(mut bytes: Vec<u8>) -> Vec<u8> {
    while bytes
        .last()
        .is_some_and(|last| matches!(last, b'\n' | b'\r'))
    {
        bytes.pop();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(source: SecretSource) -> Result<Vec<u8>, String> {
        let secret = source.read(Path::new("/none")).await;
        let secret = secret.map(|secret| secret.reveal().to_vec());
        secret.map_err(|error| format!("{error:#}"))
    }

    #[tokio::test]
    async fn a_command_prints_the_secret() {
        let source = SecretSource::Command("echo hunter2".to_owned());
        assert_eq!(format!("{source:?} {source}"), "command command");
        assert_eq!(read(source).await.unwrap(), b"hunter2");
        let failed = read(SecretSource::Command("exit 3".to_owned())).await;
        assert_eq!(
            failed.unwrap_err(),
            "the secret's command failed: exit status: 3"
        );
    }

    #[tokio::test]
    async fn a_secret_that_is_not_there_is_told_by_its_place() {
        let error = read(SecretSource::Env("NO_SUCH_VARIABLE".to_owned())).await;
        assert_eq!(
            error.unwrap_err(),
            "the secret's variable NO_SUCH_VARIABLE is not set"
        );
        let error = read(SecretSource::File("secret".into())).await.unwrap_err();
        assert!(
            error.starts_with("cannot read the secret in /none/secret: "),
            "{error}"
        );
        let error = read(SecretSource::Command("echo".to_owned())).await;
        assert_eq!(error.unwrap_err(), "the secret is empty (command)");
    }
}
