//! The addresses a client knows, and the order in which it tries them.

/// Addresses learnt from the cluster that are kept. A cluster has at most 32 nodes that vote.
const LEARNT_MAX: usize = 64;

/// Addresses given by the user and learnt from the cluster.
#[derive(Debug)]
pub(crate) struct Addresses {
    given: Vec<String>,
    /// Members first.
    learnt: Vec<String>,
    /// The address tried last.
    last: Option<String>,
}

impl Addresses {
    /// Those that the user gave.
    pub(crate) fn new(given: Vec<String>) -> Self {
        Self {
            given,
            learnt: Vec::new(),
            last: None,
        }
    }

    /// Replaces what was learnt before.
    pub(crate) fn learn(&mut self, mut learnt: Vec<String>) {
        learnt.truncate(LEARNT_MAX);
        self.learnt = learnt;
    }

    /// Notes that `address` is being tried.
    pub(crate) fn trying(&mut self, address: &str) {
        self.last = Some(address.to_owned());
    }

    /// All of them: those given, then those learnt.
    pub(crate) fn all(&self) -> Vec<String> {
        distinct(self.given.iter().chain(&self.learnt))
    }

    /// All of them, in the order to try, which begins behind the one tried last.
    pub(crate) fn in_turn(&self) -> Vec<String> {
        let mut all = self.all();
        let last = all
            .iter()
            .position(|address| Some(address) == self.last.as_ref());
        let first = last.map_or(0, |last| last + 1);
        all.rotate_left(first);
        all
    }

    /// All but those that refused to write, members of the cluster first.
    pub(crate) fn elsewhere(&self, refused: &[String]) -> Vec<String> {
        let mut others = distinct(self.learnt.iter().chain(&self.given));
        others.retain(|address| !refused.contains(address));
        others
    }
}

fn distinct<'a>(addresses: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for address in addresses {
        if !out.contains(address) {
            out.push(address.clone());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().copied().map(str::to_owned).collect()
    }

    fn check(last: Option<&str>, in_turn: &[&str]) {
        let mut addresses = Addresses::new(strings(&["a", "b"]));
        addresses.learn(strings(&["c", "a", "d"]));
        if let Some(last) = last {
            addresses.trying(last);
        }
        assert_eq!(addresses.in_turn(), in_turn);
    }

    #[test]
    fn turns_begin_behind_the_address_tried_last() {
        check(None, &["a", "b", "c", "d"]);
        check(Some("a"), &["b", "c", "d", "a"]);
        check(Some("d"), &["a", "b", "c", "d"]);
        check(Some("gone"), &["a", "b", "c", "d"]);
    }

    #[test]
    fn members_are_asked_to_write_before_others() {
        let mut addresses = Addresses::new(strings(&["a", "b"]));
        addresses.learn(strings(&["c", "a"]));
        assert_eq!(addresses.elsewhere(&strings(&["a"])), ["c", "b"]);
    }
}
