//! What the command line, the environment and the user's profiles say of a server, put together.

use std::path::PathBuf;

use anyhow::{Context, bail};
use doozer_client::{DoozerUri, Options, Tls};

use crate::args::{Environment, Target};
use crate::config::{Config, Profile};
use crate::failure::advise;
use crate::server::{FRAME_BYTES_MAX, Reach};

/// Where to look when nothing else is said.
const URI_DEFAULT: &str = "doozer:?ca=127.0.0.1:8046";

/// What there is to look at.
pub(super) struct Sources<'a> {
    pub(super) target: &'a Target,
    pub(super) environment: &'a Environment,
    /// Where profiles are. Asked for only where one may be taken: a file that cannot be read is no
    /// trouble where all is said without it.
    pub(super) config: ReadConfig<'a>,
}

pub(super) type ReadConfig<'a> = &'a dyn Fn() -> anyhow::Result<&'a Config>;

impl<'a> Sources<'a> {
    /// Where the server is and how it is spoken to: options go before the environment, that before
    /// the profile, and that before the defaults.
    pub(super) async fn reach(&self) -> anyhow::Result<Reach> {
        let taken = self.profile()?;
        let profile = taken.map(|(_, profile)| profile);
        let folder = match profile {
            Some(_) => (self.config)()?.folder().to_owned(),
            None => PathBuf::new(),
        };
        let secret = match profile.and_then(|profile| profile.secret.as_ref()) {
            Some(source) => Some(source.read(&folder).await?),
            None => None,
        };
        let uri = self.uri(profile)?;
        Ok(Reach {
            name: taken.map_or_else(|| uri.to_string(), |(name, _)| name.to_owned()),
            uri,
            options: Options {
                boot: self.boot(profile)?,
                tls: tls(self.target, &Profile::absolute(profile, &folder))?,
                secret,
                frame_bytes_max: FRAME_BYTES_MAX,
                ..Options::default()
            },
        })
    }

    /// The profile that is taken, with its name. Where another server is named none is taken but
    /// one that is named as well, so that its secret goes nowhere else.
    pub(super) fn profile(&self) -> anyhow::Result<Option<(&'a str, &'a Profile)>> {
        let (target, environment) = (self.target, self.environment);
        let of_environment = || {
            let of_environment = environment.profile.as_deref();
            of_environment.filter(|_| target.address.is_none())
        };
        let server_named = target.address.is_some() || environment.uri.is_some();
        let named = target.profile.as_deref().or_else(of_environment);
        let name = match named {
            Some(name) => Some(name),
            None if server_named => None,
            None => (self.config)()?.default_name(),
        };
        let found = name.map(|name| Ok((name, (self.config)()?.named(name)?)));
        found.transpose()
    }

    fn uri(&self, profile: Option<&Profile>) -> anyhow::Result<DoozerUri> {
        if let Some(typed) = &self.target.address {
            return read("-a", typed);
        }
        let of_profile = profile.map(Profile::uri);
        let of_environment = Self::of_environment("DOOZER_URI", self.environment.uri.as_deref())?;
        let found = if self.target.profile.is_some() {
            of_profile
        } else {
            of_environment.or(of_profile)
        };
        found.map_or_else(|| read("-a", URI_DEFAULT), Ok)
    }

    fn boot(&self, profile: Option<&Profile>) -> anyhow::Result<Option<DoozerUri>> {
        if let Some(typed) = &self.target.boot {
            let given = (!typed.is_empty()).then(|| read("-b", typed));
            return given.transpose();
        }
        let of_profile = profile.and_then(|profile| profile.boot.as_ref());
        let of_profile = of_profile.map(|uri| uri.0.clone());
        let of_environment =
            Self::of_environment("DOOZER_BOOT_URI", self.environment.boot_uri.as_deref())?;
        Ok(if self.target.profile.is_some() {
            of_profile.or(of_environment)
        } else {
            of_environment.or(of_profile)
        })
    }

    /// The URI in a variable.
    fn of_environment(name: &str, value: Option<&str>) -> anyhow::Result<Option<DoozerUri>> {
        let value = value.map(|typed| read(name, typed));
        value.transpose()
    }
}

/// Another cluster's server: a profile's name, else a URI or HOST:PORT.
pub(super) fn target_of(place: &str, config: ReadConfig<'_>) -> anyhow::Result<Target> {
    let mut target = Target::default();
    if place.contains(':') {
        target.address = Some(place.to_owned());
        return Ok(target);
    }
    if let Err(error) = config()?.named(place) {
        let advice = "a profile's name, HOST:PORT, or doozer:?ca=HOST:PORT";
        return Err(advise(error, advice));
    }
    target.profile = Some(place.to_owned());
    Ok(target)
}

fn read(origin: &str, typed: &str) -> anyhow::Result<DoozerUri> {
    // What follows may be a secret.
    let shown = typed.split("sk=").next().unwrap_or_default();
    typed.parse().with_context(|| format!("{origin} {shown:?}"))
}

/// How TLS is spoken, if it is: what `target` says, else what `profile` does.
fn tls(target: &Target, profile: &Profile) -> anyhow::Result<Option<Tls>> {
    let either = |option: &Option<String>, of_profile: &Option<PathBuf>| {
        let option = option.as_ref().map(PathBuf::from);
        option.or_else(|| of_profile.clone())
    };
    let ca_file = either(&target.cacert, &profile.cacert);
    let cert = either(&target.cert, &profile.cert);
    let key = either(&target.key, &profile.key);
    let implied = ca_file.is_some() || cert.is_some() || key.is_some();
    let by_option = target.cacert.is_some() || target.cert.is_some() || target.key.is_some();
    let of_profile = profile.tls.filter(|_| !by_option);
    if !target.tls.or(of_profile).unwrap_or(implied) {
        return Ok(None);
    }
    let identity = match (cert, key) {
        (Some(cert), Some(key)) => Some((cert, key)),
        (None, None) => None,
        _ => bail!("--cert and --key go together"),
    };
    Ok(Some(Tls {
        ca_file,
        identity,
        server_name: None,
    }))
}

#[cfg(test)]
mod tests;
