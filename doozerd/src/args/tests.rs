//! Command lines and what they mean.

use std::collections::HashMap;
use std::time::Duration;

use expect_test::{Expect, expect, expect_file};

use super::*;
use crate::log::Format;

fn parsed(line: &[&str], variables: &[(&str, &str)]) -> Result<Parsed, UsageError> {
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    let words = line.iter().map(OsString::from);
    parse(words, |name| variables.get(name).map(OsString::from))
}

fn run_with(line: &[&str], variables: &[(&str, &str)]) -> Config {
    match parsed(line, variables) {
        Ok(Parsed::Run(config)) => *config,
        other => panic!("{line:?}: {other:?}"),
    }
}

fn run(line: &[&str]) -> Config {
    run_with(line, &[])
}

/// Checks what a good command line means, of what `pick` takes from it.
fn check<T: PartialEq + std::fmt::Debug>(pick: impl Fn(Config) -> T, cases: &[(&[&str], T)]) {
    for (line, expected) in cases {
        assert_eq!(pick(run(line)), *expected, "{line:?}");
    }
}

/// Checks the errors of bad command lines, a line each.
#[expect(
    clippy::needless_pass_by_value,
    reason = "an inline expectation is made for one use"
)]
fn check_errors(lines: &[&[&str]], expected: Expect) {
    let errors = lines
        .iter()
        .map(|line| format!("{}\n", parsed(line, &[]).unwrap_err()));
    expected.assert_eq(&errors.collect::<String>());
}

#[test]
fn without_flags_everything_is_at_its_default() {
    let config = run(&[]);
    assert_eq!(config.listen, "127.0.0.1:8046");
    assert_eq!(config.bind_address(), "127.0.0.1:8046");
    assert_eq!(config.web, Web::Default);
    assert_eq!(config.web_address().as_deref(), Some("127.0.0.1:8000"));
    assert_eq!(
        config.data_dir,
        DataDir::Dir("doozer-local-127.0.0.1-8046".into())
    );
    assert_eq!(config.store_bytes, machine::memory_bytes() / 2);
    assert!(config.secrets.rw.is_empty() && config.secrets.ro.is_empty());
    assert_eq!(
        (config.pulse, config.timeout),
        (Duration::from_secs(1), Duration::from_secs(60))
    );
    assert_eq!(config.proposal_timeout, Duration::from_secs(30));
    assert_eq!(
        (config.history_revisions, config.history_bytes),
        (2000, 256 << 20)
    );
    let limits = Limits {
        value_bytes_max: 1 << 20,
        frame_bytes_max: (2 << 20) + (64 << 10),
        connections_max: 16_384,
        requests_in_flight_max: 1024,
        waiters_max: 100_000,
        waiters_total_max: 1_000_000,
    };
    assert_eq!(config.limits, limits);
    assert_eq!((config.log.format, config.log.colour), (Format::Text, true));
    assert_eq!(
        (config.attach.len(), config.boot, config.tls),
        (0, None, None)
    );
    assert!(config.notices.is_empty());
}

#[test]
fn one_dash_or_two_and_a_blank_or_an_equals_sign_are_one() {
    let five = Duration::from_secs(5);
    check(
        |config| config.timeout,
        &[
            (&["-timeout", "5"], five),
            (&["-timeout=5"], five),
            (&["--timeout", "5"], five),
            (&["--timeout=5"], five),
            (&["-timeout", "9", "-timeout", "5s"], five),
            (&["-timeout", "5", "--"], five),
            (&["-timeout", ".5e1", "-v=false", "-h=F"], five),
        ],
    );
    check(
        |config| config.data_dir,
        &[
            (&["-data-dir", "memory"], DataDir::Memory),
            (&["--data-dir=./memory"], DataDir::Dir("./memory".into())),
            (&["--data-dir=a=b"], DataDir::Dir("a=b".into())),
            (&["--data-dir", "-l"], DataDir::Dir("-l".into())),
            (
                &["-c", "x.y", "-l", "[::1]:9"],
                DataDir::Dir("doozer-x.y-::1-9".into()),
            ),
        ],
    );
}

#[test]
fn a_missing_port_is_filled_in_and_a_missing_host_is_any() {
    let addresses = |config: Config| {
        (
            config.listen.clone(),
            config.bind_address(),
            config.web_address().unwrap(),
        )
    };
    let three = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
    check(
        addresses,
        &[
            (&["-l", "db1"], three("db1:8046", "db1:8046", "db1:8000")),
            (
                &["-l", "[::1]"],
                three("[::1]:8046", "[::1]:8046", "[::1]:8000"),
            ),
            (&["-l", ":9"], three(":9", "0.0.0.0:9", "0.0.0.0:8000")),
            (&["-l", "h:0", "-w", "x"], three("h:0", "h:0", "x:8000")),
            (
                &["-w", ":1"],
                three("127.0.0.1:8046", "127.0.0.1:8046", "0.0.0.0:1"),
            ),
        ],
    );
    check(
        |config| config.attach,
        &[(
            &["-a", "x", "-a=y:1"],
            vec!["x:8046".to_owned(), "y:1".to_owned()],
        )],
    );
}

#[test]
fn every_go_boolean_switches_the_page_off() {
    let booleans = [
        "0", "f", "F", "false", "FALSE", "False", "1", "t", "T", "true", "TRUE", "True",
    ];
    for boolean in booleans {
        assert_eq!(run(&["-w", boolean]).web, Web::Off, "{boolean}");
    }
    assert_eq!(run(&["-w", ""]).web, Web::Default);
    assert_eq!(run(&["-w", "h:1"]).web, Web::Given("h:1".to_owned()));
}

#[test]
fn a_secret_switches_the_page_off_and_says_so_to_who_asked_for_it() {
    for variable in ["DOOZER_RWSECRET", "DOOZER_ROSECRET"] {
        let config = run_with(&[], &[(variable, "swordfish")]);
        assert_eq!((config.web.clone(), config.notices.len()), (Web::Off, 0));
        assert!(!format!("{config:?}").contains("swordfish"));
        let config = run_with(&["-w", "h:1"], &[(variable, "s")]);
        assert_eq!((config.web, config.notices.len()), (Web::Off, 1));
    }
    let config = run_with(&[], &[("DOOZER_RWSECRET", "w"), ("DOOZER_ROSECRET", "")]);
    assert!(config.secrets.rw.matches(b"w") && config.secrets.ro.is_empty());
}

#[test]
fn the_flag_b_also_empty_stands_over_the_environment() {
    let check = |line: &[&str], variable: Option<&str>, expected: Option<&str>| {
        let variables: Vec<_> = variable
            .map(|uri| ("DOOZER_BOOT_URI", uri))
            .into_iter()
            .collect();
        assert_eq!(
            run_with(line, &variables).boot.as_deref(),
            expected,
            "{line:?} {variable:?}"
        );
    };
    let (typed, env) = ("doozer:?ca=typed", "doozer:?ca=env");
    check(&[], None, None);
    check(&[], Some(env), Some(env));
    check(&[], Some(""), None);
    check(&["-b", typed], Some(env), Some(typed));
    check(&["-b", ""], Some(env), None);
    check(&["-b="], Some(env), None);
    let error = parsed(&[], &[("DOOZER_BOOT_URI", "http://x")])
        .unwrap_err()
        .to_string();
    let expected = "DOOZER_BOOT_URI: \"http://x\" is not a URI such as doozer:?ca=HOST:PORT, \
                    or nothing";
    assert_eq!(error, expected);
}

#[test]
fn limits_are_read_with_their_units() {
    let line = [
        "--value-bytes-max=64k",
        "--connections-max=0x10",
        "--in-flight-max=2",
        "--waiters-max=3",
        "--waiters-total-max=4",
    ];
    let limits = Limits {
        value_bytes_max: 64 << 10,
        frame_bytes_max: 192 << 10,
        connections_max: 16,
        requests_in_flight_max: 2,
        waiters_max: 3,
        waiters_total_max: 4,
    };
    check(|config| config.limits, &[(&line, limits)]);
    check(
        |config| {
            (
                config.history_bytes,
                config.store_bytes,
                config.history_revisions,
            )
        },
        &[(
            &[
                "--history-bytes",
                "1MB",
                "--store-bytes",
                "2g",
                "-hist",
                "7",
            ],
            (1_000_000, 2 << 30, 7),
        )],
    );
}

#[test]
fn a_log_is_chosen_by_level_and_format() {
    let config = run_with(
        &["--log-format=json", "--log-level=debug"],
        &[("NO_COLOR", "1")],
    );
    assert_eq!(
        (config.log.format, config.log.colour),
        (Format::Json, false)
    );
    assert_eq!(Some(config.log.filter), crate::log::Filter::parse("debug"));
    assert!(run_with(&[], &[("NO_COLOR", "")]).log.colour);
}

#[test]
fn a_wrong_flag_is_named_with_the_one_probably_meant() {
    check_errors(
        &[
            &["-puls", "1"],
            &["--data_dir=x"],
            &["--datadir", "x"],
            &["-tiemout", "1"],
            &["-L", "x"],
            &["--frobnicate"],
            &["-x"],
            &["-\u{1b}[31m\n"],
            &["---l"],
            &["--=x"],
            &["-l"],
            &["x"],
            &["-v=false", "false"],
            &["-"],
            &["--", "-h"],
            &["-h=maybe"],
        ],
        expect![[r#"
            unknown flag -puls (did you mean -pulse?); -h lists them all
            unknown flag --data_dir (did you mean --data-dir?); -h lists them all
            unknown flag --datadir (did you mean --data-dir?); -h lists them all
            unknown flag -tiemout (did you mean -timeout?); -h lists them all
            unknown flag -L (did you mean -l?); -h lists them all
            unknown flag --frobnicate; -h lists them all
            unknown flag -x; -h lists them all
            unknown flag -\u{1b}[31m\n; -h lists them all
            "---l" is no flag: a name follows the dashes
            "--=x" is no flag: a name follows the dashes
            -l needs a value: HOST:PORT, an IPv6 address in brackets: [::1]:8046
            unexpected argument "x": only flags are taken
            unexpected argument "false": only flags are taken
            unexpected argument "-": only flags are taken
            unexpected argument "-h": only flags are taken
            -h: "maybe" is not true or false
        "#]],
    );
}

#[test]
fn a_wrong_value_is_named_with_what_is_allowed() {
    check_errors(
        &[
            &["-l", "::1"],
            &["-l", ""],
            &["-a", ":1"],
            &["-a", "x", "-a", "y:z"],
            &["-b", "10.0.0.1:8046"],
            &["-c", "a/b"],
            &["-c", ""],
            &["-w", "maybe not"],
            &["-hist", "0"],
            &["-hist", "-1"],
            &["-pulse", "0"],
            &["-timeout", "never"],
            &["-fill", "x"],
            &["-tlscert", "x"],
            &["-tlskey", "x"],
            &["-tlscert", "", "-tlskey", "x"],
            &["--data-dir", ""],
            &["--history-bytes", "1.5G"],
            &["--value-bytes-max", "1GiB"],
            &["--frame-bytes-max", "1MiB"],
            &["--connections-max", "0"],
            &["--proposal-timeout", "-5s"],
            &["--log-level", "verbose"],
            &["--log-format", "xml"],
        ],
        expect![[r#"
            -l: "::1" is not HOST:PORT, an IPv6 address in brackets: [::1]:8046
            -l: "" is not HOST:PORT, an IPv6 address in brackets: [::1]:8046
            -a: ":1" is not HOST:PORT, an IPv6 address in brackets: [::1]:8046
            -a: "y:z" is not HOST:PORT, an IPv6 address in brackets: [::1]:8046
            -b: "10.0.0.1:8046" is not a URI such as doozer:?ca=HOST:PORT, or nothing
            -c: "a/b" is not 1 to 100 of the characters A-Z a-z 0-9 . -
            -c: "" is not 1 to 100 of the characters A-Z a-z 0-9 . -
            -w: "maybe not" is not HOST:PORT, or false for none
            -hist: "0" is not a whole number of 1 or more
            -hist: "-1" is not a whole number of 1 or more
            -pulse: "0" is not seconds from 0.001 to 1000000000, or a duration such as 500ms or 1m30s
            -timeout: "never" is not seconds from 0.001 to 1000000000, or a duration such as 500ms or 1m30s
            -fill: "x" is not seconds from 0 to 1000000000, or a duration such as 500ms or 1m30s
            -tlscert needs -tlskey as well
            -tlskey needs -tlscert as well
            -tlscert: "" is not a file
            --data-dir: "" is not a folder, or memory
            --history-bytes: "1.5G" is not bytes from 1 to 1024TiB, such as 1048576, 64k or 256MiB
            --value-bytes-max: "1GiB" is not bytes from 1 to 64MiB, such as 1048576, 64k or 256MiB
            --frame-bytes-max: 1048576 is too small for a value of --value-bytes-max 1048576; at least 1049600 is needed
            --connections-max: "0" is not a whole number from 1 to 10000000
            --proposal-timeout: "-5s" is not seconds from 0.001 to 1000000000, or a duration such as 500ms or 1m30s
            --log-level: "verbose" is not error, warn, info, debug, trace, or a filter such as info,doozerd::server=debug
            --log-format: "xml" is not text or json
        "#]],
    );
}

#[test]
fn a_value_that_is_not_utf_8_is_refused_where_text_is_meant() {
    use std::os::unix::ffi::OsStringExt;
    let parse_bytes = |line: &[&[u8]]| {
        parse(
            line.iter().map(|word| OsString::from_vec(word.to_vec())),
            |_| None,
        )
    };
    let error = parse_bytes(&[b"-c=\xff"]).unwrap_err().to_string();
    assert!(error.starts_with("-c: \"\u{fffd}\" is not"), "{error}");
    let Ok(Parsed::Run(config)) = parse_bytes(&[b"--data-dir", b"\xff"]) else {
        panic!("a folder may have any name");
    };
    assert_eq!(
        config.data_dir,
        DataDir::Dir(OsString::from_vec(vec![0xff]).into())
    );
}

#[test]
fn the_version_is_one_line() {
    for line in [&["-v"][..], &["--version"], &["-pulse", "x", "-v=true"]] {
        let Ok(Parsed::Version(text)) = parsed(line, &[]) else {
            panic!("{line:?}");
        };
        assert_eq!(text, concat!("doozerd ", env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn the_help_lists_every_flag_within_80_columns() {
    let Ok(Parsed::Help(text)) = parsed(&["-h", "-v"], &[]) else {
        panic!("no help");
    };
    let expected = expect_file!["help.txt"];
    expected.assert_eq(&text.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
    assert!(text.lines().all(|line| line.len() <= 80));
}
