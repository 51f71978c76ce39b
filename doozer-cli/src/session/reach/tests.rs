//! What goes before what.

use std::path::Path;

use super::*;

const PROFILES: &str = r#"
default = "home"
[profile.home]
addresses = ["home"]
[profile.prod]
addresses = ["prod"]
boot = "prod-boot"
cacert = "ca.pem"
secret = { command = "echo hunter2" }
"#;

/// What is taken where these options and variables are given.
async fn reach(target: &Target, environment: &Environment) -> anyhow::Result<String> {
    let config = Config::parsed(PROFILES, Path::new("/etc/x/config.toml"));
    let sources = Sources {
        target,
        environment,
        config: &|| Ok(&config),
    };
    let reach = sources.reach().await?;
    let boot = reach.options.boot.map(|boot| format!(" boot {boot}"));
    let tls = reach.options.tls.map(|tls| format!(" {tls:?}"));
    let secret = reach.options.secret.map(|_secret| " secret".to_owned());
    let more: String = [boot, tls, secret].into_iter().flatten().collect();
    Ok(reach.uri.addresses.concat() + &more)
}

/// What `-a`, `--profile`, `DOOZER_URI` and `DOOZER_PROFILE` lead to; an empty one is not given.
async fn check(given: [&str; 4], expected: &str) {
    let [address, profile, uri, environment_profile] =
        given.map(|text| (!text.is_empty()).then(|| text.to_owned()));
    let target = Target {
        address,
        profile,
        ..Target::default()
    };
    let environment = Environment {
        uri,
        profile: environment_profile,
        ..Environment::default()
    };
    let got = reach(&target, &environment).await;
    let got = got.unwrap_or_else(|error| crate::failure::reason(&error));
    assert_eq!(got, expected, "{given:?}");
}

const PROD: &str = "prod:8046 boot doozer:?ca=prod-boot:8046 \
    Tls { ca_file: Some(\"/etc/x/ca.pem\"), identity: None, server_name: None } secret";

#[tokio::test]
async fn a_profile_that_is_named_is_taken() {
    check(["", "prod", "", ""], PROD).await;
    check(["", "prod", "env", ""], PROD).await;
    check(["", "", "", "prod"], PROD).await;
    check(["", "home", "", "prod"], "home:8046").await;
    let at = |address: &str| PROD.replace("prod:8046 ", address);
    check(["x", "prod", "", ""], &at("x:8046 ")).await;
    check(["", "", "env", "prod"], &at("env:8046 ")).await;
    let unknown = "there is no profile \"pord\": did you mean prod?";
    check(["", "pord", "", ""], unknown).await;
}

#[tokio::test]
async fn a_secret_does_not_go_to_a_server_that_is_named_otherwise() {
    check(["x", "", "", "prod"], "x:8046").await;
    check(["x", "", "", ""], "x:8046").await;
    check(["", "", "env", ""], "env:8046").await;
}

#[tokio::test]
async fn the_default_is_the_profile_of_that_name_and_then_this_machine() {
    check(["", "", "", ""], "home:8046").await;
    let (target, environment) = (Target::default(), Environment::default());
    let config = Config::default();
    let sources = Sources {
        target: &target,
        environment: &environment,
        config: &|| Ok(&config),
    };
    assert_eq!(sources.reach().await.unwrap().name, URI_DEFAULT);
}

#[tokio::test]
async fn options_go_before_the_environment() {
    let environment = Environment {
        uri: Some("env".to_owned()),
        boot_uri: Some("env-boot".to_owned()),
        ..Environment::default()
    };
    let got = reach(&Target::default(), &environment).await.unwrap();
    assert_eq!(got, "env:8046 boot doozer:?ca=env-boot:8046");
    let target = Target {
        address: Some("x".to_owned()),
        boot: Some(String::new()),
        ..Target::default()
    };
    assert_eq!(reach(&target, &environment).await.unwrap(), "x:8046");
}

#[tokio::test]
async fn a_file_of_tls_says_that_tls_is_spoken() {
    let target = Target {
        address: Some("x".to_owned()),
        cacert: Some("ca.pem".to_owned()),
        ..Target::default()
    };
    let expected = "x:8046 \
        Tls { ca_file: Some(\"ca.pem\"), identity: None, server_name: None }";
    let environment = Environment::default();
    assert_eq!(reach(&target, &environment).await.unwrap(), expected);
    let target = Target {
        tls: Some(false),
        ..target
    };
    assert_eq!(reach(&target, &environment).await.unwrap(), "x:8046");
}

#[tokio::test]
async fn a_certificate_needs_its_key() {
    let target = Target {
        cert: Some("cert.pem".to_owned()),
        ..Target::default()
    };
    let error = reach(&target, &Environment::default()).await.unwrap_err();
    assert_eq!(error.to_string(), "--cert and --key go together");
}

#[test]
fn another_cluster_is_a_profile_or_an_address() {
    let config = Config::parsed(PROFILES, Path::new("/etc/x/config.toml"));
    let target = |place| target_of(place, &|| Ok(&config));
    assert_eq!(target("prod").unwrap().profile.as_deref(), Some("prod"));
    assert_eq!(target("h:1").unwrap().address.as_deref(), Some("h:1"));
    assert!(target("porc").is_err());
}
