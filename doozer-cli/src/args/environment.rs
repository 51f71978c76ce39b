//! The environment, read once.

use std::path::PathBuf;

/// What the environment says to this program. An empty variable is as good as none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    /// `DOOZER_URI`: the server, unless `-a` names one.
    pub(crate) uri: Option<String>,
    /// `DOOZER_BOOT_URI`: the `DzNS`, unless `-b` names one.
    pub(crate) boot_uri: Option<String>,
    /// `NO_COLOR`, or a terminal that has none.
    pub(crate) no_colour: bool,
    /// Where configuration files are: `XDG_CONFIG_HOME`, else `.config` in the home folder.
    pub(crate) config_home: Option<PathBuf>,
    /// `DOOZER_PROFILE`: the profile, unless `--profile` names one.
    pub(crate) profile: Option<String>,
    /// The editor: `VISUAL`, else `EDITOR`.
    pub(crate) editor: Option<String>,
}

impl Environment {
    /// That of this program.
    pub(crate) fn of_program() -> Self {
        let config = variable("XDG_CONFIG_HOME").map(PathBuf::from);
        let config = config.filter(|folder| folder.is_absolute());
        let home = || variable("HOME").map(|home| PathBuf::from(home).join(".config"));
        Self {
            uri: variable("DOOZER_URI"),
            boot_uri: variable("DOOZER_BOOT_URI"),
            no_colour: variable("NO_COLOR").is_some()
                || variable("TERM").is_none_or(|terminal| terminal == "dumb"),
            config_home: config.or_else(home),
            profile: variable("DOOZER_PROFILE"),
            editor: variable("VISUAL").or_else(|| variable("EDITOR")),
        }
    }
}

/// The variable `name`; nothing when it is empty.
#[expect(
    clippy::disallowed_methods,
    reason = "this is where the environment is read"
)]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
