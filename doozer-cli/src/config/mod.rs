//! Profiles: clusters with names, in a file of the user's.

mod edit;
mod mistake;
mod profile;
mod secret;

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, ensure};
use serde::Deserialize;
use toml::Spanned;

use crate::args::nearest;
use crate::failure::advise;

pub(crate) use profile::Profile;
pub(crate) use secret::SecretSource;

/// Below the folder of configurations.
const FILE: &str = "doozer/config.toml";

/// The longest file that is read.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The user's profiles.
#[derive(Debug, Default)]
pub(crate) struct Config {
    /// Where they are kept, whether there is such a file or not. Nothing without a home.
    path: Option<PathBuf>,
    text: String,
    parsed: File,
}

/// What the file holds.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    default: Option<Spanned<String>>,
    #[serde(default, rename = "profile")]
    profiles: BTreeMap<String, Profile>,
}

impl Config {
    /// The one below `home`, the folder of configurations. A missing file is an empty one.
    pub(crate) fn load(home: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = home.map(|home| home.join(FILE)) else {
            return Ok(Self::default());
        };
        let text = read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let parsed = parse(&text).map_err(|reason| anyhow!("{}: {reason}", path.display()))?;
        Ok(Self {
            path: Some(path),
            text,
            parsed,
        })
    }

    /// What `text` says, as if it were in the file at `path`.
    #[cfg(test)]
    pub(crate) fn parsed(text: &str, path: &Path) -> Self {
        Self {
            path: Some(path.to_owned()),
            text: text.to_owned(),
            parsed: parse(text).unwrap(),
        }
    }

    /// The file's path.
    pub(crate) fn path(&self) -> anyhow::Result<&Path> {
        let path = self.path.as_deref();
        path.context(
            "there is no place for a configuration: neither XDG_CONFIG_HOME nor HOME is set",
        )
    }

    /// All profiles, by name.
    pub(crate) fn profiles(&self) -> impl Iterator<Item = (&str, &Profile)> {
        let all = self.parsed.profiles.iter();
        all.map(|(name, profile)| (name.as_str(), profile))
    }

    /// The name of the one that is taken when none is named.
    pub(crate) fn default_name(&self) -> Option<&str> {
        self.parsed
            .default
            .as_ref()
            .map(|name| name.get_ref().as_str())
    }

    /// The profile called `name`.
    pub(crate) fn named(&self, name: &str) -> anyhow::Result<&Profile> {
        self.parsed.profiles.get(name).ok_or_else(|| {
            let names = self
                .parsed
                .profiles
                .keys()
                .map(|name| (name.as_str(), name.as_str()));
            let meant = nearest(name, names).map(|name| format!(": did you mean {name}?"));
            let error = anyhow!("there is no profile {name:?}{}", meant.unwrap_or_default());
            advise(error, "doozer profile list, or doozer profile add")
        })
    }

    /// Whether there is a profile called `name`.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.parsed.profiles.contains_key(name)
    }

    /// The folder that relative paths in the file start at.
    pub(crate) fn folder(&self) -> &Path {
        let folder = self.path.as_deref().and_then(Path::parent);
        folder.unwrap_or(Path::new(""))
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    let length = match fs::metadata(path) {
        Ok(file) => file.len(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => return Err(error.into()),
    };
    ensure!(
        length <= FILE_BYTES_MAX,
        "it has {length} bytes, over the limit of {FILE_BYTES_MAX}"
    );
    Ok(fs::read_to_string(path)?)
}

/// Reads the file's text; what is wrong with it, and on which line.
fn parse(text: &str) -> Result<File, String> {
    let file: File = toml::from_str(text).map_err(|error| mistake::told(text, &error))?;
    if let Some(default) = &file.default
        && !file.profiles.contains_key(default.get_ref())
    {
        let line = mistake::line_of(text, default.span().start);
        return Err(format!(
            "line {line}: there is no profile {:?}",
            default.get_ref()
        ));
    }
    match file
        .profiles
        .iter()
        .find(|(_, profile)| !profile.has_place())
    {
        Some((name, _)) => Err(format!(
            "profile {name}: addresses are wanted, or name and boot"
        )),
        None => Ok(file),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = r#"
default = "prod"
[profile.prod]
addresses = ["10.0.0.1:8046", "10.0.0.2"]
tls = true
cacert = "ca.pem"
secret = { file = "/etc/doozer/secret" }
[profile.far]
name = "mycluster"
boot = "doozer:?ca=boot&sk=hidden"
secret = { env = "X" }
"#;

    #[test]
    fn a_profile_says_where_a_cluster_is_and_how_to_speak_to_it() {
        let file = parse(EXAMPLE).unwrap();
        assert_eq!(file.default.unwrap().get_ref(), "prod");
        let prod = &file.profiles["prod"];
        assert_eq!(
            prod.uri().to_string(),
            "doozer:?ca=10.0.0.1:8046&ca=10.0.0.2:8046"
        );
        assert_eq!(
            (prod.tls, prod.cacert.as_deref()),
            (Some(true), Some(Path::new("ca.pem")))
        );
        let far = &file.profiles["far"];
        assert_eq!(far.uri().to_string(), "doozer:?cn=mycluster");
        assert!(!format!("{far:?}").contains("hidden"), "{far:?}");
    }

    fn check_refused(text: &str, expected: &str) {
        assert_eq!(parse(text).unwrap_err(), expected, "{text}");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        check_refused(
            "\n[profile.a]\naddrezzes = [\"x\"]",
            "line 3: there is no key `addrezzes`: did you mean addresses?",
        );
        check_refused(
            "\ndefolt = \"a\"",
            "line 2: there is no key `defolt`: did you mean default?",
        );
        check_refused("default = \"a\"", "line 1: there is no profile \"a\"");
        check_refused(
            "[profile.a]\ntls = true",
            "profile a: addresses are wanted, or name and boot",
        );
        check_refused(
            "[profile.a]\naddresses = [\"a:b:c\"]",
            "line 2: bad port in the address `a:b:c`",
        );
        check_refused(
            "[profile.a]\naddresses = [\"a\"]\nsecret = { fil = \"x\" }",
            "line 3: there is no key `fil`: did you mean file?",
        );
        let error = parse("[profile.a\n").unwrap_err();
        assert!(error.starts_with("line 1: "), "{error}");
    }
}
