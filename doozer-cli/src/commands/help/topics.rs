//! Help on what concerns several commands.

use crate::failure::STATUSES;

/// Something that there is help on.
#[derive(Debug)]
pub(crate) struct Text {
    /// What is typed behind `help`.
    pub(crate) name: &'static str,
    /// What it is, in some words.
    pub(super) summary: &'static str,
    /// The help.
    pub(crate) write: fn() -> String,
}

/// What there is help on besides commands.
pub(crate) const TOPICS: [Text; 6] = [
    Text {
        name: "environment",
        summary: "The variables that are read",
        write: || ENVIRONMENT.to_owned(),
    },
    Text {
        name: "exit-codes",
        summary: "What a command ends with",
        write: exit_codes,
    },
    Text {
        name: "formats",
        summary: "What -o prints",
        write: || FORMATS.to_owned(),
    },
    Text {
        name: "globs",
        summary: "Paths, and patterns of them",
        write: || GLOBS.to_owned(),
    },
    Text {
        name: "profiles",
        summary: "Clusters with names, in a file",
        write: || PROFILES.to_owned(),
    },
    Text {
        name: "values",
        summary: "How a VALUE is given",
        write: || VALUES.to_owned(),
    },
];

fn exit_codes() -> String {
    let mut text = "A command ends with one of these exit statuses:\n\n".to_owned();
    let lines = STATUSES.map(|(status, meaning)| format!("{status:>5}  {meaning}\n"));
    text.push_str(&lines.concat());
    text.push_str(EXIT_CODES);
    text
}

const EXIT_CODES: &str = "
add, bench, del, find, get, help, nop, rev, self, set, stat, touch, wait, walk and watch are older
than 3 to 6, and end with 2 instead, but where --timeout ends them (5). A wrong option is 2 as well.
What runs another program ends with that program's status.
";

const FORMATS: &str = "\
-o FORMAT says how a command prints what it finds:

  text   The command's own form, which is what is printed without -o
  json   One array of objects; one object, where there is one thing to tell
  jsonl  An object a line, each as soon as it is there: for watch
  yaml   A list, or one document, as with json
  table  Columns with a head, for reading

A file's bytes are the field \"value\". Where they are UTF-8 without control characters they stand as
they are, and the field \"encoding\" is \"utf-8\"; where not, they are base64, and it is \"base64\".

Data goes to standard output, everything else to standard error. Colours are for terminals; the
variable NO_COLOR, or TERM=dumb, switches them off.
";

const PROFILES: &str = "\
The file doozer/config.toml below XDG_CONFIG_HOME, else below ~/.config, gives names to clusters:

  default = \"prod\"

  [profile.prod]
  addresses = [\"10.0.0.1:8046\", \"10.0.0.2:8046\"]
  cacert = \"/etc/doozer/ca.pem\"              # TLS; also cert and key, or tls = true
  secret = { file = \"/etc/doozer/secret\" }   # or { env = \"VARIABLE\" }, { command = \"pass doozer\" }

  [profile.far]
  name = \"mycluster\"                         # looked up at a DzNS
  boot = \"doozer:?ca=10.0.9.1:8046\"

`doozer profile add` adds one, `doozer profile use` sets the default. --profile NAME takes one, else
DOOZER_PROFILE, else the default. Where -a or DOOZER_URI names a server the default is not taken, so
that no secret goes where it does not belong. A relative file starts at the folder of config.toml.
Secrets are never printed.
";

const GLOBS: &str = "\
A path is / or one or more of /NAME; a name is letters, digits, . and -, one or more of them.

In a glob these may stand too:

  ?   one character, but no slash
  *   any number of characters, but no slash
  **  any number of characters, slashes too

/config/* is what lies in /config, /config/** is all below it. Quote globs, or the shell takes them.
";

const VALUES: &str = "\
A VALUE is one of these:

  TEXT   The text itself
  @FILE  What a file of this machine holds
  -      What standard input holds
  @@TEXT The text @TEXT

A text that begins with a hyphen stands behind --, as in: doozer put /greeting -- -x-
";

const ENVIRONMENT: &str = "\
These variables are read. Options go before them.

  DOOZER_URI       The server: doozer:?ca=HOST:PORT&ca=...&sk=SECRET, or HOST:PORT
  DOOZER_BOOT_URI  The DzNS, where a cluster is looked up by its name
  DOOZER_PROFILE   The profile: doozer help profiles
  NO_COLOR         If it is set, nothing is coloured; nor is it with TERM=dumb
  XDG_CONFIG_HOME  Where doozer/config.toml is, else ~/.config
";
