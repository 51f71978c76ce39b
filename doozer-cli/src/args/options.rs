//! The options that every command takes, and what they say of whom to ask.

use super::{Flag, Flags};

/// The options that every command takes.
pub(crate) const OPTIONS: &[Flag] = &[
    Flag {
        name: "a",
        value: Some("URI"),
        help: "The server, also as HOST:PORT (DOOZER_URI, else doozer:?ca=127.0.0.1:8046)",
    },
    Flag {
        name: "b",
        value: Some("URI"),
        help: "The DzNS to look a cluster's name (cn) up at (DOOZER_BOOT_URI)",
    },
    Flag {
        name: "r",
        value: Some("REV"),
        help: "The revision to read at or to begin at (the present one)",
    },
    Flag {
        name: "t",
        value: Some("DURATION"),
        help: "Give up after that long, as 300ms, 5s or 1m30s; not for watch",
    },
    Flag {
        name: "o",
        value: Some("FORMAT"),
        help: "Print text, json, jsonl, yaml or table, where there is something to print",
    },
    Flag {
        name: "timeout",
        value: Some("DURATION"),
        help: "End the command after that long, whichever it is (exit status 5)",
    },
    Flag {
        name: "profile",
        value: Some("NAME"),
        help: "The cluster called that in the user's profiles (DOOZER_PROFILE)",
    },
    Flag {
        name: "tls",
        value: None,
        help: "Speak TLS; each of the next three says so too",
    },
    Flag {
        name: "cacert",
        value: Some("FILE"),
        help: "The certificates to trust, as PEM (those that the system trusts)",
    },
    Flag {
        name: "cert",
        value: Some("FILE"),
        help: "This client's certificate, as PEM, for a server that asks for one",
    },
    Flag {
        name: "key",
        value: Some("FILE"),
        help: "Its key, as PEM",
    },
    Flag {
        name: "h",
        value: None,
        help: "Print help and end (also --help)",
    },
    Flag {
        name: "v",
        value: None,
        help: "Print the version and end (also --version)",
    },
];

/// What a command line says of whom to ask. What it leaves open is not set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Target {
    /// `-a`: a `doozer:` URI, or HOST:PORT.
    pub(crate) address: Option<String>,
    /// `-b`: the URI of a `DzNS`. An empty one says that there is none.
    pub(crate) boot: Option<String>,
    /// `--profile`.
    pub(crate) profile: Option<String>,
    /// `--tls`.
    pub(crate) tls: Option<bool>,
    /// `--cacert`.
    pub(crate) cacert: Option<String>,
    /// `--cert`.
    pub(crate) cert: Option<String>,
    /// `--key`.
    pub(crate) key: Option<String>,
}

impl Target {
    /// What `flags` say.
    pub(super) fn of(flags: &Flags) -> Self {
        let text = |name| flags.global(name).map(str::to_owned);
        Self {
            address: text("a"),
            boot: text("b"),
            profile: text("profile"),
            tls: flags.global_switch("tls"),
            cacert: text("cacert"),
            cert: text("cert"),
            key: text("key"),
        }
    }

    /// This, and what `other` says where this leaves it open. Where this names a server, the
    /// profile of `other` is not taken: its secret is not for that one.
    pub(crate) fn or(&self, other: &Self) -> Self {
        let either = |this: &Option<String>, other: &Option<String>| {
            this.as_ref().or(other.as_ref()).cloned()
        };
        let names_server = self.address.is_some() || self.profile.is_some();
        let unnamed = |other: &Option<String>| other.clone().filter(|_| !names_server);
        Self {
            address: self.address.clone().or_else(|| unnamed(&other.address)),
            boot: self.boot.clone().or_else(|| unnamed(&other.boot)),
            profile: self.profile.clone().or_else(|| unnamed(&other.profile)),
            tls: self.tls.or(other.tls),
            cacert: either(&self.cacert, &other.cacert),
            cert: either(&self.cert, &other.cert),
            key: either(&self.key, &other.key),
        }
    }

    /// Whether nothing is said.
    pub(crate) fn is_open(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(address: &str, profile: &str) -> Target {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Target {
            address: given(address),
            profile: given(profile),
            ..Target::default()
        }
    }

    #[test]
    fn a_server_that_is_named_has_nothing_of_another_profile() {
        let base = target("", "prod");
        assert_eq!(Target::default().or(&base), base);
        assert_eq!(target("x", "").or(&base), target("x", ""));
        assert_eq!(
            target("", "far").or(&target("x", "prod")),
            target("", "far")
        );
    }
}
