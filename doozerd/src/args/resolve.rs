//! The last stage: what all settings together mean.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::Duration;

use super::address::Address;
use super::config::{Config, DataDir, Limits, Secrets, TimingKind, TlsFiles, WEB_PORT, Web};
use super::error::UsageError;
use super::settings::Settings;
use super::{table, value};
use crate::log::{Filter, Format, LogConfig};
use crate::secret::Secret;

/// The port of clients when nobody says.
const CLIENT_PORT: u16 = 8046;
/// The longest name of a cluster: it becomes part of a path and of a folder's name.
const CLUSTER_NAME_BYTES_MAX: usize = 100;
/// The least room in a frame beside the value: for a short path and the other fields.
const FRAME_BESIDE_VALUE_BYTES_MIN: u64 = 1 << 10;
/// The room for the path in a frame of the default size.
const FRAME_BESIDE_VALUE_BYTES: u64 = 64 << 10;

/// What is found, not typed.
#[derive(Debug)]
pub(super) struct Surroundings {
    pub(super) read_write_secret: Option<OsString>,
    pub(super) read_only_secret: Option<OsString>,
    pub(super) peer_secret: Option<OsString>,
    pub(super) old_peer_secret: Option<OsString>,
    pub(super) no_colour: bool,
    pub(super) memory_bytes: u64,
}

/// What the server shall do.
pub(super) fn config(settings: &Settings, found: Surroundings) -> Result<Config, UsageError> {
    settings.time(&table::FILL)?;
    let listen = settings.parsed(&table::LISTEN, |text| Address::parse(text, CLIENT_PORT))?;
    let listen = listen.expect("invariant: -l has a default");
    let cluster_name = settings.parsed(&table::CLUSTER, cluster_name)?;
    let cluster_name = cluster_name.expect("invariant: -c has a default");
    let read_write = secret(found.read_write_secret);
    let own = secret(found.peer_secret);
    let own = if own.is_empty() {
        read_write.clone()
    } else {
        own
    };
    let secrets = Secrets {
        rw: read_write,
        ro: secret(found.read_only_secret),
        peers: vec![own, secret(found.old_peer_secret)],
    };
    let mut notices = Vec::new();
    Ok(Config {
        attach: attach(settings)?,
        boot: settings
            .parsed(&table::BOOT, boot)?
            .filter(|uri| !uri.is_empty()),
        web: web(settings, &secrets, &mut notices)?,
        history_revisions: count(settings, &table::HISTORY)?,
        history_bytes: count(settings, &table::HISTORY_BYTES)?,
        store_bytes: settings
            .count(&table::STORE_BYTES)?
            .unwrap_or(found.memory_bytes / 2),
        pulse: time(settings, &table::PULSE)?,
        timeout: time(settings, &table::TIMEOUT)?,
        tls: tls(settings)?,
        demands_certificates: demands_certificates(settings)?,
        advertise: advertise(settings)?,
        timing: timing(settings)?,
        data_dir: data_dir(settings, &cluster_name, &listen)?,
        force_new_cluster: force_new_cluster(settings)?,
        limits: limits(settings)?,
        log: log(settings, found.no_colour)?,
        proposal_timeout: time(settings, &table::PROPOSAL_TIMEOUT)?,
        listen: listen.to_string(),
        cluster_name,
        secrets,
        notices,
    })
}

fn count(settings: &Settings, flag: &'static table::Flag) -> Result<u64, UsageError> {
    let count = settings.count(flag)?;
    Ok(count.expect("invariant: a flag that is asked so has a default"))
}

fn time(settings: &Settings, flag: &'static table::Flag) -> Result<Duration, UsageError> {
    let time = settings.time(flag)?;
    Ok(time.expect("invariant: a flag that is asked so has a default"))
}

fn cluster_name(text: &str) -> Option<String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    let good = (1..=CLUSTER_NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(allowed);
    good.then(|| text.to_owned())
}

fn attach(settings: &Settings) -> Result<Vec<String>, UsageError> {
    let address = |text: &str| Address::parse_remote(text, CLIENT_PORT);
    let addresses = settings
        .every(&table::ATTACH)
        .map(|setting| setting.parsed(address));
    addresses
        .map(|address| address.map(|address| address.to_string()))
        .collect()
}

/// The URI itself is read by whoever dials it. Empty: none, whatever the environment says.
fn boot(text: &str) -> Option<String> {
    (text.is_empty() || text.starts_with("doozer:")).then(|| text.to_owned())
}

fn web(
    settings: &Settings,
    secrets: &Secrets,
    notices: &mut Vec<String>,
) -> Result<Web, UsageError> {
    // As in the original every boolean switches it off, also one that says true; and an empty
    // word is no word.
    let web = settings.parsed(&table::WEB, |text| match text {
        "" => Some(Web::Default),
        _ if value::boolean(text).is_some() => Some(Web::Off),
        _ => Address::parse(text, WEB_PORT).map(|address| Web::Given(address.to_string())),
    })?;
    let web = web.unwrap_or(Web::Default);
    let secret = !secrets.rw.is_empty() || !secrets.ro.is_empty();
    if secret && matches!(web, Web::Given(_)) {
        notices.push("the status page (-w) is off because a secret is set".to_owned());
    }
    Ok(if secret { Web::Off } else { web })
}

fn tls(settings: &Settings) -> Result<Option<TlsFiles>, UsageError> {
    let cert = settings.path(&table::TLS_CERTIFICATE)?;
    let key = settings.path(&table::TLS_KEY)?;
    let pair = |given: &table::Flag, missing: &table::Flag| UsageError::Pair {
        given: given.typed(),
        missing: missing.typed(),
    };
    let authorities = settings.path(&table::TLS_AUTHORITIES)?;
    if authorities.is_some() && cert.is_none() {
        return Err(pair(&table::TLS_AUTHORITIES, &table::TLS_CERTIFICATE));
    }
    match (cert, key) {
        (Some(cert), Some(key)) => Ok(Some(TlsFiles {
            cert,
            key,
            authorities,
        })),
        (Some(_), None) => Err(pair(&table::TLS_CERTIFICATE, &table::TLS_KEY)),
        (None, Some(_)) => Err(pair(&table::TLS_KEY, &table::TLS_CERTIFICATE)),
        (None, None) => Ok(None),
    }
}

fn demands_certificates(settings: &Settings) -> Result<bool, UsageError> {
    let demands = settings.parsed(&table::TLS_CLIENT_AUTH, value::boolean)?;
    let demands = demands.unwrap_or(false);
    if demands && settings.path(&table::TLS_AUTHORITIES)?.is_none() {
        return Err(UsageError::Pair {
            given: table::TLS_CLIENT_AUTH.typed(),
            missing: table::TLS_AUTHORITIES.typed(),
        });
    }
    Ok(demands)
}

fn advertise(settings: &Settings) -> Result<Option<String>, UsageError> {
    let address = settings.parsed(&table::ADVERTISE, |text| {
        Address::parse_remote(text, CLIENT_PORT)
    })?;
    Ok(address.map(|address| address.to_string()))
}

fn timing(settings: &Settings) -> Result<TimingKind, UsageError> {
    let timing = settings.parsed(&table::TIMING, |text| match text {
        "lan" => Some(TimingKind::Lan),
        "wan" => Some(TimingKind::Wan),
        _ => None,
    })?;
    Ok(timing.expect("invariant: --timing has a default"))
}

fn data_dir(settings: &Settings, name: &str, listen: &Address) -> Result<DataDir, UsageError> {
    let Address { host, port } = listen;
    Ok(match settings.path(&table::DATA_DIR)? {
        Some(path) if path.as_os_str() == "memory" => DataDir::Memory,
        Some(path) => DataDir::Dir(path),
        None => DataDir::Dir(PathBuf::from(format!("doozer-{name}-{host}-{port}"))),
    })
}

fn force_new_cluster(settings: &Settings) -> Result<Option<u64>, UsageError> {
    let bump = count(settings, &table::BUMP)?;
    let forced = settings.parsed(&table::FORCE_NEW_CLUSTER, value::boolean)?;
    if forced != Some(true) && settings.sets(&table::BUMP) {
        return Err(UsageError::Pair {
            given: table::BUMP.typed(),
            missing: table::FORCE_NEW_CLUSTER.typed(),
        });
    }
    Ok((forced == Some(true)).then_some(bump))
}

fn limits(settings: &Settings) -> Result<Limits, UsageError> {
    let value_bytes = count(settings, &table::VALUE_BYTES)?;
    let frame_bytes = settings.count(&table::FRAME_BYTES)?;
    // Twice, so that a value that is too large can be answered with words, not by closing.
    let frame_bytes = frame_bytes.unwrap_or(2 * value_bytes + FRAME_BESIDE_VALUE_BYTES);
    let least = value_bytes + FRAME_BESIDE_VALUE_BYTES_MIN;
    if frame_bytes < least {
        return Err(UsageError::FrameTooSmall {
            frame_bytes,
            value_bytes,
            least,
        });
    }
    let size = |flag| Ok(machine_size(count(settings, flag)?));
    Ok(Limits {
        value_bytes_max: machine_size(value_bytes),
        frame_bytes_max: machine_size(frame_bytes),
        connections_max: size(&table::CONNECTIONS)?,
        requests_in_flight_max: size(&table::IN_FLIGHT)?,
        waiters_max: size(&table::WAITERS)?,
        waiters_total_max: size(&table::WAITERS_TOTAL)?,
    })
}

fn machine_size(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn log(settings: &Settings, no_colour: bool) -> Result<LogConfig, UsageError> {
    let filter = settings.parsed(&table::LOG_LEVEL, Filter::parse)?;
    let format = settings.parsed(&table::LOG_FORMAT, |text| match text {
        "text" => Some(Format::Text),
        "json" => Some(Format::Json),
        _ => None,
    })?;
    Ok(LogConfig {
        filter: filter.expect("invariant: --log-level has a default"),
        format: format.expect("invariant: --log-format has a default"),
        colour: !no_colour,
    })
}

fn secret(value: Option<OsString>) -> Secret {
    Secret::new(value.map(OsString::into_vec).unwrap_or_default())
}
