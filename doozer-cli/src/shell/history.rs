//! Which lines are remembered, and where.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// Only the user looks into the folder.
const FOLDER_MODE: u32 = 0o700;

/// What stands in lines that hold a secret, in lower case.
const SECRETS: [&str; 5] = ["sk=", "-sk", "secret", "password", "access"];

/// The file's name.
pub(super) const FILE: &str = "history";

/// Whether `line` may hold a secret: it is not remembered then.
pub(super) fn is_secret(line: &str) -> bool {
    let line = line.to_lowercase();
    SECRETS.iter().any(|secret| line.contains(secret))
}

/// Makes the folder of `file`.
pub(super) fn make_folder(file: &Path) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(FOLDER_MODE).create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_remembered() {
        for line in [
            "access s3cret",
            "get /a -a 'doozer:?ca=x&sk=y'",
            "rev -sk y",
            "put /db/PassWord x",
        ] {
            assert!(is_secret(line), "{line}");
        }
        assert!(!is_secret("get /a"));
    }
}
