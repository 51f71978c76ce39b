//! Where something stands in a script, and what is wrong there.

use std::fmt;

/// Where something stands, counted from 1, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Something that is wrong with a script itself: it is not run at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) place: Place,
    pub(crate) what: String,
    /// Whether it is no more than that the end is missing, as of somebody who still types.
    pub(crate) unfinished: bool,
}

impl Wrong {
    pub(crate) fn new(place: Place, what: impl Into<String>) -> Self {
        let what = what.into();
        Self {
            place,
            what,
            unfinished: false,
        }
    }

    /// The end of what begins at `place` is missing.
    pub(crate) fn unfinished(place: Place, what: impl Into<String>) -> Self {
        Self {
            unfinished: true,
            ..Self::new(place, what)
        }
    }
}
