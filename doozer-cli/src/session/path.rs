//! Paths as they are typed.

/// `typed` as an absolute path or glob, where it stands in `directory`.
pub(crate) fn absolute(directory: &str, typed: &str) -> String {
    let start = if typed.starts_with('/') {
        ""
    } else {
        directory
    };
    let mut names = Vec::new();
    for name in start.split('/').chain(typed.split('/')) {
        match name {
            "" | "." => {}
            ".." => {
                names.pop();
            }
            name => names.push(name),
        }
    }
    format!("/{}", names.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(directory: &str, typed: &str, expected: &str) {
        assert_eq!(
            absolute(directory, typed),
            expected,
            "{typed} in {directory}"
        );
    }

    #[test]
    fn a_relative_path_starts_at_the_directory() {
        check("/", "a", "/a");
        check("/a/b", "c", "/a/b/c");
        check("/a/b", "*/c?", "/a/b/*/c?");
        check("/a/b", "", "/a/b");
    }

    #[test]
    fn an_absolute_one_does_not() {
        check("/a", "/b/**", "/b/**");
        check("/a", "/", "/");
    }

    #[test]
    fn dots_are_the_directory_and_the_one_above_it() {
        check("/a/b", ".", "/a/b");
        check("/a/b", "..", "/a");
        check("/a/b", "../../../c", "/c");
        check("/a", "./b/../c/", "/a/c");
        check("/a", "...", "/a/...");
    }
}
