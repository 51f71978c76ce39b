//! Data folders that an earlier doozerd wrote are served as they were; those of a newer one are
//! refused.

#![expect(clippy::unwrap_used, reason = "a test panics with what went wrong")]

use std::fs;
use std::path::Path;

use compat_tests::cluster::FLAGS;
use compat_tests::disk;
use compat_tests::recorded::{self, FORMAT_VERSION, crc32};
use compat_tests::server::{Launch, Server};
use compat_tests::wire::Request;
use tempfile::TempDir;

/// Bytes before the version in each file that has one, and those of the version.
const MAGIC_BYTES: usize = 8;
const VERSION_BYTES: usize = 4;

/// What a log file's header has before its checksum.
const LOG_HEADER_BYTES: usize = 32;

/// A recorded folder and what was told of it.
struct Recorded {
    name: String,
    folder: TempDir,
    told: String,
}

impl Recorded {
    fn read(version: u32, name: &str) -> Self {
        let place = recorded::folder_of(version);
        let read = |ending| fs::read_to_string(place.join(format!("{name}.{ending}"))).unwrap();
        let folder = TempDir::new().unwrap();
        recorded::from_text(&read("hex"), folder.path());
        Self {
            name: format!("{name} of version {version}"),
            folder,
            told: read("told"),
        }
    }

    fn launch(&self) -> Launch {
        Launch::new(FLAGS).data(self.folder.path())
    }

    /// `server` tells all that was told when the folder was recorded.
    #[track_caller]
    fn check(&self, server: &Server) {
        let (first, rev) = recorded::span(&self.told);
        assert_eq!(
            recorded::told(server, first, rev),
            self.told,
            "{}",
            self.name
        );
    }
}

fn takes_a_write(server: &Server) {
    server.call(&Request::set("/new", 0, "v")).revision();
}

#[test]
fn a_recorded_folder_of_a_node_alone_is_served() {
    for version in 1..=FORMAT_VERSION {
        let recorded = Recorded::read(version, "alone");
        let mut server = recorded.launch().start();
        recorded.check(&server);
        takes_a_write(&server);
        server.stop();
        server.start_again();
        recorded.check(&server);
    }
}

#[test]
fn a_recorded_folder_of_a_member_is_served_and_goes_on_as_a_new_cluster() {
    for version in 1..=FORMAT_VERSION {
        let recorded = Recorded::read(version, "member");
        let names = disk::files(recorded.folder.path());
        let is_snapshot = |name: &Path| name.to_string_lossy().starts_with("snapshot-");
        assert!(names.iter().any(|(name, _)| is_snapshot(name)), "{names:?}");
        // The other member is gone: it reads on, and alone it can be made to write.
        let mut server = recorded.launch().learner().start();
        recorded.check(&server);
        server.stop();
        let server = recorded.launch().flags(&["--force-new-cluster"]).start();
        takes_a_write(&server);
        for (path, value) in [("/first/bytes", "fewer"), ("/second/text", "v")] {
            assert_eq!(server.call(&Request::get(path)).value_text(), value);
        }
    }
}

/// Raises the version in the header of a file.
fn make_newer(bytes: &mut [u8]) {
    let newer = (FORMAT_VERSION + 1).to_le_bytes();
    bytes[MAGIC_BYTES..MAGIC_BYTES + VERSION_BYTES].copy_from_slice(&newer);
}

/// A folder whose file `name` is `changed` is refused, and harmed by that in nothing.
#[track_caller]
fn check_refused(name: &str, changed: impl Fn(&mut Vec<u8>)) {
    let recorded = Recorded::read(FORMAT_VERSION, "member");
    let path = recorded.folder.path().join(name);
    let whole = fs::read(&path).unwrap();
    let mut bytes = whole.clone();
    changed(&mut bytes);
    fs::write(&path, bytes).unwrap();
    let refusal = recorded.launch().learner().try_start().unwrap_err();
    assert_eq!(refusal.code, Some(1), "{}", refusal.log);
    let newer = format!("format version {}", FORMAT_VERSION + 1);
    let known = format!("knows up to {FORMAT_VERSION}");
    let named = path.display().to_string();
    for said in [&named, &newer, &known, "start the newer doozerd"] {
        assert!(refusal.log.contains(said), "not {said:?}: {}", refusal.log);
    }
    fs::write(&path, whole).unwrap();
    recorded.check(&recorded.launch().learner().start());
}

#[test]
fn a_folder_of_a_newer_version_is_refused() {
    check_refused("identity", |bytes| {
        make_newer(bytes);
        let (header, sealed) = bytes.split_at(MAGIC_BYTES + VERSION_BYTES);
        let checksum = crc32(&[header, &sealed[4..]].concat());
        let at = header.len();
        bytes[at..at + 4].copy_from_slice(&checksum.to_le_bytes());
    });
}

#[test]
fn a_log_file_of_a_newer_version_is_refused() {
    check_refused("log-00000001", |bytes| {
        make_newer(bytes);
        let checksum = crc32(&bytes[..LOG_HEADER_BYTES]);
        let at = LOG_HEADER_BYTES;
        bytes[at..at + 4].copy_from_slice(&checksum.to_le_bytes());
    });
}

#[test]
fn a_snapshot_file_of_a_newer_version_is_refused() {
    check_refused("snapshot-00000001", |bytes| make_newer(bytes));
}
