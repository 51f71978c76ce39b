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
    /// Where programs keep what they remember: `XDG_STATE_HOME`, else `.local/state` in the home
    /// folder.
    pub(crate) state_home: Option<PathBuf>,
    /// `DOOZER_PROFILE`: the profile, unless `--profile` names one.
    pub(crate) profile: Option<String>,
    /// The editor: `VISUAL`, else `EDITOR`.
    pub(crate) editor: Option<String>,
}

impl Environment {
    /// That of this program.
    pub(crate) fn of_program() -> Self {
        Self {
            uri: variable("DOOZER_URI"),
            boot_uri: variable("DOOZER_BOOT_URI"),
            no_colour: variable("NO_COLOR").is_some()
                || variable("TERM").is_none_or(|terminal| terminal == "dumb"),
            config_home: folder("XDG_CONFIG_HOME", ".config"),
            state_home: folder("XDG_STATE_HOME", ".local/state"),
            profile: variable("DOOZER_PROFILE"),
            editor: variable("VISUAL").or_else(|| variable("EDITOR")),
        }
    }
}

/// The folder that the variable `name` names, else `default` in the home folder.
fn folder(name: &str, default: &str) -> Option<PathBuf> {
    let named = variable(name).map(PathBuf::from);
    let named = named.filter(|folder| folder.is_absolute());
    let home = || variable("HOME").map(|home| PathBuf::from(home).join(default));
    named.or_else(home)
}

/// The variable `name`; nothing when it is empty.
#[expect(
    clippy::disallowed_methods,
    reason = "this is where the environment is read"
)]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
