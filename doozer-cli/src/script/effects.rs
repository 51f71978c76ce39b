//! Which commands change nothing, so that a dry run runs them.

/// Commands that read, and end by themselves. Any other one is told instead of run: one that is
/// forgotten here is told too much, never run by mistake.
const READING: [&str; 21] = [
    "cluster health",
    "cluster status",
    "diff",
    "doctor",
    "find",
    "get",
    "grep",
    "help",
    "history",
    "ls",
    "ns explain",
    "ns list",
    "ns resolve",
    "profile list",
    "profile show",
    "rev",
    "self",
    "stat",
    "tree",
    "version",
    "walk",
];

/// Whether the command line `words` changes nothing.
pub(super) fn only_reads(words: &[String]) -> bool {
    let command = crate::run::check(words);
    command.is_ok_and(|command| READING.contains(&command.name))
}
