//! Every flag and variable: its name, what it takes and allows, its default, what help says.

use std::time::Duration;

/// One flag.
#[derive(Debug)]
pub(super) struct Flag {
    /// As typed, without dashes.
    pub(super) name: &'static str,
    /// What stands for its value in the help; empty for a switch.
    pub(super) argument: &'static str,
    /// What values it takes.
    pub(super) kind: Kind,
    /// What it is when nobody says.
    pub(super) default: Default,
    /// Under which heading the help lists it.
    pub(super) group: Group,
    /// What it does, in one or two sentences.
    pub(super) help: &'static str,
}

/// The values that a flag takes.
#[derive(Debug)]
pub(super) enum Kind {
    /// None, or a Go boolean behind `=`.
    Switch,
    /// A whole number between two, both included.
    Count(u64, u64),
    /// A number of bytes between two, both included.
    Bytes(u64, u64),
    /// Seconds or a duration between two, both included.
    Time(Duration, Duration),
    /// Words, described so.
    Text(&'static str),
}

/// What a flag is when nobody says.
#[derive(Debug)]
pub(super) enum Default {
    /// Not given.
    None,
    /// As if this had been typed.
    Typed(&'static str),
    /// Found out when the server starts, as described.
    Derived(&'static str),
}

/// A heading of the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    /// The original has it too.
    Original,
    /// This server alone has it.
    New,
}

/// One variable of the environment.
#[derive(Debug)]
pub(super) struct Variable {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const COUNT_MAX: u64 = i64::MAX as u64;
const BYTES_MAX: u64 = 1 << 50;
/// The longest time that can be asked for: practically for ever, and far from any overflow.
const TIME_MAX: Duration = Duration::from_secs(1_000_000_000);
const TIME_MIN: Duration = Duration::from_millis(1);
/// The largest value that can be allowed: it must fit into one message between nodes.
const VALUE_BYTES_MAX: u64 = 64 * MIB;
/// The largest frame that can be allowed.
const FRAME_BYTES_MAX: u64 = 256 * MIB;

const ADDRESS: Kind = Kind::Text("HOST:PORT, an IPv6 address in brackets: [::1]:8046");

pub(super) static ATTACH: Flag = Flag {
    name: "a",
    argument: "ADDR",
    kind: ADDRESS,
    default: Default::None,
    group: Group::Original,
    help: "Attach to the cluster of the node at this address. May be repeated.",
};
pub(super) static BOOT: Flag = Flag {
    name: "b",
    argument: "URI",
    kind: Kind::Text("a URI such as doozer:?ca=HOST:PORT, or nothing"),
    default: Default::None,
    group: Group::Original,
    help: "Find the cluster, or found it, through the DzNS at this URI. Given, also empty, it \
           stands over DOOZER_BOOT_URI.",
};
pub(super) static CLUSTER: Flag = Flag {
    name: "c",
    argument: "NAME",
    kind: Kind::Text("1 to 100 of the characters A-Z a-z 0-9 . -"),
    default: Default::Typed("local"),
    group: Group::Original,
    help: "The cluster's name.",
};
pub(super) static LISTEN: Flag = Flag {
    name: "l",
    argument: "ADDR",
    kind: ADDRESS,
    default: Default::Typed("127.0.0.1:8046"),
    group: Group::Original,
    help: "Listen at this address, which is also the one told to clients and other nodes.",
};
pub(super) static WEB: Flag = Flag {
    name: "w",
    argument: "ADDR",
    kind: Kind::Text("HOST:PORT, or false for none"),
    default: Default::Derived("the host of -l, port 8000"),
    group: Group::Original,
    help: "Serve the status page here. The word false, as any Go boolean, switches it off, and so does a secret.",
};
pub(super) static FILL: Flag = Flag {
    name: "fill",
    argument: "TIME",
    kind: Kind::Time(Duration::ZERO, TIME_MAX),
    default: Default::Typed("100ms"),
    group: Group::Original,
    help: "Accepted for old scripts; does nothing.",
};
pub(super) static HISTORY: Flag = Flag {
    name: "hist",
    argument: "N",
    kind: Kind::Count(1, COUNT_MAX),
    default: Default::Typed("2000"),
    group: Group::Original,
    help: "Revisions of history to keep.",
};
pub(super) static PULSE: Flag = Flag {
    name: "pulse",
    argument: "TIME",
    kind: Kind::Time(TIME_MIN, TIME_MAX),
    default: Default::Typed("1s"),
    group: Group::Original,
    help: "How often this node writes which revision it has applied.",
};
pub(super) static TIMEOUT: Flag = Flag {
    name: "timeout",
    argument: "TIME",
    kind: Kind::Time(TIME_MIN, TIME_MAX),
    default: Default::Typed("60s"),
    group: Group::Original,
    help: "After how long without a word a member is kicked.",
};
pub(super) static TLS_CERTIFICATE: Flag = Flag {
    name: "tlscert",
    argument: "FILE",
    kind: Kind::Text("a file"),
    default: Default::None,
    group: Group::Original,
    help: "Speak TLS with the certificates in this PEM file. Needs -tlskey.",
};
pub(super) static TLS_KEY: Flag = Flag {
    name: "tlskey",
    argument: "FILE",
    kind: Kind::Text("a file"),
    default: Default::None,
    group: Group::Original,
    help: "The private key, in PEM, that belongs to -tlscert.",
};
pub(super) static VERSION: Flag = Flag {
    name: "v",
    argument: "",
    kind: Kind::Switch,
    default: Default::None,
    group: Group::Original,
    help: "Print the version and exit.",
};
pub(super) static HELP: Flag = Flag {
    name: "h",
    argument: "",
    kind: Kind::Switch,
    default: Default::None,
    group: Group::Original,
    help: "Print this help and exit.",
};
pub(super) static DATA_DIR: Flag = Flag {
    name: "data-dir",
    argument: "DIR",
    kind: Kind::Text("a folder, or memory"),
    default: Default::Derived("doozer-NAME-HOST-PORT, from -c and -l, in the working folder"),
    group: Group::New,
    help: "Keep everything in this folder. The word memory keeps it in memory alone: it is gone \
           when the server stops.",
};
pub(super) static HISTORY_BYTES: Flag = Flag {
    name: "history-bytes",
    argument: "SIZE",
    kind: Kind::Bytes(1, BYTES_MAX),
    default: Default::Typed("256MiB"),
    group: Group::New,
    help: "The most memory that history takes: older revisions go first, whatever -hist says.",
};
pub(super) static STORE_BYTES: Flag = Flag {
    name: "store-bytes",
    argument: "SIZE",
    kind: Kind::Bytes(1, BYTES_MAX),
    default: Default::Derived("half of the machine's memory"),
    group: Group::New,
    help: "The most that all files may hold. Past it a SET is refused; deleting works.",
};
pub(super) static VALUE_BYTES: Flag = Flag {
    name: "value-bytes-max",
    argument: "SIZE",
    kind: Kind::Bytes(1, VALUE_BYTES_MAX),
    default: Default::Typed("1MiB"),
    group: Group::New,
    help: "The largest value of one file.",
};
pub(super) static FRAME_BYTES: Flag = Flag {
    name: "frame-bytes-max",
    argument: "SIZE",
    kind: Kind::Bytes(KIB, FRAME_BYTES_MAX),
    default: Default::Derived("twice --value-bytes-max and 64 KiB"),
    group: Group::New,
    help: "The largest request. A connection that announces a larger one is closed.",
};
pub(super) static CONNECTIONS: Flag = Flag {
    name: "connections-max",
    argument: "N",
    kind: Kind::Count(1, 10_000_000),
    default: Default::Typed("16384"),
    group: Group::New,
    help: "The most connections open at once.",
};
pub(super) static IN_FLIGHT: Flag = Flag {
    name: "in-flight-max",
    argument: "N",
    kind: Kind::Count(1, 1_000_000),
    default: Default::Typed("1024"),
    group: Group::New,
    help: "The most requests of one connection under way; the next is read when one is answered. \
           Those that wait are not counted.",
};
pub(super) static WAITERS: Flag = Flag {
    name: "waiters-max",
    argument: "N",
    kind: Kind::Count(1, 100_000_000),
    default: Default::Typed("100000"),
    group: Group::New,
    help: "The most WAITs of one connection that wait.",
};
pub(super) static WAITERS_TOTAL: Flag = Flag {
    name: "waiters-total-max",
    argument: "N",
    kind: Kind::Count(1, 1_000_000_000),
    default: Default::Typed("1000000"),
    group: Group::New,
    help: "The most WAITs of all connections that wait.",
};
pub(super) static PROPOSAL_TIMEOUT: Flag = Flag {
    name: "proposal-timeout",
    argument: "TIME",
    kind: Kind::Time(TIME_MIN, TIME_MAX),
    default: Default::Typed("30s"),
    group: Group::New,
    help: "After how long a SET, DEL or NOP that found no quorum is given up.",
};
pub(super) static ADVERTISE: Flag = Flag {
    name: "advertise",
    argument: "ADDR",
    kind: ADDRESS,
    default: Default::Derived("-l"),
    group: Group::New,
    help: "The address told to clients and other nodes, where it is not the one listened at.",
};
pub(super) static TIMING: Flag = Flag {
    name: "timing",
    argument: "KIND",
    kind: Kind::Text("lan or wan"),
    default: Default::Typed("lan"),
    group: Group::New,
    help: "How soon other nodes miss the leader. lan: heartbeats every 100 ms, missed after 300 to \
           600 ms. wan: five times as long, for round trips of up to some hundred milliseconds.",
};
pub(super) static TLS_AUTHORITIES: Flag = Flag {
    name: "tls-ca",
    argument: "FILE",
    kind: Kind::Text("a file"),
    default: Default::Derived("those whom the system trusts"),
    group: Group::New,
    help: "Certificates, in PEM, of those who vouch for other nodes. Needs -tlscert.",
};
pub(super) static TLS_CLIENT_AUTH: Flag = Flag {
    name: "tls-client-auth",
    argument: "",
    kind: Kind::Switch,
    default: Default::None,
    group: Group::New,
    help: "Let in only nodes that show a certificate that --tls-ca vouches for.",
};
pub(super) static FORCE_NEW_CLUSTER: Flag = Flag {
    name: "force-new-cluster",
    argument: "",
    kind: Kind::Switch,
    default: Default::None,
    group: Group::New,
    help: "When a quorum is lost for good: make a new cluster of this node alone out of what its \
           folder holds, and go on. Refused while other members answer.",
};
pub(super) static BUMP: Flag = Flag {
    name: "bump",
    argument: "N",
    kind: Kind::Count(1, 1_000_000_000_000),
    default: Default::Typed("1000000"),
    group: Group::New,
    help: "By how much --force-new-cluster raises the revision, so that none that was given out \
           before means something else.",
};
pub(super) static LOG_LEVEL: Flag = Flag {
    name: "log-level",
    argument: "LEVEL",
    kind: Kind::Text(
        "error, warn, info, debug, trace, or a filter such as info,doozerd::server=debug",
    ),
    default: Default::Typed("info"),
    group: Group::New,
    help: "The least important lines that are logged: error, warn, info, debug or trace; or a \
           filter with a level for each part of the program.",
};
pub(super) static LOG_FORMAT: Flag = Flag {
    name: "log-format",
    argument: "FORMAT",
    kind: Kind::Text("text or json"),
    default: Default::Typed("text"),
    group: Group::New,
    help: "How a line of the log looks: text or json.",
};

/// Every flag, in the order of the help.
pub(super) static FLAGS: &[&Flag] = &[
    &LISTEN,
    &CLUSTER,
    &ATTACH,
    &BOOT,
    &WEB,
    &HISTORY,
    &PULSE,
    &TIMEOUT,
    &FILL,
    &TLS_CERTIFICATE,
    &TLS_KEY,
    &VERSION,
    &HELP,
    &DATA_DIR,
    &ADVERTISE,
    &TIMING,
    &STORE_BYTES,
    &HISTORY_BYTES,
    &VALUE_BYTES,
    &FRAME_BYTES,
    &CONNECTIONS,
    &IN_FLIGHT,
    &WAITERS,
    &WAITERS_TOTAL,
    &PROPOSAL_TIMEOUT,
    &TLS_AUTHORITIES,
    &TLS_CLIENT_AUTH,
    &FORCE_NEW_CLUSTER,
    &BUMP,
    &LOG_LEVEL,
    &LOG_FORMAT,
];

/// Other ways to type a switch.
pub(super) static ALIASES: &[(&str, &Flag)] = &[("help", &HELP), ("version", &VERSION)];

pub(super) static BOOT_URI: Variable = Variable {
    name: "DOOZER_BOOT_URI",
    help: "The default of -b.",
};
pub(super) static READ_WRITE_SECRET: Variable = Variable {
    name: "DOOZER_RWSECRET",
    help: "The secret that opens reading and writing. Unset: everybody writes.",
};
pub(super) static READ_ONLY_SECRET: Variable = Variable {
    name: "DOOZER_ROSECRET",
    help: "The secret that opens reading. Unset: everybody reads.",
};
pub(super) static PEER_SECRET: Variable = Variable {
    name: "DOOZER_PEERSECRET",
    help: "The secret that nodes know each other by. Unset: DOOZER_RWSECRET.",
};
pub(super) static OLD_PEER_SECRET: Variable = Variable {
    name: "DOOZER_PEERSECRET_OLD",
    help: "Another one that is still good, while it is changed node by node.",
};
pub(super) static NO_COLOUR: Variable = Variable {
    name: "NO_COLOR",
    help: "Set to anything, it keeps colour out of the log.",
};

/// Every variable, in the order of the help.
pub(super) static VARIABLES: &[&Variable] = &[
    &BOOT_URI,
    &READ_WRITE_SECRET,
    &READ_ONLY_SECRET,
    &PEER_SECRET,
    &OLD_PEER_SECRET,
    &NO_COLOUR,
];

impl Flag {
    /// As the documentation types it: one dash as ever, two for what is new.
    pub(super) fn typed(&self) -> String {
        match self.group {
            Group::Original => format!("-{}", self.name),
            Group::New => format!("--{}", self.name),
        }
    }

    /// The values that it takes, in words.
    pub(super) fn allowed(&self) -> String {
        match self.kind {
            Kind::Switch => "true or false".to_owned(),
            Kind::Count(min, COUNT_MAX) => format!("a whole number of {min} or more"),
            Kind::Count(min, max) => format!("a whole number from {min} to {max}"),
            Kind::Bytes(min, max) => {
                let (min, max) = (size(min), size(max));
                format!("bytes from {min} to {max}, such as 1048576, 64k or 256MiB")
            }
            Kind::Time(min, max) => {
                let (min, max) = (min.as_secs_f64(), max.as_secs_f64());
                format!("seconds from {min} to {max}, or a duration such as 500ms or 1m30s")
            }
            Kind::Text(allowed) => allowed.to_owned(),
        }
    }
}

/// The flag of that name, or of that other name.
pub(super) fn find(name: &str) -> Option<&'static Flag> {
    let other = || ALIASES.iter().find(|(alias, _)| *alias == name);
    let flag = FLAGS.iter().find(|flag| flag.name == name).copied();
    flag.or_else(|| other().map(|(_, flag)| *flag))
}

/// A number of bytes, in the largest unit that it is a multiple of.
fn size(bytes: u64) -> String {
    let units = [
        (1 << 40, "TiB"),
        (1 << 30, "GiB"),
        (MIB, "MiB"),
        (KIB, "KiB"),
    ];
    let unit = units
        .iter()
        .find(|(unit, _)| bytes >= *unit && bytes.is_multiple_of(*unit));
    unit.map_or_else(
        || bytes.to_string(),
        |(unit, name)| format!("{}{name}", bytes / unit),
    )
}
