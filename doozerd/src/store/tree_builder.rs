//! Builds a tree from files in walk order, without looking each one's way up from the root.

use std::sync::Arc;

use super::tree::{Entries, Node, PER_DIRECTORY_BYTES, file_bytes};
use super::{Name, Path, Revision, Tree, Value};

/// A tree of the files given so far.
#[derive(Debug, Default)]
pub(super) struct TreeBuilder {
    root: Entries,
    /// The directories that the last file is in, each with its name, from the root down.
    open: Vec<(Name, Entries)>,
    files: u64,
    bytes: u64,
}

/// A file that does not come after the one before it.
#[derive(Debug)]
pub(super) struct OutOfOrder;

impl TreeBuilder {
    /// Adds the next file.
    pub(super) fn push(
        &mut self,
        path: &Path,
        rev: Revision,
        value: Value,
    ) -> Result<(), OutOfOrder> {
        let (above, last) = path.split_last().ok_or(OutOfOrder)?;
        let mut level = 0;
        for name in above {
            if self
                .open
                .get(level)
                .is_none_or(|(open, _)| open.as_bytes() != name.as_bytes())
            {
                self.close_to(level)?;
                self.open.push((name.into(), Entries::new()));
                self.bytes += PER_DIRECTORY_BYTES;
            }
            level += 1;
        }
        self.close_to(level)?;
        self.files += 1;
        self.bytes += file_bytes(path, &value);
        let entries = self
            .open
            .last_mut()
            .map_or(&mut self.root, |(_, entries)| entries);
        append(entries, last.into(), Node::File { rev, value })
    }

    /// How many files there are so far.
    pub(super) fn files(&self) -> u64 {
        self.files
    }

    /// The tree.
    pub(super) fn finish(mut self) -> Result<Tree, OutOfOrder> {
        self.close_to(0)?;
        Ok(Tree::from_parts(self.root, self.files, self.bytes))
    }

    /// Puts the open directories but the first `levels` into the directories they are in.
    fn close_to(&mut self, levels: usize) -> Result<(), OutOfOrder> {
        while self.open.len() > levels {
            if let Some((name, done)) = self.open.pop() {
                let above = self
                    .open
                    .last_mut()
                    .map_or(&mut self.root, |(_, entries)| entries);
                append(above, name, Node::Directory(Arc::new(done)))?;
            }
        }
        Ok(())
    }
}

fn append(entries: &mut Entries, name: Name, node: Node) -> Result<(), OutOfOrder> {
    if entries.get_max().is_some_and(|(last, _)| *last >= name) {
        return Err(OutOfOrder);
    }
    entries.insert(name, node);
    Ok(())
}
