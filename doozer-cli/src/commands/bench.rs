//! `bench WORKLOAD`: measures a server.

use super::Command;
use crate::args::Flag;
use crate::bench;

pub(super) const COMMAND: Command = Command {
    name: "bench",
    arguments: &["WORKLOAD"],
    summary: "Measure how much a server can do, and how fast it answers",
    details:
        "WORKLOAD is get, set, mixed (19 gets to a set), all with random keys; walk, which reads all
files by WALK; or watch, which has every connection wait for one file that is set again and
again, and counts what they are told. Files are made below the prefix, and left there unless
--clean is given. Prints throughput and latencies at the end; Ctrl-C ends it early.",
    options: OPTIONS,
    formats: true,
    run: |call| Box::pin(bench::run(call)),
};

const OPTIONS: &[Flag] = &[
    option("conns", "N", "Connections (16)"),
    option("depth", "N", "Requests in flight on each connection (1)"),
    option("keys", "N", "Different files (1000)"),
    option("size", "BYTES", "Length of the values (64)"),
    option("secs", "SECONDS", "How long to measure (5)"),
    option("prefix", "PATH", "The directory to make files in (/bench)"),
    Flag {
        name: "clean",
        value: None,
        help: "Delete the files at the end",
    },
    Flag {
        name: "json",
        value: None,
        help: "Print the result as JSON, latencies and errors as objects in it",
    },
];

const fn option(name: &'static str, value: &'static str, help: &'static str) -> Flag {
    Flag {
        name,
        value: Some(value),
        help,
    }
}
