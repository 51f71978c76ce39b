//! One node's files are damaged, or its disk is full: the others go on, and it comes back.

#![expect(clippy::unwrap_used, reason = "a test panics with what went wrong")]

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::time::Duration;

use compat_tests::cluster::load::ClientLoad;
use compat_tests::cluster::{Cluster, FORMED_WITHIN, one_at_a_time};
use compat_tests::disk::{self, Damage, SmallDisk};
use compat_tests::history::recorder::Recorder;
use compat_tests::wait;
use compat_tests::wire::{Request, Response, error};

const MIB: u64 = 1 << 20;

/// The size of the small disk, and what is left free on it.
const DISK_BYTES: u64 = 64 * MIB;
const FREE_BYTES: u64 = 3 * MIB;

/// How long a node with a full disk is watched, and how many errors it may log of it in all: the
/// engine says the same a few times in its words.
const QUIET: Duration = Duration::from_secs(2);
const LINES_MAX: usize = 12;

/// Writes of 8 KiB: several times what is free.
const WRITES: usize = 1500;

/// What a refusal to start tells to do.
const ADVICE: [&str; 5] = [
    "restore",
    "put back",
    "put the file back",
    "move it away",
    "start the",
];

/// Where the largest file is cut: behind its header, before its first record ends.
const CUT_AT: u64 = 100;

#[test]
fn a_node_with_damaged_files_refuses_to_start_and_comes_back_empty() {
    let _turn = one_at_a_time();
    let mut cluster = Cluster::start(3, &[]);
    let recorder = Recorder::new();
    let running = ClientLoad::default().start(&recorder, &cluster.addrs());
    wait::pause(Duration::from_secs(1));
    let follower = cluster.follower();
    cluster.kill9(follower);
    let folder = cluster.node(follower).data().to_owned();
    let (file, size) = disk::files(&folder)
        .into_iter()
        .max_by_key(|(_, size)| *size)
        .unwrap();
    // Not in its middle: a log file ends in zeros, which nobody misses.
    assert!(size > CUT_AT && Damage::Cut(CUT_AT).apply(&folder.join(&file)));
    let refusal = cluster.node_mut(follower).try_start_again().unwrap_err();
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    assert_eq!(refusal.code, Some(1), "{}", refusal.log);
    assert!(
        refusal.log.contains(&name),
        "{name} is not named: {}",
        refusal.log
    );
    let advised = ADVICE.iter().any(|advice| refusal.log.contains(advice));
    assert!(advised, "it does not say what to do: {}", refusal.log);
    cluster.spawn_anew(follower);
    cluster.await_members(FORMED_WITHIN);
    let unread = running.finish();
    cluster.check(&recorder);
    assert_eq!(unread, 0);
}

/// Fills `folder` up to [`FREE_BYTES`]; returns the file that does.
fn fill(folder: &Path) -> std::path::PathBuf {
    let filler = folder.join("filler");
    // The last write is cut short: that is how the disk gets full.
    drop(fs::write(
        &filler,
        vec![0; usize::try_from(DISK_BYTES).unwrap()],
    ));
    let length = fs::metadata(&filler).unwrap().len();
    let file = OpenOptions::new().write(true).open(&filler).unwrap();
    file.set_len(length - FREE_BYTES).unwrap();
    filler
}

fn ask(cluster: &Cluster, node: usize, request: &Request) -> Response {
    cluster.ask(node, request, Duration::from_secs(20)).unwrap()
}

#[test]
fn a_full_disk_on_one_node_does_not_stop_the_others_and_it_returns() {
    let _turn = one_at_a_time();
    let disk = SmallDisk::mount(DISK_BYTES);
    let mut cluster = Cluster::start(2, &[]);
    let node = cluster.newcomer().data(&disk.path().join("data")).start();
    let full = cluster.adopt(node);
    cluster.make_slot(full);
    cluster.await_members(FORMED_WITHIN);
    let id = cluster.id(full).unwrap();
    let filler = fill(disk.path());
    let mut connection = cluster.node(0).connect();
    for number in 0..WRITES {
        let value = format!("{number:04}").repeat(2 << 10);
        let path = format!("/full/{}", number % 50);
        let answer = connection.call(&Request::set(&path, -1, &value));
        assert_eq!(answer.err_code, None, "write {number}: {answer:?}");
    }
    let says = || cluster.node(full).log().contains("space");
    wait::until("the node says that its disk is full", FORMED_WITHIN, says);
    let refused = ask(&cluster, full, &Request::set("/full/x", -1, "v"));
    assert_eq!(refused.err_code, Some(error::OTHER), "{refused:?}");
    for word in ["space", "restart"] {
        assert!(
            refused.detail().contains(word),
            "does not say {word}: {refused:?}"
        );
    }
    let name = ask(&cluster, full, &Request::get("/ctl/name"));
    assert_eq!(name.value_text(), "local");
    cluster.write("/others", "go on");
    wait::pause(QUIET);
    let lines = cluster.node(full).log().matches("ERROR").count();
    assert!(lines <= LINES_MAX, "{lines} errors of one full disk");
    cluster.node_mut(full).stop();
    fs::remove_file(filler).unwrap();
    cluster.node_mut(full).start_again();
    cluster.await_members(FORMED_WITHIN);
    assert_eq!(cluster.id(full), Some(id));
    Recorder::new().check(&cluster.tales());
}
