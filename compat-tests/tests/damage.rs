//! Every file of the data folder cut, bit-flipped, blanked and taken away: the server comes up
//! with all that was acknowledged, or refuses and says which file and what to do.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests panic with what went wrong, and show what they measured"
)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use compat_tests::disk::{self, Damage};
use compat_tests::ledger::{self, Fate, History, Write};
use compat_tests::load::{self, Load};
use compat_tests::random::Random;
use compat_tests::server::{Launch, Refusal, STILL, Server};
use compat_tests::wait;
use compat_tests::wire::Request;
use tempfile::TempDir;

/// Bits flipped in each file, and places where it is cut or blanked.
const FLIPS: usize = 40;
const CUTS: usize = 12;

/// A folder as a killed server left it, and what it must still hold.
struct Base {
    folder: TempDir,
    flags: Vec<&'static str>,
    writes: Vec<Write>,
}

/// What the damaged copies came to.
#[derive(Debug, Default)]
struct Tally {
    recovered: usize,
    refused: usize,
}

impl Base {
    /// Keeps a copy of the folder of `server`, which is killed.
    fn of(mut server: Server, flags: &[&'static str], writes: Vec<Write>) -> Self {
        server.kill9();
        let folder = TempDir::new().unwrap();
        disk::copy(server.data(), folder.path());
        Self {
            folder,
            flags: flags.to_vec(),
            writes,
        }
    }

    /// Damages one file of a copy and starts on it.
    fn try_damage(&self, file: &Path, damage: Damage, tally: &mut Tally) {
        let what = format!("{} with {damage:?}", file.display());
        let copy = TempDir::new().unwrap();
        disk::copy(self.folder.path(), copy.path());
        if !damage.apply(&copy.path().join(file)) {
            return;
        }
        match Launch::new(STILL)
            .flags(&self.flags)
            .data(copy.path())
            .try_start()
        {
            Ok(server) => {
                self.check_all_there(&server, &what);
                tally.recovered += 1;
            }
            Err(refusal) => {
                check_refusal(&refusal, file, &what);
                tally.refused += 1;
            }
        }
    }

    fn check_all_there(&self, server: &Server, what: &str) {
        println!("started on {what}");
        if self.flags.contains(&"-hist") && self.flags.contains(&"100000") {
            let history = History::read(server, 1);
            ledger::check(&self.writes, &history, load::is_ours);
            ledger::check_present(server, &history, "/load/");
        }
        let mut connection = server.connect();
        for write in self
            .writes
            .iter()
            .filter(|write| write.path.starts_with("/kept/"))
        {
            let got = connection.call(&Request::get(&write.path));
            assert_eq!(
                Fate::Acknowledged(got.rev),
                write.fate,
                "{} on {what}",
                write.path
            );
            assert!(got.value == write.value, "{} on {what}", write.path);
        }
    }

    fn files(&self) -> Vec<(PathBuf, u64)> {
        disk::files(self.folder.path())
    }
}

fn check_refusal(refusal: &Refusal, file: &Path, what: &str) {
    let Refusal { code, log } = refusal;
    assert_eq!(*code, Some(1), "on {what}: {log}");
    assert!(!log.contains("panicked"), "on {what}: {log}");
    let name = file.file_name().unwrap().to_string_lossy();
    assert!(
        log.contains(&*name),
        "on {what}, the file is not named: {log}"
    );
    let says_what_to_do = [
        "restore",
        "put back",
        "put the file back",
        "move it away",
        "start the",
    ];
    assert!(
        says_what_to_do.iter().any(|advice| log.contains(advice)),
        "on {what}: {log}"
    );
}

/// Places all over a file: its ends, and at random between.
fn places(size: u64, count: usize, random: &mut Random) -> Vec<u64> {
    let at_random = (2..count).map(|_| random.number() % size);
    [0, size - 1]
        .into_iter()
        .chain(at_random)
        .take(usize::try_from(size).unwrap())
        .collect()
}

#[track_caller]
fn check(base: &Base, scale: usize, wanted: impl Fn(&Path) -> bool) {
    let mut random = Random::from_clock();
    let files: Vec<_> = base
        .files()
        .into_iter()
        .filter(|(file, _)| wanted(file))
        .collect();
    assert!(
        !files.is_empty(),
        "nothing to damage among {:?}",
        base.files()
    );
    for (file, size) in files {
        let mut tally = Tally::default();
        if size > 0 {
            for at in places(size, FLIPS / scale, &mut random) {
                let bit = u8::try_from(random.below(8)).unwrap();
                base.try_damage(&file, Damage::Flip(at, bit), &mut tally);
            }
            for at in places(size, CUTS / scale, &mut random) {
                base.try_damage(&file, Damage::Cut(at), &mut tally);
                base.try_damage(&file, Damage::Zero(at), &mut tally);
            }
        }
        base.try_damage(&file, Damage::Missing, &mut tally);
        println!("{} ({size} bytes): {tally:?}", file.display());
    }
}

const WITH_HISTORY: &[&str] = &["-hist", "100000"];

/// A folder that was written, killed, restarted and killed again.
fn base_with_a_log() -> Base {
    let mut random = Random::from_clock();
    let mut server = Launch::new(STILL).flags(WITH_HISTORY).start();
    let load = |name: &str| Load {
        name: name.to_owned(),
        writers: 3,
        writes_per_writer: 300,
        value_bytes_max: 600,
    };
    let mut writes = load("one").run(&server, &mut random);
    server.kill9();
    server.start_again();
    writes.extend(load("two").run(&server, &mut random));
    Base::of(server, WITH_HISTORY, writes)
}

#[test]
fn a_damaged_database_is_recovered_or_refused() {
    let base = base_with_a_log();
    let largest = base
        .files()
        .into_iter()
        .max_by_key(|(_, size)| *size)
        .unwrap()
        .0;
    check(&base, 1, |file| file == largest);
}

#[test]
fn a_damaged_small_file_is_recovered_or_refused() {
    let base = base_with_a_log();
    let largest = base
        .files()
        .into_iter()
        .max_by_key(|(_, size)| *size)
        .unwrap()
        .0;
    check(&base, 1, |file| file != largest);
}

/// A folder whose log was cut behind two snapshots: 160 MiB of writes to a few files.
fn base_with_snapshots() -> Base {
    let flags = &["-hist", "5"];
    let server = Launch::new(STILL).flags(flags).start();
    let mut connection = server.connect();
    let mut writes = Vec::new();
    for snapshots in 1..=2 {
        for number in 0..20 {
            let path = format!("/kept/{snapshots}.{number}");
            writes.push(set(&mut connection, &path, b"before the snapshot"));
        }
        for _ in 0..80 {
            set(&mut connection, "/large", &vec![7; 1 << 20]);
        }
        wait::until("a snapshot stands", Duration::from_secs(30), || {
            let files = disk::files(server.data());
            files.iter().filter(|(file, _)| is_snapshot(file)).count() >= snapshots
        });
    }
    for number in 0..20 {
        let path = format!("/kept/after.{number}");
        writes.push(set(&mut connection, &path, b"after the snapshots"));
    }
    // The log is cut after the snapshot stands.
    wait::pause(Duration::from_secs(1));
    Base::of(server, flags, writes)
}

fn set(connection: &mut compat_tests::connection::Connection, path: &str, value: &[u8]) -> Write {
    let rev = connection.call(&Request::set(path, -1, value)).revision();
    let fate = Fate::Acknowledged(Some(rev));
    Write {
        path: path.to_owned(),
        value: Some(value.to_vec()),
        fate,
        after: 0,
    }
}

fn is_snapshot(file: &Path) -> bool {
    file.to_string_lossy().contains("snap") && !file.to_string_lossy().ends_with(".tmp")
}

#[test]
fn a_damaged_snapshot_is_recovered_from_or_refused() {
    check(&base_with_snapshots(), 3, is_snapshot);
}

#[test]
fn a_folder_that_holds_something_else_is_refused() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("holiday.jpg"), "not ours").unwrap();
    let refusal = Launch::new(STILL)
        .data(folder.path())
        .try_start()
        .unwrap_err();
    assert_eq!(refusal.code, Some(1), "{}", refusal.log);
    assert!(
        refusal.log.contains(&folder.path().display().to_string()),
        "{}",
        refusal.log
    );
    assert!(refusal.log.contains("holiday.jpg"), "{}", refusal.log);
}
