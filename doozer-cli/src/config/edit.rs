//! Changes a configuration, and leaves alone what it does not change.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, anyhow, bail, ensure};

use super::{Config, parse};

/// For the user alone: the file may say where secrets are.
const MODE: u32 = 0o600;

impl Config {
    /// Makes `name`, which must be there, the profile that is taken when none is named.
    pub(crate) fn use_profile(&self, name: &str) -> anyhow::Result<()> {
        self.named(name)?;
        self.save(&self.with_default(name))
    }

    /// Adds a profile, of these lines of TOML. The first one becomes the default.
    pub(crate) fn add_profile(&self, name: &str, lines: &[String]) -> anyhow::Result<()> {
        ensure!(
            !self.has(name),
            "there is a profile {name:?} already, in {}",
            self.path()?.display()
        );
        let letter = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        ensure!(
            !name.is_empty() && name.chars().all(letter),
            "{name:?} cannot be a profile's name: letters, digits, - and _ can"
        );
        let first = self.parsed.profiles.is_empty() && self.parsed.default.is_none();
        let text = if first {
            self.with_default(name)
        } else {
            self.text.clone()
        };
        let gap = if text.ends_with('\n') || text.is_empty() {
            ""
        } else {
            "\n"
        };
        let lines = lines.join("\n");
        self.save(&format!("{text}{gap}\n[profile.{name}]\n{lines}\n"))
    }

    fn with_default(&self, name: &str) -> String {
        let mut text = self.text.clone();
        match &self.parsed.default {
            Some(default) => text.replace_range(default.span(), &format!("{name:?}")),
            None => text.insert_str(0, &format!("default = {name:?}\n")),
        }
        text
    }

    /// Puts `text` in the place of the file, whole or not at all.
    fn save(&self, text: &str) -> anyhow::Result<()> {
        let path = self.path()?;
        parse(text).map_err(|reason| anyhow!("{}: it would be wrong: {reason}", path.display()))?;
        fs::create_dir_all(self.folder())
            .with_context(|| format!("cannot make {}", self.folder().display()))?;
        // A link to a file elsewhere stays one.
        let path = fs::canonicalize(path).unwrap_or_else(|_missing| path.to_owned());
        write(&path, text)
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let aside = path.with_extension("toml.new");
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(MODE).open(&aside);
    let mut file = match file {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => bail!(
            "{} is there: somebody else writes, or was interrupted; remove it if nobody does",
            aside.display()
        ),
        file => file.with_context(|| format!("cannot make {}", aside.display()))?,
    };
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&aside, path))
        .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        Config::parsed(text, Path::new("config.toml"))
    }

    fn check_default(text: &str, expected: &str) {
        assert_eq!(config(text).with_default("b"), expected);
    }

    #[test]
    fn a_default_is_replaced_where_it_stands() {
        let profiles = "[profile.a]\naddresses = [\"a\"]\n";
        check_default(
            &format!("# mine\ndefault   = 'a' # yes\n{profiles}"),
            &format!("# mine\ndefault   = \"b\" # yes\n{profiles}"),
        );
        check_default(profiles, &format!("default = \"b\"\n{profiles}"));
    }
}
