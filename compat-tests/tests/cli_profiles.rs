//! Clusters with names: added, shown, taken; what goes before what; secrets that are never shown.

use std::fs;

use compat_tests::cli::Cli;
use compat_tests::server::{Launch, STILL, Server};
use compat_tests::tls::Authority;

/// A user whom the environment tells of no server.
fn user() -> Cli {
    Cli::nowhere().without_env("DOOZER_URI")
}

const SECRET: &str = "hunter2";

#[test]
fn a_profile_is_added_shown_listed_and_taken() {
    let (one, two) = (Server::start(STILL), Server::start(STILL));
    let cli = user();
    cli.run("profile list").prints("");
    cli.run(&format!("profile add one {}", one.addr()))
        .ends(0)
        .says("one is in ");
    cli.run(&format!("profile add two {}", two.addr())).ends(0);
    cli.run("profile list").prints(&format!(
        "* one  doozer:?ca={}\n  two  doozer:?ca={}\n",
        one.addr(),
        two.addr()
    ));
    let id = |server: &Server| Cli::at(server.addr()).run("self").stdout;
    cli.run("self").prints(&id(&one));
    cli.run("self --profile two").prints(&id(&two));
    cli.run("profile use two").prints("");
    cli.run("self").prints(&id(&two));
    cli.run("profile show").shows("name      two\n");
    cli.run("profile show one -o json").shows(one.addr());
    let listed = cli.run("profile list -o json").json();
    assert_eq!(
        (&listed[1]["name"], &listed[1]["default"]),
        (&"two".into(), &true.into())
    );
}

#[test]
fn options_go_before_the_environment_and_that_before_the_default() {
    let server = Server::start(STILL);
    let cli = user();
    cli.run("profile add nowhere 127.0.0.1:1").ends(0);
    cli.run(&format!("profile add here {}", server.addr()))
        .ends(0);
    cli.run("put /a 1")
        .fails(4, "cannot connect to 127.0.0.1:1");
    cli.run(&format!("put /a 1 -a {}", server.addr())).ends(0);
    let cli = cli.env("DOOZER_PROFILE", "here");
    cli.run("put /a 1").ends(0);
    cli.run("put /a 1 --profile nowhere").ends(4);
    let cli = cli
        .without_env("DOOZER_PROFILE")
        .env("DOOZER_URI", server.addr());
    cli.run("put /a 1").ends(0);
    cli.run("put /a 1 --profile nowhere").ends(4);
}

#[test]
fn a_secret_comes_from_a_file_a_variable_or_a_command_and_is_never_shown() {
    let server = Launch::new(STILL).env("DOOZER_RWSECRET", SECRET).start();
    let cli = user().env("OPEN", SECRET);
    cli.file("secret", format!("{SECRET}\n"));
    for (name, source) in [
        ("file", "--secret-file secret"),
        ("env", "--secret-env OPEN"),
        ("command", "--secret-command 'cat secret'"),
    ] {
        cli.run(&format!("profile add {name} {} {source}", server.addr()))
            .ends(0);
        cli.run(&format!("put /a 1 --profile {name}")).ends(0);
        cli.run(&format!("profile show {name}"))
            .ends(0)
            .hides(SECRET);
    }
    let config = fs::read_to_string(cli.home().join(".config/doozer/config.toml")).unwrap();
    assert!(!config.contains(SECRET), "{config}");
    cli.run("profile add echo 127.0.0.1:1 --secret-command 'echo hunter2'")
        .ends(0);
    for line in [
        "profile show echo",
        "profile list -o json",
        "put /a 1 --profile echo",
    ] {
        cli.run(line).hides(SECRET);
    }
    cli.file("secret", "wrong");
    cli.run("put /a 1 --profile file")
        .fails(6, "permission denied")
        .hides("wrong");
    fs::remove_file(cli.home().join("secret")).unwrap();
    cli.run("put /a 1 --profile file")
        .fails(2, "cannot read the secret in ");
}

#[test]
fn a_wrong_file_is_told_with_its_line_and_the_nearest_key() {
    let cli = user();
    cli.file(
        ".config/doozer/config.toml",
        "[profile.a]\naddrezzes = [\"x\"]\n",
    );
    cli.run("rev").fails(
        2,
        "config.toml: line 2: there is no key `addrezzes`: did you mean addresses?",
    );
    // Where all is said without it, it does not matter.
    let server = Server::start(STILL);
    cli.run(&format!("rev -a {}", server.addr())).ends(0);
}

#[test]
fn what_is_not_changed_in_the_file_stays_as_it_is() {
    let cli = user();
    let before = "# mine\ndefault = 'a' # the first\n\n[profile.a] # A\naddresses = [ 'a' ]\n";
    let path = cli.file(".config/doozer/config.toml", before);
    cli.run("profile add b b.example -b boot --cluster far -tls")
        .ends(0);
    cli.run("profile use b").ends(0);
    let expected = "# mine\ndefault = \"b\" # the first\n\n[profile.a] # A\naddresses = [ 'a' ]\n\n\
        [profile.b]\naddresses = [\"b.example\"]\nname = \"far\"\nboot = \"boot\"\ntls = true\n";
    assert_eq!(fs::read_to_string(path).unwrap(), expected);
    cli.run("profile add b x")
        .fails(2, "there is a profile \"b\" already");
    cli.run("profile add 'x y' x")
        .fails(2, "cannot be a profile's name");
    cli.run("profile add c a:b:c")
        .fails(2, "bad port in the address `a:b:c`");
    cli.run("profile use c")
        .fails(2, "there is no profile \"c\"")
        .says("\nTry: doozer profile list");
}

#[test]
fn the_folder_of_configurations_may_be_elsewhere() {
    let cli = user();
    cli.file(
        "elsewhere/doozer/config.toml",
        "[profile.x]\naddresses = [\"x\"]\n",
    );
    let folder = cli.home().join("elsewhere");
    let cli = cli.env("XDG_CONFIG_HOME", &folder.display().to_string());
    cli.run("profile list").prints("  x  doozer:?ca=x:8046\n");
}

#[test]
fn tls_is_spoken_when_an_option_or_a_profile_says_so() {
    let authority = Authority::new();
    let certificate = authority.vouch();
    let server = Launch::new(STILL)
        .tls(&certificate.cert, &certificate.key)
        .start();
    let cli = Cli::at(server.addr());
    let ca = authority.file().display().to_string();
    cli.run(&format!("put /a 1 --cacert {ca}")).ends(0);
    cli.run("put /a 1 --timeout 5s")
        .fails(4, "--tls, if the server speaks TLS");
    cli.run(&format!("put /a 1 --tls --cacert {ca} --cert x"))
        .fails(2, "--cert and --key go together");
    cli.run("put /a 1 --cacert none.pem")
        .fails(2, "cannot read none.pem");
    cli.run(&format!("profile add tls {} --cacert {ca}", server.addr()))
        .ends(0);
    cli.run("get /a --profile tls").prints("1");
    cli.run("bench get --profile tls")
        .fails(2, "a benchmark speaks no TLS");
}
