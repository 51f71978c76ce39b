//! A naive store: a map of all files, copied for every revision.

use std::collections::BTreeMap;

use super::*;

/// A path as its names, so that paths are in walk order.
type Names = Vec<String>;

/// Every file, with its revision and bytes.
pub(super) type Files = BTreeMap<Names, (i64, Vec<u8>)>;

#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    /// The event and the files of each revision from 1 on.
    pub(super) revs: Vec<(Event, Files)>,
    files: Files,
}

impl Model {
    pub(super) fn files_at(&self, rev: i64) -> &Files {
        &self.revs[usize::try_from(rev).unwrap() - 1].1
    }

    pub(super) fn apply(&mut self, mutation: &Mutation) -> Answer {
        let rev = Revision(i64::try_from(self.revs.len()).unwrap() + 1);
        let (kind, target, asked, bytes) = match mutation {
            Mutation::Nop => (EventKind::Nop, Path::root(), Revision::CLOBBER, &[][..]),
            Mutation::Set { path, rev, value } => (EventKind::Set, path.clone(), *rev, &value[..]),
            Mutation::Del { path, rev } => (EventKind::Del, path.clone(), *rev, &[][..]),
        };
        let refusal = match kind {
            EventKind::Nop => None,
            _ => self.refusal(&names(target.as_str()), asked.0),
        };
        let event = |kind, path, value: &[u8]| Event {
            rev,
            kind,
            path,
            value: value.into(),
        };
        let event = match refusal {
            None => event(kind, target, bytes),
            Some(refusal) => event(EventKind::Set, path("/ctl/err"), refusal.text().as_bytes()),
        };
        self.carry_out(&event);
        self.revs.push((event, self.files.clone()));
        match refusal {
            None => Answer::Applied(rev),
            Some(refusal) => Answer::Refused(rev, refusal),
        }
    }

    fn refusal(&self, target: &Names, asked: i64) -> Option<Refusal> {
        if (1..target.len()).any(|above| self.files.contains_key(&target[..above])) {
            return Some(Refusal::NotDir);
        }
        let is_dir = is_dir(&self.files, target);
        let file = self.files.get(target).map_or(0, |(rev, _)| *rev);
        let current = if is_dir { -2 } else { file };
        if asked != -1 && asked < current {
            return Some(Refusal::RevMismatch);
        }
        is_dir.then_some(Refusal::IsDir)
    }

    fn carry_out(&mut self, event: &Event) {
        let target = names(event.path.as_str());
        match event.kind {
            EventKind::Nop => {}
            EventKind::Set => {
                if !matches!(
                    self.refusal(&target, -1),
                    Some(Refusal::NotDir | Refusal::IsDir)
                ) {
                    self.files
                        .insert(target, (event.rev.0, event.value.to_vec()));
                }
            }
            EventKind::Del => drop(self.files.remove(&target)),
        }
    }
}

pub(super) fn names(path: &str) -> Names {
    path.split('/')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

fn is_dir(files: &Files, target: &Names) -> bool {
    target.is_empty()
        || files
            .keys()
            .any(|file| file.len() > target.len() && file.starts_with(target))
}

fn text(file: &Names) -> String {
    format!("/{}", file.join("/"))
}

/// Asserts that `tree` holds `files`, by every way of reading.
pub(super) fn check_tree(tree: &Tree, files: &Files, paths: &[&str], globs: &[&str]) {
    assert_eq!(tree.files(), files.len() as u64);
    for path in paths {
        check_path(tree, files, path);
    }
    for pattern in globs {
        check_walk(tree, files, &glob(pattern));
    }
}

fn check_path(tree: &Tree, files: &Files, path: &str) {
    let target = names(path);
    let found = tree.lookup(path.as_bytes());
    let listed = DirCursor::open(tree, path.as_bytes());
    if let Some((rev, bytes)) = files.get(&target) {
        let value: Value = bytes[..].into();
        let rev = Revision(*rev);
        assert_eq!(found, Found::File { rev, value: &value }, "{path}");
        assert_eq!(listed.unwrap_err(), DirError::NotDir);
    } else if is_dir(files, &target) {
        let mut entries: Vec<&String> = files
            .keys()
            .filter(|file| file.starts_with(&target))
            .map(|file| &file[target.len()])
            .collect();
        entries.dedup();
        assert_eq!(
            found,
            Found::Dir {
                entries: entries.len()
            },
            "{path}"
        );
        let mut cursor = listed.unwrap();
        for (offset, entry) in entries.iter().enumerate() {
            assert_eq!(cursor.next_offset(), offset as u64);
            assert_eq!(cursor.next().unwrap().as_str(), *entry);
        }
        assert!(cursor.next().is_none());
    } else {
        assert_eq!(found, Found::Missing, "{path}");
        assert_eq!(listed.unwrap_err(), DirError::NoEnt);
    }
}

fn check_walk(tree: &Tree, files: &Files, glob: &Glob) {
    let expected: Vec<WalkItem> = files
        .iter()
        .map(|(file, (rev, bytes))| WalkItem {
            path: text(file),
            value: bytes[..].into(),
            rev: Revision(*rev),
        })
        .filter(|item| glob.matches(&item.path))
        .collect();
    let mut cursor = WalkCursor::new(glob.clone(), tree);
    for (offset, item) in expected.iter().enumerate() {
        assert_eq!(cursor.next_offset(), offset as u64);
        let mut skipping = WalkCursor::new(glob.clone(), tree);
        assert_eq!(skipping.skip(offset as u64, u64::MAX), offset as u64);
        assert_eq!(skipping.next().as_ref(), Some(item));
        assert_eq!(cursor.next().as_ref(), Some(item));
    }
    assert_eq!(cursor.next(), None);
    assert!(cursor.is_over());
    assert_eq!(cursor.next_within(1), WalkStep::End);
}
