//! kill -9 under load, hundreds of times: nothing acknowledged is lost, nothing refused appears.

#![expect(clippy::print_stdout, reason = "a test shows what it measured")]

use std::time::{Duration, Instant};

use compat_tests::ledger::{self, Fate, History, Write};
use compat_tests::load::{self, Load};
use compat_tests::random::Random;
use compat_tests::server::{Launch, STILL, Server};
use compat_tests::wait;

/// Deaths of one data folder; then another is begun, so that it stays small.
const DEATHS_PER_LIFE: usize = 25;

/// History is kept whole, so that it can be compared whole.
const FLAGS: &[&str] = &["-hist", "200000"];

/// How many of each fate, for the test's output.
fn count(writes: &[Write]) -> [usize; 3] {
    let count =
        |wanted: fn(&Fate) -> bool| writes.iter().filter(|write| wanted(&write.fate)).count();
    [
        count(|fate| matches!(fate, Fate::Acknowledged(_))),
        count(|fate| matches!(fate, Fate::Refused(_))),
        count(|fate| matches!(fate, Fate::Unknown)),
    ]
}

/// Writes, dies in the middle, starts again; returns what was written.
fn die_once(server: &mut Server, random: &mut Random, load: &Load) -> Vec<Write> {
    let running = load.start(server, random);
    wait::pause(Duration::from_millis(random.below(80) as u64));
    server.kill9();
    let writes = running.finish();
    if random.below(4) == 0 {
        server.start_and_kill(Duration::from_millis(random.below(60) as u64));
    }
    server.start_again();
    writes
}

#[track_caller]
fn check(lives: usize, value_bytes_max: usize) {
    let mut random = Random::from_clock();
    let begin = Instant::now();
    let mut total = Vec::new();
    for _ in 0..lives {
        let mut server = Launch::new(STILL).flags(FLAGS).start();
        let mut writes = Vec::new();
        let mut next = 1;
        for death in 0..DEATHS_PER_LIFE {
            let name = format!("{death}");
            let load = Load {
                name,
                writers: 4,
                writes_per_writer: 400,
                value_bytes_max,
            };
            let new = die_once(&mut server, &mut random, &load);
            let history = History::read(&server, next);
            ledger::check(&new, &history, load::is_ours);
            next = history.newest() + 1;
            writes.extend(new);
        }
        let history = History::read(&server, 1);
        ledger::check(&writes, &history, load::is_ours);
        ledger::check_present(&server, &history, "/load/");
        total.extend(writes);
    }
    let [acknowledged, refused, unknown] = count(&total);
    println!(
        "{} deaths in {:?}: {acknowledged} acknowledged, {refused} refused, {unknown} unknown",
        lives * DEATHS_PER_LIFE,
        begin.elapsed()
    );
    assert!(acknowledged > 0 && unknown > 0, "the load was none");
}

#[test]
fn small_writes_survive_kill_9() {
    check(8, 40);
}

#[test]
fn larger_writes_survive_kill_9() {
    check(6, 6000);
}
