//! Whole trees: documents of them, and making the store hold what one says.
//!
//! # Formats
//!
//! | | directories | a value that is not readable text | written |
//! | --- | --- | --- | --- |
//! | JSON lines | whole paths | `"encoding":"base64"` | as files come, with their revisions |
//! | YAML | mappings | the tag `!!binary` | as files come |
//! | folder | folders | as it is | as files come |
//! | TOML | tables | `{ _base64 = "…" }` | at the end, all of it in memory |
//!
//! Each gives back any tree that it takes, and refuses what it cannot hold; TOML alone refuses a
//! tree that the store can hold, one deeper than its readers follow. Revisions are told and not
//! read: no store can take another's.
//!
//! # Reading, deciding, doing
//!
//! A document is read and checked whole (`document`, `source`), what the store holds of it is read
//! (`present`), a plan is made of both (`plan`, which does nothing else), shown (`show`), and carried
//! out (`carry`). A step of a plan is one compare-and-set: SET or DEL of one file by the revision
//! that was seen, 0 for a missing one. Steps go in three phases, each awaited before the next:
//! deletes that make room, then sets, then the other deletes. Within one they go many at once
//! (`window`) and in no order, as each concerns a file of its own.
//!
//! # What is atomic
//!
//! One step is. A plan is not: the store has no transactions, so others see it half done, and a file
//! may change between the plan and its step. Then
//! - a file with a newer revision, one that has appeared, and one that has become a directory are
//!   left as they are. The rest is carried out, they are named, and it ends with `REV_MISMATCH`;
//! - one that already holds what was wanted counts as set, whoever did it;
//! - a file that was deleted is set all the same: the store takes any revision for a missing file.
//!
//! `--atomic-check` looks at every file before the first step, and does nothing if one has changed;
//! and at every file afterwards. What changes in between is found by the steps, but for deletes.
//!
//! # When it is killed in the middle
//!
//! Some of the steps are done, perhaps some more that were on their way, and nothing else. The same
//! command makes a new plan of what is then there: what was set is the same and left alone, what was
//! deleted is missing, and the rest is what is left to do. So it ends in the state in which the first
//! would have (a property test of `plan` cuts plans short anywhere). Deletes that nothing depends on
//! come last: at no time is something missing that the document has and the store had. Only a file
//! that gives way to a directory, or the reverse, is missing for a moment.
//!
//! # When the outcome of a step is unknown
//!
//! The connection was lost, or the time was up, after the request was sent: it took effect or not,
//! or will. `carry` looks at the file. It holds what was wanted (or is gone, as wanted): done. It
//! is as it was: the step is sent again, with the same revision, so that of the two one is refused.
//! Anything else: somebody else has changed it.
//!
//! # Copying and moving
//!
//! A copy reads the source whole at one revision, and is a plan for the target. A move (`transfer`)
//! then looks that every file of the target still is at the revision that the copy left, and deletes
//! each file of the source by the revision that was copied: a newer value is never lost. One that was
//! interrupted finds the same files at the target, and goes on.

pub(crate) mod asked;
pub(crate) mod document;
pub(crate) mod export;
pub(crate) mod path;
pub(crate) mod picture;
pub(crate) mod plan;
pub(crate) mod show;
pub(crate) mod stored;
pub(crate) mod transfer;
pub(crate) mod verify;

mod carry;
mod mismatch;
mod present;

mod source;
mod window;

pub(crate) use mismatch::Mismatch;
