//! Draws a tree of files as people draw one.

use std::collections::BTreeSet;

use super::path::StorePath;

/// An entry of a drawing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) path: StorePath,
    pub(crate) is_directory: bool,
    /// What stands before its name.
    pub(crate) lines: String,
}

/// All entries below `root` that `files` lie in or are, in order, down to `depth_max` names.
pub(crate) fn draw<'a>(
    root: &StorePath,
    files: impl IntoIterator<Item = &'a StorePath>,
    depth_max: usize,
) -> Vec<Entry> {
    let base = root.names().count();
    let mut directories = BTreeSet::new();
    let mut all = BTreeSet::new();
    for file in files {
        all.insert(file.clone());
        let above: Vec<StorePath> = file
            .directories()
            .filter(|path| path.is_below(root))
            .collect();
        all.extend(above.iter().cloned());
        directories.extend(above);
    }
    let depth = |path: &StorePath| path.names().count() - base;
    all.retain(|path| depth(path) <= depth_max);
    // From the last to the first: whether a line goes on downwards is known from what is below.
    let mut goes_on: Vec<bool> = Vec::new();
    let mut entries = Vec::new();
    for path in all.into_iter().rev() {
        let depth = depth(&path);
        goes_on.resize(depth, false);
        let own = std::mem::replace(&mut goes_on[depth - 1], true);
        let above = goes_on[..depth - 1].iter();
        let mut lines: String = above.map(|on| if *on { "│   " } else { "    " }).collect();
        lines.push_str(if own { "├── " } else { "└── " });
        entries.push(Entry {
            is_directory: directories.contains(&path),
            path,
            lines,
        });
    }
    entries.reverse();
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(root: &str, files: &[&str], depth_max: usize, expected: &[&str]) {
        let path = |text: &str| StorePath::parse(text).unwrap();
        let files: Vec<StorePath> = files.iter().map(|text| path(text)).collect();
        let drawn = draw(&path(root), &files, depth_max);
        let lines: Vec<String> = drawn
            .iter()
            .map(|entry| format!("{}{}", entry.lines, entry.path.last_name()))
            .collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn lines_go_on_as_long_as_there_is_more_below() {
        let files = ["/a/b/c", "/a/b/d", "/a/e", "/f/g/h"];
        check(
            "/",
            &files,
            usize::MAX,
            &[
                "├── a",
                "│   ├── b",
                "│   │   ├── c",
                "│   │   └── d",
                "│   └── e",
                "└── f",
                "    └── g",
                "        └── h",
            ],
        );
        check("/", &files, 1, &["├── a", "└── f"]);
        check("/a", &files[..3], 1, &["├── b", "└── e"]);
        check("/a", &[], 1, &[]);
    }
}
