//! What has to change so that the store holds what a document says: decided here, from what was
//! wanted and what was found, and carried out elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::document::{Document, Found};
use super::path::StorePath;

/// What the store holds, as far as it concerns a document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Present {
    /// Files that are wanted, files where a directory is wanted, and, where what is wanted by
    /// nobody is to go, all files below the document's directories.
    pub(crate) files: BTreeMap<StorePath, Found>,
    /// Directories where a file is wanted.
    pub(crate) directories: BTreeSet<StorePath>,
}

/// What a plan may do to what is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terms {
    /// Set files that have another value.
    pub(crate) overwrite: bool,
    /// Delete what the document does not have, below the directories that it names, and what is in
    /// the way of its files.
    pub(crate) prune: bool,
    /// Delete also below `/ctl`.
    pub(crate) ctl: bool,
}

/// A file that is to be set or deleted, if it still is as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    /// Which.
    pub(crate) path: StorePath,
    /// The file as it was seen; nothing if it was missing.
    pub(crate) seen: Option<Found>,
    /// What it is to hold; nothing if it is to go.
    pub(crate) wanted: Option<Bytes>,
}

impl Step {
    /// The revision that was seen: that of the file, 0 if it was missing.
    pub(crate) fn rev(&self) -> i64 {
        self.seen.as_ref().map_or(0, |found| found.rev)
    }
}

/// What stands in the way of a document under the given terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Conflict {
    /// The file is there, with another value, at this revision.
    Exists(StorePath, i64),
    /// A directory is there where a file is wanted.
    IsDirectory(StorePath),
    /// A file is there where a directory is wanted.
    IsFile(StorePath),
}

/// Steps in the order in which they are carried out: all of one kind before any of the next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Deletes that make room: of files where directories are wanted, and the reverse.
    pub(crate) room: Vec<Step>,
    /// What is set. Each of these steps concerns a file of its own, and no order matters.
    pub(crate) sets: Vec<Step>,
    /// Deletes that nothing depends on. They come last, so that a plan that is cut short has
    /// deleted nothing that its files were to stand in for.
    pub(crate) deletes: Vec<Step>,
    /// Files that are as they should be, and their revisions.
    pub(crate) same: Vec<(StorePath, i64)>,
}

impl Plan {
    /// How to get from `present` to `wanted`, or why the terms do not allow it.
    pub(crate) fn make(
        wanted: &Document,
        present: &Present,
        terms: Terms,
    ) -> Result<Self, Vec<Conflict>> {
        let mut maker = Maker {
            wanted,
            present,
            terms,
            plan: Self::default(),
            conflicts: Vec::new(),
        };
        maker.make_room();
        for (path, value) in wanted.files() {
            maker.file(path, value);
        }
        if terms.prune {
            maker.prune();
        }
        if maker.conflicts.is_empty() {
            Ok(maker.plan)
        } else {
            Err(maker.conflicts)
        }
    }

    /// All steps, by path.
    pub(crate) fn steps(&self) -> Vec<&Step> {
        let mut steps: Vec<&Step> = self.phases().into_iter().flatten().collect();
        steps.sort_by(|a, b| a.path.cmp(&b.path));
        steps
    }

    /// The steps as they are carried out: in any order within one phase, phase after phase.
    pub(crate) fn phases(&self) -> [&[Step]; 3] {
        [&self.room, &self.sets, &self.deletes]
    }

    /// How many files are set, deleted and left as they are.
    pub(crate) fn counts(&self) -> Counts {
        let [room, sets, deletes] = self.phases().map(<[Step]>::len);
        Counts {
            set: sets,
            deleted: room + deletes,
            same: self.same.len(),
        }
    }
}

/// How many files something was done to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) set: usize,
    pub(crate) deleted: usize,
    pub(crate) same: usize,
}

struct Maker<'a> {
    wanted: &'a Document,
    present: &'a Present,
    terms: Terms,
    plan: Plan,
    conflicts: Vec<Conflict>,
}

impl Maker<'_> {
    /// Finds files where directories are wanted, and directories where files are.
    fn make_room(&mut self) {
        for (path, found) in &self.present.files {
            let above = path
                .directories()
                .find(|path| self.wanted.files().contains_key(path));
            if self.needs_directory(path) && !self.terms.prune {
                self.conflicts.push(Conflict::IsFile(path.clone()));
            } else if self.terms.prune && (self.needs_directory(path) || above.is_some()) {
                self.plan.room.push(delete(path, found));
            }
        }
        for path in &self.present.directories {
            // In their order the first from a path on is below it, if any is.
            let first = self.present.files.range(path.clone()..).next();
            let is_known = first.is_some_and(|(file, _)| file.is_below(path));
            if !self.terms.prune || !is_known {
                self.conflicts.push(Conflict::IsDirectory(path.clone()));
            }
        }
    }

    /// Whether a directory is wanted at `path`, to hold files or as a directory without any.
    fn needs_directory(&self, path: &StorePath) -> bool {
        let wanted = self.wanted;
        wanted.directories().contains(path) || wanted.base().is_below(path)
    }

    fn file(&mut self, path: &StorePath, value: &Bytes) {
        let seen = self.present.files.get(path);
        match seen {
            Some(found) if found.value == *value => {
                self.plan.same.push((path.clone(), found.rev));
            }
            Some(found) if !self.terms.overwrite => {
                self.conflicts
                    .push(Conflict::Exists(path.clone(), found.rev));
            }
            Some(_) | None => self.plan.sets.push(Step {
                path: path.clone(),
                seen: seen.cloned(),
                wanted: Some(value.clone()),
            }),
        }
    }

    fn prune(&mut self) {
        let gone: BTreeSet<&StorePath> = self.plan.room.iter().map(|step| &step.path).collect();
        let is_named = |path: &StorePath| {
            let mut above = path.directories();
            above.any(|path| self.wanted.directories().contains(&path))
        };
        let deletes = self.present.files.iter().filter(|(path, _)| {
            let kept = self.wanted.files().contains_key(path) || gone.contains(path);
            !kept && is_named(path) && (self.terms.ctl || !path.is_ctl())
        });
        let deletes: Vec<Step> = deletes.map(|(path, found)| delete(path, found)).collect();
        self.plan.deletes = deletes;
    }
}

/// The step that deletes a file that was found.
pub(crate) fn delete(path: &StorePath, found: &Found) -> Step {
    Step {
        path: path.clone(),
        seen: Some(found.clone()),
        wanted: None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;

    use super::*;

    const APPLY: Terms = Terms {
        overwrite: true,
        prune: false,
        ctl: false,
    };
    const PRUNE: Terms = Terms {
        prune: true,
        ..APPLY
    };
    const IMPORT: Terms = Terms {
        overwrite: false,
        ..APPLY
    };

    type Files = BTreeMap<StorePath, Found>;

    fn path(text: &str) -> StorePath {
        StorePath::parse(text).unwrap()
    }

    /// `"/a=1 /b=2"` at a base, `/c/` being a directory.
    fn wanted(base: &str, files: &str) -> Document {
        let mut document = Document::at(path(base));
        for word in files.split_whitespace() {
            match word.split_once('=') {
                Some((name, value)) => document.file(path(name), value.to_owned()).unwrap(),
                None => document
                    .directory(path(word.trim_end_matches('/')))
                    .unwrap(),
            }
        }
        document
    }

    fn stored(files: &str) -> Files {
        let mut rev = 0;
        let file = |word: &str| {
            let (name, value) = word.split_once('=').unwrap();
            rev += 1;
            (
                path(name),
                Found {
                    rev,
                    value: value.to_owned().into(),
                },
            )
        };
        files.split_whitespace().map(file).collect()
    }

    /// What reading the store for `wanted` finds in it.
    fn present(wanted: &Document, files: &Files, prune: bool) -> Present {
        let concerns = |path: &StorePath| {
            let mut above = path.directories();
            wanted.files().contains_key(path)
                || wanted.directories().contains(path)
                || wanted.base().is_below(path)
                || prune
                    && above.any(|path| {
                        wanted.directories().contains(&path) || wanted.files().contains_key(&path)
                    })
        };
        let directories = files.keys().flat_map(StorePath::directories);
        Present {
            files: files
                .iter()
                .filter(|(path, _)| concerns(path))
                .map(|(path, found)| (path.clone(), found.clone()))
                .collect(),
            directories: directories
                .filter(|path| wanted.files().contains_key(path))
                .collect(),
        }
    }

    fn told(plan: &Result<Plan, Vec<Conflict>>) -> String {
        let plan = match plan {
            Err(conflicts) => return format!("{conflicts:?}"),
            Ok(plan) => plan,
        };
        let steps = ["room", "set", "del"].iter().zip(plan.phases());
        let steps = steps.flat_map(|(sign, steps)| {
            let told = |step: &Step| format!("{sign} {} {}", step.path, step.rev());
            steps.iter().map(told).collect::<Vec<_>>()
        });
        let same = plan
            .same
            .iter()
            .map(|(path, rev)| format!("same {path} {rev}"));
        steps.chain(same).collect::<Vec<_>>().join(", ")
    }

    #[track_caller]
    fn check(terms: Terms, base: &str, document: &str, store: &str, expected: &str) {
        let wanted = wanted(base, document);
        let present = present(&wanted, &stored(store), terms.prune);
        let plan = Plan::make(&wanted, &present, terms);
        assert_eq!(told(&plan), expected, "{document} on {store}");
    }

    #[test]
    fn only_what_differs_is_set() {
        check(
            APPLY,
            "/",
            "/a=1 /d/b=2 /d/c=3",
            "/a=1 /d/b=9 /d/x=0",
            "set /d/b 2, set /d/c 0, same /a 1",
        );
        check(APPLY, "/", "", "/a=1", "");
        check(IMPORT, "/", "/a=1 /b=2", "/a=1", "set /b 0, same /a 1");
        check(IMPORT, "/", "/a=1", "/a=2", "[Exists(\"/a\", 1)]");
    }

    #[test]
    fn what_the_document_does_not_have_goes_below_its_directories_alone() {
        check(
            PRUNE,
            "/",
            "/d/a=1 /d/e/b=2 /top=3",
            "/d/a=1 /d/x=2 /d/e/y=3 /d/f/z=4 /other/w=5 /v=6 /ctl/name=7",
            "set /d/e/b 0, set /top 0, del /d/e/y 3, del /d/f/z 4, del /d/x 2, same /d/a 1",
        );
        check(PRUNE, "/", "/d/", "/d/a=1 /e/b=2", "del /d/a 1");
        check(PRUNE, "/", "", "/d/a=1", "");
        check(
            PRUNE,
            "/x/y",
            "/x/y/a=1",
            "/x/y/b=1 /x/z=2",
            "set /x/y/a 0, del /x/y/b 1",
        );
        check(PRUNE, "/x", "", "/x/y/b=1 /z=2", "del /x/y/b 1");
    }

    #[test]
    fn the_server_s_files_are_deleted_on_request_alone() {
        check(PRUNE, "/", "/ctl/", "/ctl/name=1", "");
        check(
            Terms { ctl: true, ..PRUNE },
            "/",
            "/ctl/",
            "/ctl/name=1",
            "del /ctl/name 1",
        );
    }

    #[test]
    fn files_and_directories_give_way_to_each_other_where_deleting_is_allowed() {
        check(APPLY, "/", "/a/b=1", "/a=1", "[IsFile(\"/a\")]");
        check(PRUNE, "/", "/a/b=1", "/a=1", "room /a 1, set /a/b 0");
        check(
            APPLY,
            "/",
            "/a=1",
            "/a/b=1 /a/c/d=2",
            "[IsDirectory(\"/a\")]",
        );
        check(
            PRUNE,
            "/",
            "/a=1",
            "/a/b=1 /a/c/d=2",
            "room /a/b 1, room /a/c/d 2, set /a 0",
        );
        check(
            PRUNE,
            "/",
            "/d/a=1",
            "/d/a/b=1 /d/c=2",
            "room /d/a/b 1, set /d/a 0, del /d/c 2",
        );
        check(APPLY, "/x/y", "/x/y/a=1", "/x=1", "[IsFile(\"/x\")]");
        check(PRUNE, "/x/y", "/x/y/a=1", "/x=1", "room /x 1, set /x/y/a 0");
        check(APPLY, "/", "/a/", "/a=1", "[IsFile(\"/a\")]");
    }

    /// Carries out a plan as the store would; what cannot be done is no step of a right plan.
    fn carried_out(mut files: Files, plan: &Plan, steps_max: usize) -> Files {
        let steps = plan.phases().into_iter().flatten();
        for (index, step) in steps.take(steps_max).enumerate() {
            let rev = files.get(&step.path).map_or(0, |found| found.rev);
            assert_eq!(rev, step.rev(), "{step:?}");
            match &step.wanted {
                None => drop(files.remove(&step.path).expect("a file to delete")),
                Some(value) => {
                    let above = step
                        .path
                        .directories()
                        .find(|path| files.contains_key(path));
                    assert_eq!(above, None, "{step:?}");
                    let below = files.keys().find(|path| path.is_below(&step.path));
                    assert_eq!(below, None, "{step:?}");
                    let rev = 1000 + i64::try_from(index).unwrap();
                    let value = value.clone();
                    files.insert(step.path.clone(), Found { rev, value });
                }
            }
        }
        files
    }

    fn any_path() -> impl Strategy<Value = StorePath> {
        vec("[ab]", 1..4).prop_map(|names| path(&format!("/{}", names.join("/"))))
    }

    fn any_files() -> impl Strategy<Value = BTreeMap<StorePath, String>> {
        btree_map(any_path(), "[12]", 0..8).prop_map(|files| {
            let above = |path: &StorePath| path.directories().any(|path| files.contains_key(&path));
            let kept = files.iter().filter(|(path, _)| !above(path));
            kept.map(|(path, value)| (path.clone(), value.clone()))
                .collect()
        })
    }

    fn values(files: &Files) -> BTreeMap<StorePath, Bytes> {
        let value = |(path, found): (&StorePath, &Found)| (path.clone(), found.value.clone());
        files.iter().map(value).collect()
    }

    proptest! {
        /// However far a plan gets, the one made next ends where the first would have, and after
        /// that there is nothing to do.
        #[test]
        fn a_plan_cut_short_and_made_again_ends_in_the_same_state(
            document in any_files(), store in any_files(), steps_max in 0..6_usize,
        ) {
            let mut wanted = Document::at(StorePath::root());
            for (path, value) in document {
                wanted.file(path, value).unwrap();
            }
            let store: Files = store.into_iter().enumerate().map(|(index, (path, value))| {
                let rev = 1 + i64::try_from(index).unwrap();
                (path, Found { rev, value: value.into() })
            }).collect();
            let plan_of = |files: &Files| {
                Plan::make(&wanted, &present(&wanted, files, true), PRUNE).unwrap()
            };
            let whole = carried_out(store.clone(), &plan_of(&store), usize::MAX);
            let cut = carried_out(store.clone(), &plan_of(&store), steps_max);
            let again = carried_out(cut.clone(), &plan_of(&cut), usize::MAX);
            prop_assert_eq!(values(&whole), values(&again));
            prop_assert!(plan_of(&again).steps().is_empty());
            for (path, value) in wanted.files() {
                prop_assert_eq!(&whole[path].value, value);
            }
            for path in whole.keys().filter(|path| !wanted.files().contains_key(path)) {
                prop_assert!(!path.directories().any(|path| wanted.directories().contains(&path)));
            }
        }
    }
}
