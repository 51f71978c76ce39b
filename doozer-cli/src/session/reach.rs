//! What the command line and the environment say of a server, put together.

use anyhow::Context;
use doozer_client::{DoozerUri, Options, Tls};

use crate::args::{Environment, Target};
use crate::server::{FRAME_BYTES_MAX, Reach};

/// Where to look when nothing else is said.
const URI_DEFAULT: &str = "doozer:?ca=127.0.0.1:8046";

/// Where the server is that `target` names, in `environment` where it names none.
pub(super) fn of(target: &Target, environment: &Environment) -> anyhow::Result<Reach> {
    let address = target.address.as_deref().or(environment.uri.as_deref());
    let boot = target.boot.as_deref().or(environment.boot_uri.as_deref());
    let boot = boot.filter(|uri| !uri.is_empty());
    Ok(Reach {
        uri: uri("-a", address.unwrap_or(URI_DEFAULT))?,
        options: Options {
            boot: boot.map(|boot| uri("-b", boot)).transpose()?,
            tls: tls(target)?,
            frame_bytes_max: FRAME_BYTES_MAX,
            ..Options::default()
        },
    })
}

fn uri(option: &str, typed: &str) -> anyhow::Result<DoozerUri> {
    typed.parse().with_context(|| format!("{option} {typed:?}"))
}

fn tls(target: &Target) -> anyhow::Result<Option<Tls>> {
    let files = [&target.cacert, &target.cert, &target.key];
    let implied = files.iter().any(|file| file.is_some());
    if !target.tls.unwrap_or(implied) {
        return Ok(None);
    }
    let identity = match (&target.cert, &target.key) {
        (Some(cert), Some(key)) => Some((cert.into(), key.into())),
        (None, None) => None,
        _ => anyhow::bail!("--cert and --key go together"),
    };
    Ok(Some(Tls {
        ca_file: target.cacert.as_ref().map(Into::into),
        identity,
        server_name: None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        Environment {
            uri: Some("env".to_owned()),
            boot_uri: Some("env-boot".to_owned()),
            ..Environment::default()
        }
    }

    fn check(target: &Target, environment: &Environment, expected: &str) {
        let reach = of(target, environment).unwrap();
        let boot = reach
            .options
            .boot
            .map_or("none".to_owned(), |boot| boot.to_string());
        let tls = reach
            .options
            .tls
            .map_or("none".to_owned(), |tls| format!("{tls:?}"));
        let got = format!("{} boot {boot} tls {tls}", reach.uri);
        assert_eq!(got, expected);
    }

    #[test]
    fn the_default_is_this_machine() {
        let expected = "doozer:?ca=127.0.0.1:8046 boot none tls none";
        check(&Target::default(), &Environment::default(), expected);
    }

    #[test]
    fn options_go_before_the_environment() {
        let expected = "doozer:?ca=env:8046 boot doozer:?ca=env-boot:8046 tls none";
        check(&Target::default(), &environment(), expected);
        let target = Target {
            address: Some("x".to_owned()),
            boot: Some(String::new()),
            ..Target::default()
        };
        check(
            &target,
            &environment(),
            "doozer:?ca=x:8046 boot none tls none",
        );
    }

    #[test]
    fn a_file_of_tls_says_that_tls_is_spoken() {
        let target = Target {
            cacert: Some("ca.pem".to_owned()),
            ..Target::default()
        };
        let expected = "doozer:?ca=127.0.0.1:8046 boot none tls \
            Tls { ca_file: Some(\"ca.pem\"), identity: None, server_name: None }";
        check(&target, &Environment::default(), expected);
        let target = Target {
            tls: Some(false),
            ..target
        };
        let expected = "doozer:?ca=127.0.0.1:8046 boot none tls none";
        check(&target, &Environment::default(), expected);
    }

    #[test]
    fn a_certificate_needs_its_key() {
        let target = Target {
            cert: Some("cert.pem".to_owned()),
            ..Target::default()
        };
        let error = of(&target, &Environment::default()).unwrap_err();
        assert_eq!(error.to_string(), "--cert and --key go together");
    }
}
