//! Decides which request a connection sends next.

use std::sync::Arc;

use bytes::Bytes;
use doozer_proto::{REV_CLOBBER, Request, Verb};

use super::load::{Load, Workload};

/// Of that many requests of a mixed load one is a SET.
const MIXED_SET_EVERY: u64 = 20;

/// The requests of one connection, one after another.
#[derive(Debug)]
pub(super) struct Plan {
    load: Arc<Load>,
    kind: Kind,
    value: Bytes,
    random: Random,
}

#[derive(Debug)]
enum Kind {
    /// Random keys, for ever.
    Random,
    /// Offset after offset of all files at one revision, for ever.
    Walk { glob: Bytes, rev: i64, offset: u32 },
    /// Each key once, those `step` apart from `next` on.
    Each { verb: Verb, next: u32, step: u32 },
}

impl Plan {
    /// What the connection number `connection` measures; a walk reads at revision `rev`.
    pub(super) fn measured(load: Arc<Load>, connection: usize, rev: i64) -> Self {
        let kind = match load.workload {
            Workload::Walk => Kind::Walk {
                glob: Bytes::from(format!("{}/**", load.prefix)),
                rev,
                offset: 0,
            },
            _ => Kind::Random,
        };
        Self::new(load, kind, connection)
    }

    /// The share of connection number `connection` of `connections` in making all files.
    pub(super) fn fill(load: Arc<Load>, connection: usize, connections: usize) -> Self {
        Self::each(load, Verb::Set, connection, connections)
    }

    /// The share of connection number `connection` of `connections` in deleting all files.
    pub(super) fn clean(load: Arc<Load>, connection: usize, connections: usize) -> Self {
        Self::each(load, Verb::Del, connection, connections)
    }

    fn each(load: Arc<Load>, verb: Verb, connection: usize, connections: usize) -> Self {
        let narrow = |n: usize| u32::try_from(n).expect("invariant: connections are limited");
        let (next, step) = (narrow(connection), narrow(connections));
        Self::new(load, Kind::Each { verb, next, step }, connection)
    }

    fn new(load: Arc<Load>, kind: Kind, connection: usize) -> Self {
        Self {
            kind,
            value: Bytes::from(vec![b'x'; load.value_bytes]),
            load,
            random: Random::new(connection as u64),
        }
    }

    /// The next request, but for its tag; nothing when all is done.
    pub(super) fn next(&mut self) -> Option<Request> {
        match &mut self.kind {
            Kind::Random => Some(self.random_request()),
            Kind::Walk { glob, rev, offset } => {
                let request = Request {
                    verb: Some(Verb::Walk.into()),
                    path: Some(glob.clone()),
                    offset: i32::try_from(*offset).ok(),
                    rev: Some(*rev),
                    ..Request::default()
                };
                *offset = (*offset + 1) % self.load.keys;
                Some(request)
            }
            Kind::Each { verb, next, step } => {
                let (verb, key) = (*verb, *next);
                if key >= self.load.files() {
                    return None;
                }
                *next = key.saturating_add(*step);
                Some(self.mutation(verb, key))
            }
        }
    }

    fn random_request(&mut self) -> Request {
        let random = self.random.next();
        let key = u32::try_from(random % u64::from(self.load.keys)).unwrap_or_default();
        let is_set = match self.load.workload {
            Workload::Set => true,
            Workload::Mixed => self.random.next().is_multiple_of(MIXED_SET_EVERY),
            _ => false,
        };
        if is_set {
            return self.mutation(Verb::Set, key);
        }
        Request {
            verb: Some(Verb::Get.into()),
            path: Some(Bytes::from(self.load.path(key))),
            ..Request::default()
        }
    }

    fn mutation(&self, verb: Verb, key: u32) -> Request {
        Request {
            verb: Some(verb.into()),
            path: Some(Bytes::from(self.load.path(key))),
            value: (verb == Verb::Set).then(|| self.value.clone()),
            rev: Some(REV_CLOBBER),
            ..Request::default()
        }
    }
}

/// Numbers that are spread well enough over the keys (xorshift), the same in every run.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(0x9e37_79b9_7f4a_7c15 ^ (seed + 1) << 17)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn load(workload: Workload, keys: u32) -> Arc<Load> {
        Arc::new(Load {
            workload,
            connections: 2,
            depth: 1,
            keys,
            value_bytes: 3,
            time: Duration::from_secs(1),
            prefix: "/p".to_owned(),
            clean: false,
            json: false,
        })
    }

    #[test]
    fn all_connections_together_fill_each_file_once() {
        let load = load(Workload::Get, 5);
        let mut paths = Vec::new();
        for connection in 0..3 {
            let mut plan = Plan::fill(Arc::clone(&load), connection, 3);
            while let Some(request) = plan.next() {
                assert_eq!(request.value.as_deref(), Some(&b"xxx"[..]));
                paths.extend(request.path);
            }
        }
        paths.sort();
        let expected: Vec<String> = (0..5).map(|key| load.path(key)).collect();
        assert_eq!(paths, expected);
    }

    #[test]
    fn a_walk_begins_again_at_its_end() {
        let load = load(Workload::Walk, 2);
        let mut plan = Plan::measured(Arc::clone(&load), 0, 7);
        let asked: Vec<Option<i32>> = (0..5).map(|_| plan.next().unwrap().offset).collect();
        assert_eq!(asked, [Some(0), Some(1), Some(0), Some(1), Some(0)]);
    }

    #[test]
    fn a_mixed_load_has_one_set_in_twenty() {
        let load = load(Workload::Mixed, 100);
        let mut plan = Plan::measured(Arc::clone(&load), 0, 7);
        let requests = (0..20_000).filter_map(|_| plan.next());
        let sets = requests
            .filter(|request| request.verb == Some(Verb::Set.into()))
            .count();
        assert!((800..1200).contains(&sets), "{sets}");
    }

    #[test]
    fn random_keys_reach_every_file() {
        let load = load(Workload::Get, 50);
        let mut plan = Plan::measured(Arc::clone(&load), 1, 7);
        let mut paths: Vec<_> = (0..5000).filter_map(|_| plan.next()?.path).collect();
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), 50);
    }
}
