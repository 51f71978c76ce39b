//! Rules about this project's source that no linter knows, each a function from files to findings.
//!
//! `tests/tree.rs` runs them over the checkout; beside each rule stand tests that show what it
//! catches.

pub mod imports;
pub mod manifests;
mod paths;
pub mod shape;
pub mod source;
pub mod words;

use std::fmt;

/// A place where a rule is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file, from the top of the checkout.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

impl Finding {
    pub(crate) fn new(file: &str, line: usize, what: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line,
            what: what.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

#[cfg(test)]
pub(crate) fn whats(findings: &[Finding]) -> Vec<String> {
    findings
        .iter()
        .map(|finding| format!("{}: {}", finding.line, finding.what))
        .collect()
}
