//! What the machine gives: open files and memory.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files a server needs beside its clients' connections: storage, log, sockets it listens at, the
/// runtime; links of other nodes.
pub const OPEN_FILES_BESIDE_CONNECTIONS: u64 = 128 + 256;

/// What is asked for where the hard limit is none: every Linux grants it.
const OPEN_FILES_UNLIMITED: u64 = 1 << 20;

/// What is assumed where the machine does not tell.
const MEMORY_BYTES_UNKNOWN: u64 = 1 << 30;

/// The file with the limit on memory of the control group that a container runs in.
const GROUP_MEMORY_FILE: &str = "/sys/fs/cgroup/memory.max";

/// How many files this process may have open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenFiles {
    /// The limit that holds.
    pub limit: u64,
}

impl OpenFiles {
    /// How many of `connections` are more than the limit allows; nothing if all can be open.
    pub fn missing_for(self, connections: u64) -> Option<u64> {
        let needed = connections.saturating_add(OPEN_FILES_BESIDE_CONNECTIONS);
        needed
            .checked_sub(self.limit)
            .filter(|missing| *missing > 0)
    }
}

/// Raises the limit on open files as far as this process may, and says what it is then.
pub fn raise_open_files() -> io::Result<OpenFiles> {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(OPEN_FILES_UNLIMITED);
    let current = limit.current.unwrap_or(u64::MAX);
    if current >= wanted {
        return Ok(OpenFiles { limit: current });
    }
    let raised = Rlimit {
        current: Some(wanted),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised)?;
    Ok(OpenFiles { limit: wanted })
}

/// Bytes of memory: the machine's, or what its container is allowed, if that is less.
pub fn memory_bytes() -> u64 {
    let machine = rustix::system::sysinfo();
    let total = machine.totalram.saturating_mul(u64::from(machine.mem_unit));
    let group = std::fs::read_to_string(GROUP_MEMORY_FILE);
    least_memory(total, group.ok().as_deref())
}

fn least_memory(total: u64, group: Option<&str>) -> u64 {
    let total = if total == 0 {
        MEMORY_BYTES_UNKNOWN
    } else {
        total
    };
    let group = group.and_then(|limit| limit.trim().parse().ok());
    group.map_or(total, |group: u64| total.min(group))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_on_open_files_is_raised_to_the_hard_one() {
        let raised = raise_open_files().unwrap();
        let now = getrlimit(Resource::Nofile);
        assert_eq!(now.current.unwrap_or(u64::MAX), raised.limit);
        assert_eq!(now.maximum.unwrap_or(raised.limit), raised.limit);
        assert_eq!(
            raise_open_files().unwrap(),
            raised,
            "a second time changes nothing"
        );
    }

    #[test]
    fn connections_that_find_no_file_are_counted() {
        let check = |limit, connections, expected| {
            assert_eq!(
                OpenFiles { limit }.missing_for(connections),
                expected,
                "{limit}"
            );
        };
        check(1384, 1000, None);
        check(1383, 1000, Some(1));
        check(10, 1000, Some(1374));
        check(u64::MAX, u64::MAX, None);
    }

    #[test]
    fn memory_is_what_the_machine_has_or_the_container_allows() {
        let check = |group, expected| assert_eq!(least_memory(8000, group), expected, "{group:?}");
        check(None, 8000);
        check(Some("max\n"), 8000);
        check(Some("3000\n"), 3000);
        check(Some("9000\n"), 8000);
        assert_eq!(least_memory(0, None), MEMORY_BYTES_UNKNOWN);
        assert!(memory_bytes() > 0);
    }
}
