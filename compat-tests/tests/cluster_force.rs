//! A quorum that is lost for good: a survivor goes on alone, and a cluster grows from it again.

use std::fs;
use std::time::Duration;

use compat_tests::cluster::{Cluster, FORMED_WITHIN, one_at_a_time};
use compat_tests::history::recorder::Recorder;
use compat_tests::history::tale::Tale;
use compat_tests::server::Launch;
use compat_tests::wait;
use compat_tests::wire::{Request, error, verb};

const FORCE: &str = "--force-new-cluster";

/// By how much a revision is raised unless told otherwise.
const BUMP: i64 = 1_000_000;

/// The node that goes on; it did not found the cluster.
const SURVIVOR: usize = 1;

const WAITS: Duration = Duration::from_secs(5);

/// Three members with some files, the newest revision, and the survivor's folder as it was.
fn cluster() -> (Cluster, i64) {
    let cluster = Cluster::start(3, &[]);
    for number in 0..50 {
        cluster.write(&format!("/config/{number}"), &format!("value {number}"));
    }
    let newest = cluster.ask(SURVIVOR, &Request::new(verb::REV), WAITS);
    let rev = newest.and_then(|answer| answer.rev).expect("a revision");
    (cluster, rev)
}

fn force(cluster: &mut Cluster) {
    let survivor = cluster.node_mut(SURVIVOR);
    survivor.change(|launch| launch.flags(&[FORCE]));
}

fn rev_of(cluster: &Cluster) -> i64 {
    let answer = cluster.ask(SURVIVOR, &Request::new(verb::REV), WAITS);
    answer.and_then(|answer| answer.rev).expect("a revision")
}

#[test]
fn a_survivor_goes_on_alone_with_all_that_it_held_and_a_cluster_grows_from_it() {
    let _turn = one_at_a_time();
    let (mut cluster, before) = cluster();
    let old_ids = cluster.ids();
    for node in 0..3 {
        cluster.kill9(node);
    }
    let strangers = cluster.node(0).data().to_owned();
    let kept = strangers.with_extension("kept");
    fs::rename(&strangers, &kept).expect("a folder that can be moved");
    fs::create_dir(&strangers).expect("an empty folder");

    force(&mut cluster);
    cluster.node_mut(SURVIVOR).start_again();
    let log = cluster.node(SURVIVOR).log();
    assert!(log.contains("is lost, if there was any"), "{log}");
    let after = rev_of(&cluster);
    assert!(after > before + BUMP, "{before} before, {after} after");
    for number in 0..50 {
        let value = cluster.get(SURVIVOR, &format!("/config/{number}"));
        assert_eq!(value, Some(format!("value {number}")));
    }
    let own = cluster.id(SURVIVOR).expect("an id");
    assert!(!old_ids.contains(&own), "{own} is one of {old_ids:?}");
    let slots = cluster.slots(SURVIVOR);
    let mut holders: Vec<&str> = slots.iter().map(|(_, holder)| &holder[..]).collect();
    holders.sort_unstable();
    assert_eq!(holders, ["", "", &own], "{slots:?}");
    for id in &old_ids {
        let addr = cluster.get(SURVIVOR, &format!("/ctl/node/{id}/addr"));
        assert_eq!(addr.as_deref(), Some(""), "{id} is gone");
    }
    let old = cluster.ask(SURVIVOR, &Request::wait("/config/*", before), WAITS);
    let code = old.and_then(|answer| answer.err_code);
    assert_eq!(code, Some(error::TOO_LATE), "a watch from before");

    for node in [0, 2] {
        cluster.spawn_anew(node);
    }
    cluster.await_members(FORMED_WITHIN);
    let last = cluster.write("/after", "there").revision();
    let addrs = cluster.addrs();
    let tales = addrs.iter().map(|addr| Tale::read(addr, after, last));
    let tales: Vec<Tale> = tales.map(|tale| tale.expect("a history")).collect();
    assert!(tales[0].events.len() > 5, "{:?}", tales[0]);
    assert!(tales.iter().all(|tale| tale.events == tales[0].events));

    // An old member that comes back is a stranger to the new cluster.
    let back = Launch::new(&["-a", cluster.node(SURVIVOR).addr()]).data(&kept);
    let back = back.start_unwaited();
    wait::until("the old member is refused", WAITS, || {
        back.log().contains("another cluster of the name")
    });
    assert_eq!(cluster.get(0, "/after").as_deref(), Some("there"));
}

#[test]
fn a_survivor_refuses_to_go_on_alone_while_another_voter_answers() {
    let _turn = one_at_a_time();
    let (mut cluster, before) = cluster();
    cluster.kill9(0);
    cluster.kill9(SURVIVOR);
    force(&mut cluster);
    let refusal = cluster.node_mut(SURVIVOR).try_start_again().unwrap_err();
    assert_eq!(refusal.code, Some(1), "{}", refusal.log);
    let addr = cluster.node(2).addr();
    for words in [addr, "answers", "nothing was changed", "2 of the 3 voters"] {
        assert!(refusal.log.contains(words), "{words}: {}", refusal.log);
    }
    // Nothing was: without the flag it is what it was.
    let plain = cluster.node_mut(SURVIVOR);
    plain.change(|_| Launch::new(&["-timeout", "60"]));
    plain.start_again();
    cluster.node_mut(0).start_again();
    cluster.await_members(FORMED_WITHIN);
    let after = rev_of(&cluster);
    assert!(after < before + BUMP, "{before} before, {after} after");
    Recorder::new().check(&cluster.tales());
}

#[test]
fn a_flag_that_was_left_in_the_start_script_does_nothing_the_second_time() {
    let _turn = one_at_a_time();
    let (mut cluster, _) = cluster();
    for node in 0..3 {
        cluster.kill9(node);
    }
    force(&mut cluster);
    cluster.node_mut(SURVIVOR).start_again();
    let (id, rev) = (cluster.id(SURVIVOR), rev_of(&cluster));
    cluster.kill9(SURVIVOR);
    cluster.node_mut(SURVIVOR).start_again();
    assert_eq!(cluster.id(SURVIVOR), id);
    assert!(rev_of(&cluster) < rev + BUMP);
    let log = cluster.node(SURVIVOR).log();
    assert!(
        log.contains("was done before and is not done again"),
        "{log}"
    );
    // The old folder is whole: it is a node of the old cluster still.
    let data = cluster.node(SURVIVOR).data();
    let names = fs::read_dir(data).expect("a data folder");
    let kept = names.filter_map(|name| Some(name.ok()?.path()));
    let kept: Vec<_> = kept
        .filter(|path| path.to_string_lossy().contains("predecessor-"))
        .collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    let back = Launch::new(&[]).learner().data(&kept[0]).start();
    let value = back.call(&Request::get("/config/7")).value_text();
    assert_eq!(value, "value 7");
}

#[test]
fn there_must_be_something_to_go_on_from() {
    let refusal = Launch::new(&[FORCE]).try_start().unwrap_err();
    assert_eq!(refusal.code, Some(1), "{}", refusal.log);
    assert!(refusal.log.contains("is empty"), "{}", refusal.log);
    let refusal = Launch::new(&["--bump", "5"]).try_start().unwrap_err();
    assert_eq!(refusal.code, Some(2), "{}", refusal.log);
    assert!(refusal.log.contains(FORCE), "{}", refusal.log);
}
