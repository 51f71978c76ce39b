//! How the list of commands is parted.

use crate::commands::{Command, shown};

/// What stands under one head, by name, or by the first word of names of two.
const SECTIONS: [(&str, &[&str]); 6] = [
    (
        "Read",
        &[
            "find", "get", "grep", "history", "ls", "rev", "self", "stat", "tree", "wait", "walk",
            "watch",
        ],
    ),
    (
        "Write",
        &[
            "add", "cp", "del", "edit", "mv", "nop", "put", "revert", "rm", "set", "touch",
        ],
    ),
    ("Whole trees", &["apply", "diff", "export", "import"]),
    (
        "Scripts, locks and the shell",
        &["elect", "lock", "run", "shell"],
    ),
    (
        "Clusters",
        &["bench", "cluster", "doctor", "ns", "profile", "version"],
    ),
    ("This program", &["completions", "help", "man"]),
];

/// The head of what no section names.
const OTHERS: &str = "More";

/// The heads, and the commands below each, in the table's order.
pub(in crate::commands) fn sections() -> Vec<(&'static str, Vec<&'static Command>)> {
    let heads = SECTIONS.iter().map(|(head, _)| *head);
    let sections = heads.chain([OTHERS]).map(|head| {
        let below = shown().filter(|command| head_of(command) == head);
        (head, below.collect())
    });
    sections
        .filter(|(_, commands): &(_, Vec<_>)| !commands.is_empty())
        .collect()
}

fn head_of(command: &Command) -> &'static str {
    let first = command.name.split(' ').next().unwrap_or_default();
    let section = SECTIONS.iter().find(|(_, names)| names.contains(&first));
    section.map_or(OTHERS, |(head, _)| head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_stands_in_one_section() {
        let listed: Vec<&str> = sections()
            .iter()
            .flat_map(|(_, commands)| commands.iter().map(|command| command.name))
            .collect();
        assert_eq!(listed.len(), shown().count());
        assert!(shown().all(|command| listed.contains(&command.name)));
    }

    #[test]
    fn every_name_in_a_section_is_one() {
        for name in SECTIONS.iter().flat_map(|(_, names)| *names) {
            let first = |command: &Command| command.name.split(' ').next() == Some(name);
            assert!(shown().any(first), "{name}");
        }
    }
}
