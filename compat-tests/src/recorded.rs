//! Data folders that were recorded once, as text, and what a server told when they were.
//!
//! A folder's text holds each file: a line `NAME LENGTH`, then its bytes in hexadecimal, 32 a line;
//! ` xN` behind a line says that there are N of it. What was told is a line for the revision, for
//! each file of the store and for each event of history, several NOPs together.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use crate::binaries;
use crate::disk;
use crate::history::tale::Tale;
use crate::history::{Change, Event};
use crate::server::Server;
use crate::wire::{Request, error, verb};

/// Bytes of one line.
const LINE_BYTES: usize = 32;

/// The newest format of a data folder that is known here.
pub const FORMAT_VERSION: u32 = 1;

/// Where the recorded folders of a format are.
pub fn folder_of(version: u32) -> PathBuf {
    let place = format!("data/folders/v{version}");
    binaries::package_folder().join(place)
}

/// All files below `folder`, as text.
pub fn to_text(folder: &Path) -> String {
    let mut text = String::new();
    for (name, length) in disk::files(folder) {
        let bytes = fs::read(folder.join(&name)).expect("a file of the folder");
        put(&mut text, &format!("{} {length}", name.display()));
        let lines: Vec<_> = bytes.chunks(LINE_BYTES).collect();
        for same in lines.chunk_by(|one, next| one == next) {
            let line = hex(same[0]);
            match same.len() {
                1 => put(&mut text, &line),
                count => put(&mut text, &format!("{line} x{count}")),
            }
        }
    }
    text
}

/// Makes the files that `text` holds below `folder`.
pub fn from_text(text: &str, folder: &Path) {
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let (name, length) = line.split_once(' ').expect("a name and a length");
        let length: usize = length.parse().expect("a length");
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            let line = lines.next().expect("the bytes of a file");
            let (line, count) = line.split_once(" x").unwrap_or((line, "1"));
            let count = count.parse().expect("how many lines");
            bytes.extend(unhex(line).repeat(count));
        }
        assert_eq!(bytes.len(), length, "{name} is longer than it says");
        fs::write(folder.join(name), bytes).expect("a file can be written");
    }
}

/// What `server` tells of everything as it was at `rev`, history from `first` on.
pub fn told(server: &Server, first: i64, rev: i64) -> String {
    let mut text = String::new();
    put(&mut text, &format!("rev {rev}"));
    let mut connection = server.connect();
    for offset in 0.. {
        let answer = connection.call(&Request::walk("/**", offset).rev(rev));
        if answer.err_code == Some(error::RANGE) {
            break;
        }
        let (path, at) = (answer.path_text(), answer.revision());
        let value = answer.value.unwrap_or_default();
        put(&mut text, &format!("file {path} {at} {}", quoted(&value)));
    }
    let tale = Tale::read(server.addr(), first, rev).expect("the history");
    let is_nop = |(_, event): &(i64, Event)| event.change == Change::Nop;
    let alike = |one: &_, next: &_| is_nop(one) && is_nop(next);
    for same in tale.events.chunk_by(alike) {
        let (at, event) = &same[0];
        put(
            &mut text,
            &format!("event {at} {}", line_of(event, same.len())),
        );
    }
    text
}

fn line_of(Event { path, change }: &Event, count: usize) -> String {
    match change {
        Change::Set(value) => format!("set {path} {}", quoted(value)),
        Change::Del => format!("del {path}"),
        Change::Nop => format!("nop x{count}"),
    }
}

/// The revision of what was [`told`], and that of its first event.
pub fn span(told: &str) -> (i64, i64) {
    let number = |begin: &str| {
        let line = told.lines().find_map(|line| line.strip_prefix(begin));
        let number = line.and_then(|line| line.split(' ').next());
        number.and_then(|number| number.parse().ok())
    };
    let both = number("event ").zip(number("rev "));
    both.expect("a revision and an event")
}

/// The newest revision that `server` has, and the oldest whose event it tells.
pub fn reach(server: &Server) -> (i64, i64) {
    let mut connection = server.connect();
    let newest = connection.call(&Request::new(verb::REV)).revision();
    let is_kept = |rev: &i64| {
        let answer = connection.call(&Request::wait("/**", *rev));
        answer.err_code.is_none()
    };
    let oldest = (1..=newest).rev().take_while(is_kept).last();
    (oldest.expect("the newest is told"), newest)
}

fn put(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("a String takes all");
}

fn quoted(value: &[u8]) -> String {
    format!("\"{}\"", value.escape_ascii())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a String takes all");
        hex
    })
}

fn unhex(text: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal digits");
    (0..text.len()).step_by(2).map(byte).collect()
}

/// The checksum of the files' headers: CRC-32, as gzip has it.
pub fn crc32(bytes: &[u8]) -> u32 {
    const REVERSED: u32 = 0xedb8_8320;
    let step = |crc: u32, _bit| (crc >> 1) ^ if crc & 1 == 1 { REVERSED } else { 0 };
    let byte = |crc: u32, &byte: &u8| (0..8).fold(crc ^ u32::from(byte), step);
    !bytes.iter().fold(u32::MAX, byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_reads_back_from_its_text() {
        let [one, other] = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
        let zeros = [&[1, 2][..], &[0; 1000], &[3]].concat();
        for (name, bytes) in [("a", &b"short"[..]), ("empty", b""), ("zeros", &zeros)] {
            fs::write(one.path().join(name), bytes).expect("a file");
        }
        let text = to_text(one.path());
        assert!(text.lines().count() < 12, "{text}");
        from_text(&text, other.path());
        assert_eq!(to_text(other.path()), text);
        assert_eq!(fs::read(other.path().join("zeros")).ok(), Some(zeros));
    }

    #[test]
    fn the_checksum_is_the_usual_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn the_span_of_what_was_told_is_read() {
        let told = "rev 12\nfile /a 3 \"event 1\"\nevent 10 nop\nevent 11 nop\n";
        assert_eq!(span(told), (10, 12));
    }
}
