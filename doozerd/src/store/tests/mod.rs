//! The store against its rules.

mod cursors;
mod history;
mod model;
mod properties;
mod rules;
mod sessions;
mod snapshots;
mod watching;

use bytes::Bytes;

use super::*;

const NODE: &[u8] = b"NODE";

/// A store with one session, and a counter for its proposals.
struct Rig {
    store: Store,
    session: u64,
    counter: u64,
}

impl Rig {
    fn new() -> Self {
        let mut store = Store::new();
        store.apply(1, &encode_open_session(NODE, 1)).unwrap();
        Self {
            store,
            session: 1,
            counter: 0,
        }
    }

    fn apply(&mut self, mutation: Mutation) -> Answer {
        self.counter += 1;
        let proposal = Proposal {
            counter: self.counter,
            mutation,
        };
        let proposals = std::iter::once(&proposal);
        let command = encode_batch(NODE, self.session, self.counter, proposals);
        let applied = self.store.apply(2, &command).unwrap();
        let answers = applied.batch.unwrap().answers;
        assert_eq!(answers.len(), 1);
        assert_eq!(answers[0].0, self.counter);
        answers[0].1
    }

    fn set(&mut self, path: &str, rev: i64, value: &str) -> Answer {
        self.apply(set(path, rev, value))
    }

    fn del(&mut self, path: &str, rev: i64) -> Answer {
        self.apply(del(path, rev))
    }

    fn nop(&mut self) -> Answer {
        self.apply(Mutation::Nop)
    }
}

fn path(text: &str) -> Path {
    Path::parse(text.as_bytes()).unwrap()
}

fn glob(text: &str) -> Glob {
    Glob::parse(text.as_bytes()).unwrap()
}

fn set(path_text: &str, rev: i64, value: &str) -> Mutation {
    Mutation::Set {
        path: path(path_text),
        rev: Revision(rev),
        value: Bytes::copy_from_slice(value.as_bytes()),
    }
}

fn del(path_text: &str, rev: i64) -> Mutation {
    Mutation::Del {
        path: path(path_text),
        rev: Revision(rev),
    }
}

/// A store made of `store`'s snapshot.
fn restored(store: &Store) -> Store {
    let mut sink = SnapshotSink::new();
    for frame in store.snapshot() {
        sink.frame(&frame).unwrap();
    }
    sink.finish().unwrap()
}
