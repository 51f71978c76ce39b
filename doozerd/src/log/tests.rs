//! Lines of the log, without their time.

use std::io::Write;
use std::sync::{Arc, Mutex};

use tracing::{debug, info, warn};

use super::*;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn written(format: Format, filter: &str, act: impl FnOnce(&LogHandle)) -> Vec<String> {
    let lines = Lines::default();
    let config = LogConfig {
        filter: Filter::parse(filter).unwrap(),
        format,
        colour: false,
    };
    let writer = lines.clone();
    let (subscriber, handle) = subscriber(&config, false, move || writer.clone());
    tracing::subscriber::with_default(subscriber, || act(&handle));
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// The line behind its time, which stands before the first blank.
fn timeless(line: &str) -> &str {
    line.split_once(' ').unwrap().1.trim_start()
}

#[test]
fn a_line_of_text_is_time_level_message_and_fields() {
    let lines = written(Format::Text, "info", |_| info!(term = 3, "became leader"));
    assert_eq!(timeless(&lines[0]), "INFO became leader term=3");
    assert_eq!(lines.len(), 1);
}

#[test]
fn a_line_of_json_is_one_flat_object() {
    let lines = written(Format::Json, "info", |_| warn!(path = "a\n\"b", "odd"));
    let (time, rest) = lines[0].split_once(',').unwrap();
    assert!(time.starts_with("{\"timestamp\":\"2"), "{time}");
    assert_eq!(rest, r#""level":"WARN","message":"odd","path":"a\n\"b"}"#);
    assert_eq!(lines.len(), 1);
}

#[test]
fn text_from_outside_cannot_begin_a_line_or_colour_one() {
    let lines = written(Format::Text, "info", |_| {
        info!(path = "/a\n\x1b[31mINFO x", "odd");
    });
    assert_eq!(
        timeless(&lines[0]),
        r#"INFO odd path="/a\n\u{1b}[31mINFO x""#
    );
    assert_eq!(lines.len(), 1);
}

#[test]
fn the_engine_is_heard_only_when_it_fails() {
    let lines = written(Format::Text, "info", |_| {
        info!(target: "openraft::engine", "chatter");
        warn!(target: "openraft::engine", "more chatter");
        tracing::error!(target: "openraft::engine", "failed");
    });
    assert_eq!(
        lines.iter().map(|line| timeless(line)).collect::<Vec<_>>(),
        ["ERROR failed"]
    );
}

#[test]
fn what_is_logged_can_be_changed_while_running() {
    let lines = written(Format::Text, "warn", |handle| {
        info!("left out");
        handle.set(&Filter::parse("debug").unwrap()).unwrap();
        debug!("now heard");
        handle.set(&Filter::parse("off").unwrap()).unwrap();
        warn!("left out again");
    });
    assert_eq!(
        lines.iter().map(|line| timeless(line)).collect::<Vec<_>>(),
        ["DEBUG now heard"]
    );
}
