//! Makes text of words: puts in what variables hold and what commands print.

use std::fmt::Write;

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

use super::effects;
use super::failure::Unknown;
use super::limits::{PRINTED_BYTES_MAX, is_in_path};
use super::run::Runner;
use super::syntax::{Part, Word};
use crate::input::Input;
use crate::output::Output;
use crate::run::execute;
use crate::value;

/// How much of a word is told.
const TOLD_CHARS_MAX: usize = 60;

impl Runner<'_> {
    /// The text of `word`.
    pub(super) async fn text(&mut self, word: &Word) -> anyhow::Result<String> {
        self.parts(&word.parts).await
    }

    /// The texts of `words`.
    pub(super) async fn texts(&mut self, words: &[Word]) -> anyhow::Result<Vec<String>> {
        let mut texts = Vec::new();
        for word in words {
            texts.push(self.text(word).await?);
        }
        Ok(texts)
    }

    /// The text of `word` as an absolute path.
    pub(super) async fn path(&mut self, word: &Word) -> anyhow::Result<String> {
        let text = self.text(word).await?;
        ensure!(!text.is_empty(), "a path is empty");
        let wrong = text.chars().find(|c| !is_in_path(*c));
        if let Some(c) = wrong {
            bail!("{}: a path has no {c:?}", told_word(text.as_bytes()));
        }
        Ok(self.session.path(&text))
    }

    /// The value that `word` stands for. What a variable holds is a value as it is; `@FILE` and `-`
    /// are written out.
    pub(super) async fn value(&mut self, word: &Word) -> anyhow::Result<Bytes> {
        let text = self.text(word).await?;
        if word.bare_beginning().starts_with('@') || word.keyword() == Some("-") {
            return self.guards.run(value::read(&text, self.input)).await;
        }
        Ok(text.into())
    }

    /// The texts of the words of a command line. No variable makes an option.
    pub(super) async fn arguments(&mut self, words: &[Word]) -> anyhow::Result<Vec<String>> {
        let mut texts: Vec<String> = Vec::new();
        for word in words {
            let text = self.text(word).await?;
            let behind_hyphens = texts.iter().any(|text| text == "--");
            let written =
                matches!(word.parts.first(), Some(Part::Text { text, .. }) if !text.is_empty());
            if !written && !behind_hyphens && looks_like_option(&text) {
                bail!("{text:?} comes from a variable, and would be an option: write -- before it");
            }
            texts.push(text);
        }
        Ok(texts)
    }

    /// What `for` goes over: words, of which what an unquoted variable holds or an unquoted command
    /// prints is split at blanks and ends of lines.
    pub(super) async fn list(&mut self, words: &[Word]) -> anyhow::Result<Vec<String>> {
        let mut list = Vec::new();
        for word in words {
            let mut current = None;
            for part in &word.parts {
                let text = self.part(part).await?;
                let whole = part.is_quoted() || matches!(part, Part::Text { .. });
                add_to(&mut list, &mut current, &text, whole);
            }
            list.extend(current);
        }
        Ok(list)
    }

    fn parts<'w>(&'w mut self, parts: &'w [Part]) -> LocalBoxFuture<'w, anyhow::Result<String>> {
        let text = async move {
            let mut text = String::new();
            for part in parts {
                text.push_str(&self.part(part).await?);
            }
            Ok(text)
        };
        text.boxed_local()
    }

    async fn part(&mut self, part: &Part) -> anyhow::Result<String> {
        match part {
            Part::Text { text, .. } => Ok(text.clone()),
            Part::Variable { name, default, .. } => {
                let value = self.variables.get(name);
                match (value, default) {
                    (Some(value), None) => Ok(value.clone()),
                    (Some(value), Some(_)) if !value.is_empty() => Ok(value.clone()),
                    (_, Some(default)) => self.parts(default).await,
                    (None, None) => bail!("the variable {name} is not set"),
                }
            }
            Part::Output { words, .. } => self.printed(words).await,
        }
    }

    /// What the command of `words` prints, without the ends of lines at its end.
    async fn printed(&mut self, words: &[Word]) -> anyhow::Result<String> {
        let words = self.arguments(words).await?;
        let told = told_words(&words);
        self.begin(&told);
        if self.mode.dry_run && !effects::only_reads(&words) {
            self.would(&format!("run {told}"))?;
            return Err(Unknown(told).into());
        }
        let printed = match self.pretended.printed(&words) {
            Some(printed) => printed.to_vec(),
            None => self.captured(words).await?,
        };
        ensure!(
            printed.len() <= PRINTED_BYTES_MAX,
            "the command printed {} bytes, more than the {PRINTED_BYTES_MAX} that $(…) takes",
            printed.len()
        );
        let text = String::from_utf8(printed);
        let text =
            text.context("what the command printed is no text, but bytes that are not UTF-8")?;
        Ok(text.trim_end_matches('\n').to_owned())
    }

    async fn captured(&mut self, words: Vec<String>) -> anyhow::Result<Vec<u8>> {
        let mut output = Output::captured();
        let running = execute(self.session, words, self.input, &mut output);
        self.guards.run(running).await?;
        Ok(output.take())
    }

    /// What a command reads: a here-document, or what the script itself reads.
    pub(super) async fn here(&mut self, word: Option<&Word>) -> anyhow::Result<Option<Input>> {
        match word {
            Some(word) => Ok(Some(Input::of_bytes(self.text(word).await?))),
            None => Ok(None),
        }
    }
}

/// Adds `text` to the word that is `current`: as a whole, or split at blanks, so that its first
/// piece goes on with that word, and its last one is it then.
fn add_to(list: &mut Vec<String>, current: &mut Option<String>, text: &str, whole: bool) {
    if whole {
        return current.get_or_insert_default().push_str(text);
    }
    if text.starts_with(char::is_whitespace) {
        list.extend(current.take());
    }
    for (index, piece) in text.split_whitespace().enumerate() {
        if index > 0 {
            list.extend(current.take());
        }
        current.get_or_insert_default().push_str(piece);
    }
    if text.ends_with(char::is_whitespace) {
        list.extend(current.take());
    }
}

fn looks_like_option(text: &str) -> bool {
    let rest = text.strip_prefix('-');
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// Words as they would be typed, cut where they are long.
pub(super) fn told_words(words: &[String]) -> String {
    let told: Vec<String> = words
        .iter()
        .map(|word| told_word(word.as_bytes()))
        .collect();
    told.join(" ")
}

/// A word as it would be typed, cut where it is long.
pub(super) fn told_word(word: &[u8]) -> String {
    let text = String::from_utf8_lossy(word);
    let mut told: String = text.chars().take(TOLD_CHARS_MAX).collect();
    let cut = told.len() < text.len();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,?*".contains(c);
    if told.is_empty() || !told.chars().all(plain) {
        told = format!("'{}'", told.replace('\'', "'\\''").replace('\n', "\\n"));
    }
    if cut {
        write!(told, "… ({} bytes)", word.len())
            .expect("invariant: writing to a string does not fail");
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A word of pieces, of which those in brackets are split.
    #[track_caller]
    fn check_list(pieces: &[&str], expected: &[&str]) {
        let (mut list, mut current) = (Vec::new(), None);
        for piece in pieces {
            let split = piece
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'));
            let text = split.unwrap_or(piece);
            add_to(&mut list, &mut current, text, split.is_none());
        }
        list.extend(current);
        assert_eq!(list, expected, "{pieces:?}");
    }

    #[test]
    fn a_list_is_split_at_blanks_where_it_is_not_quoted() {
        check_list(&["a b"], &["a b"]);
        check_list(&["[a b]"], &["a", "b"]);
        check_list(&["[ a\nb ]"], &["a", "b"]);
        check_list(&["[]"], &[]);
        check_list(&["[ ]"], &[]);
        check_list(&[""], &[""]);
        check_list(&["x", "[a b]", "y"], &["xa", "by"]);
        check_list(&["x", "[ a b ]", "y"], &["x", "a", "b", "y"]);
        check_list(&["[a]", "[b]"], &["ab"]);
    }

    #[test]
    fn words_are_told_as_they_would_be_typed() {
        let told = |word: &str| told_word(word.as_bytes());
        assert_eq!(told("/a/b-c.d"), "/a/b-c.d");
        assert_eq!(told(""), "''");
        assert_eq!(told("it's\n"), "'it'\\''s\\n'");
        let long = told(&"x".repeat(100));
        assert_eq!(long, format!("{}… (100 bytes)", "x".repeat(60)));
    }

    #[test]
    fn what_begins_with_a_hyphen_is_like_an_option_unless_it_is_a_number() {
        assert!(looks_like_option("-a") && looks_like_option("--force"));
        assert!(!looks_like_option("-1") && !looks_like_option("-") && !looks_like_option("a-b"));
    }
}
