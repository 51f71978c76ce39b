//! `ensure`, `ensure-exists`, `ensure-absent`: make a file what it is to be, by compare-and-set.
//!
//! Each try reads the file and names the revision it read, so that what others write in between is
//! never overwritten unseen. A try whose outcome is unknown is looked after in the same way: if it
//! worked, the next look finds nothing left to do; if it works later, its revision is too old by then.

use anyhow::{Context, anyhow};
use bytes::Bytes;
use doozer_client::{Client, Error, File};

use super::expand::told_word;
use super::failure::is_worth_a_look;
use super::limits::ENSURE_TRIES_MAX;
use super::run::Runner;
use super::syntax::Word;

/// What a file is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wanted {
    /// There, with this value.
    Value(Bytes),
    /// There; with this value if it has to be made.
    Existing(Bytes),
    /// Not there.
    Absent,
}

/// What is to be done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Nothing,
    Set(Bytes),
    Del,
}

impl Wanted {
    /// What makes `file` what it is to be.
    fn step(&self, file: &File) -> Step {
        let missing = file.rev == 0;
        match self {
            Self::Value(value) if missing || file.value != *value => Step::Set(value.clone()),
            Self::Existing(value) if missing => Step::Set(value.clone()),
            Self::Absent if !missing => Step::Del,
            Self::Value(_) | Self::Existing(_) | Self::Absent => Step::Nothing,
        }
    }
}

impl Runner<'_> {
    pub(super) async fn ensure(&mut self, path: &Word, value: &Word) -> anyhow::Result<()> {
        let path = self.path(path).await?;
        let value = self.value(value).await?;
        self.begin(&format!("ensure {path} = {}", told_word(&value)));
        self.make(&path, &Wanted::Value(value)).await
    }

    pub(super) async fn ensure_exists(
        &mut self,
        path: &Word,
        value: Option<&Word>,
    ) -> anyhow::Result<()> {
        let path = self.path(path).await?;
        let value = match value {
            Some(value) => self.value(value).await?,
            None => Bytes::new(),
        };
        self.begin(&format!("ensure-exists {path} = {}", told_word(&value)));
        self.make(&path, &Wanted::Existing(value)).await
    }

    pub(super) async fn ensure_absent(&mut self, path: &Word) -> anyhow::Result<()> {
        let path = self.path(path).await?;
        self.begin(&format!("ensure-absent {path}"));
        self.make(&path, &Wanted::Absent).await
    }

    /// Whether there is a file or a directory.
    pub(super) async fn exists(&mut self, path: &str) -> anyhow::Result<bool> {
        if let Some(exists) = self.pretended.exists(path) {
            return Ok(exists);
        }
        let stat = async {
            let server = self.session.server().await?;
            let stat = server.client.stat(path, None).await;
            let stat = stat.map_err(|error| server.at(error))?;
            Ok(!stat.is_missing())
        };
        self.guards.run(stat).await
    }

    async fn make(&mut self, path: &str, wanted: &Wanted) -> anyhow::Result<()> {
        if self.mode.dry_run {
            return self.would_make(path, wanted).await;
        }
        let making = async {
            let server = self.session.server().await?;
            let made = make(&server.client, path, wanted).await;
            made.map_err(|error| server.name_in(error))
        };
        self.guards.run(making).await
    }

    async fn would_make(&mut self, path: &str, wanted: &Wanted) -> anyhow::Result<()> {
        let file = self.would_find(path).await?;
        let value = match wanted.step(&file) {
            Step::Nothing => return Ok(()),
            Step::Set(value) => Some(value),
            Step::Del => None,
        };
        let now = told_word(&file.value);
        let told = match &value {
            Some(value) if file.rev == 0 => format!("make {path} = {}", told_word(value)),
            Some(value) => format!("set {path} = {}, now {now}", told_word(value)),
            None => format!("delete {path}, now {now}"),
        };
        self.pretended.set(path, value);
        self.would(&told)
    }

    /// The file at `path` as it would be by now.
    pub(super) async fn would_find(&mut self, path: &str) -> anyhow::Result<File> {
        if let Some(file) = self.pretended.file(path) {
            return Ok(file);
        }
        let reading = async {
            let server = self.session.server().await?;
            let file = server.client.get(path, None).await;
            file.map_err(|error| server.at(error))
        };
        self.guards.run(reading).await
    }
}

async fn make(client: &Client, path: &str, wanted: &Wanted) -> anyhow::Result<()> {
    let mut last = None;
    for _ in 0..ENSURE_TRIES_MAX {
        let file = client.get(path, None).await?;
        match attempt(client, path, &file, wanted).await {
            Ok(()) => return Ok(()),
            Err(error) if is_worth_a_look(&error) => last = Some(error),
            Err(error) => return Err(error.into()),
        }
    }
    let last = last.map_or_else(|| anyhow!("no try was made"), anyhow::Error::from);
    Err(last).context(format!(
        "others write it at the same time: {ENSURE_TRIES_MAX} tries in vain"
    ))
}

async fn attempt(client: &Client, path: &str, file: &File, wanted: &Wanted) -> Result<(), Error> {
    match wanted.step(file) {
        Step::Nothing => Ok(()),
        Step::Set(value) => client.set(path, file.rev, value).await.map(drop),
        Step::Del => client.del(path, file.rev).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(wanted: &Wanted, rev: i64, value: &'static str, expected: &Step) {
        let value = Bytes::from_static(value.as_bytes());
        assert_eq!(wanted.step(&File { rev, value }), *expected);
    }

    #[test]
    fn nothing_is_done_to_what_is_right() {
        check(&Wanted::Value("x".into()), 5, "x", &Step::Nothing);
        check(&Wanted::Existing("x".into()), 5, "y", &Step::Nothing);
        check(&Wanted::Existing("x".into()), 5, "", &Step::Nothing);
        check(&Wanted::Absent, 0, "", &Step::Nothing);
    }

    #[test]
    fn what_differs_is_set_and_an_empty_file_is_not_a_missing_one() {
        check(&Wanted::Value("x".into()), 5, "y", &Step::Set("x".into()));
        check(&Wanted::Value("".into()), 0, "", &Step::Set("".into()));
        check(&Wanted::Value("".into()), 5, "", &Step::Nothing);
        check(&Wanted::Existing("x".into()), 0, "", &Step::Set("x".into()));
        check(&Wanted::Absent, 5, "", &Step::Del);
    }
}
