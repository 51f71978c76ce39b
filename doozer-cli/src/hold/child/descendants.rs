//! The processes that another one has started, directly or not.

use std::collections::HashMap;
use std::fs;

use rustix::process::{Pid, Signal, kill_process};

/// Kills all below `root`, but not that itself. Whether there were any.
///
/// What is started meanwhile is found by the next call.
pub(super) fn kill(root: Pid) -> bool {
    let found = below(root.as_raw_nonzero().get(), &running());
    for id in found.iter().filter_map(|id| Pid::from_raw(*id)) {
        // It fails only when that process has ended.
        kill_process(id, Signal::KILL).ok();
    }
    !found.is_empty()
}

/// Every process that runs, by its parent.
fn running() -> HashMap<i32, Vec<i32>> {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    let Ok(entries) = fs::read_dir("/proc") else {
        return children;
    };
    for entry in entries.flatten() {
        let id = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        // One that ends meanwhile has no such file any more.
        let stat = fs::read_to_string(entry.path().join("stat"));
        if let (Some(id), Ok(stat)) = (id, stat)
            && let Some(parent) = parent_in(&stat)
        {
            children.entry(parent).or_default().push(id);
        }
    }
    children
}

/// The parent's id in a process' `stat`; nothing for a process that has ended.
fn parent_in(stat: &str) -> Option<i32> {
    // The name before it may hold anything, parentheses too.
    let (_name, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    (!matches!(state, "Z" | "X")).then_some(parent)
}

fn below(root: i32, children: &HashMap<i32, Vec<i32>>) -> Vec<i32> {
    let mut found = children.get(&root).cloned().unwrap_or_default();
    let mut at = 0;
    while let Some(id) = found.get(at) {
        found.extend(
            children
                .get(id)
                .into_iter()
                .flatten()
                .copied()
                .collect::<Vec<_>>(),
        );
        at += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_stands_behind_a_name_that_may_hold_anything() {
        assert_eq!(parent_in("7 (sh) S 3 7 7"), Some(3));
        assert_eq!(parent_in("7 (a) R 9) (b) S 3 7 7"), Some(3));
        assert_eq!(parent_in("7 (sh) Z 3 7 7"), None);
        assert_eq!(parent_in("7 sh"), None);
    }

    #[test]
    fn children_of_children_are_found_and_others_are_not() {
        let children = HashMap::from([(1, vec![2, 9]), (2, vec![3, 4]), (4, vec![5])]);
        assert_eq!(below(2, &children), [3, 4, 5]);
        assert_eq!(below(1, &children), [2, 9, 3, 4, 5]);
        assert_eq!(below(7, &children), [0; 0]);
    }
}
