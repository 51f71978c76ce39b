//! Arguments that are values: `text`, `@FILE`, or `-` for what standard input holds.

use std::fs::File;

use anyhow::Context;
use bytes::Bytes;

use crate::input::{Input, read_value};

/// The value that `argument` stands for. `@@x` is the text `@x`.
pub(crate) async fn read(argument: &str, input: &mut Input) -> anyhow::Result<Bytes> {
    if argument == "-" {
        return input.read().await;
    }
    match argument.strip_prefix('@') {
        None => Ok(Bytes::copy_from_slice(argument.as_bytes())),
        Some(text) if text.starts_with('@') => Ok(Bytes::copy_from_slice(text.as_bytes())),
        Some(path) => {
            let path = path.to_owned();
            // Elsewhere, as the file may be a pipe that is slow to come.
            tokio::task::spawn_blocking(move || read_file(&path)).await?
        }
    }
}

fn read_file(path: &str) -> anyhow::Result<Bytes> {
    let mut file = File::open(path).with_context(|| format!("cannot open {path}"))?;
    read_value(&mut file, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn check(argument: &str, expected: &str) {
        let got = read(argument, &mut Input::of_bytes("from input")).await;
        assert_eq!(got.unwrap(), expected, "{argument}");
    }

    #[tokio::test]
    async fn a_value_stands_inline_or_comes_from_elsewhere() {
        check("text", "text").await;
        check("", "").await;
        check("a@b", "a@b").await;
        check("-", "from input").await;
        check("@@x", "@x").await;
        check("@@@x", "@@x").await;
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_opened_is_named() {
        let error = read("@no/such", &mut Input::none()).await.unwrap_err();
        assert_eq!(error.to_string(), "cannot open no/such");
    }
}
