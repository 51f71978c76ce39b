//! Finds what somebody who misspelt a name meant.

/// Edits from a misspelt name to the right one, at most.
const EDITS_MAX: usize = 2;

/// What goes by the name that is most like `typed`, when one is like it at all; the first of several.
pub(crate) fn nearest<'a, T>(typed: &str, names: impl Iterator<Item = (&'a str, T)>) -> Option<T> {
    let lower = typed.to_lowercase();
    let likeness = |name: &str| {
        let distance = strsim::damerau_levenshtein(&lower, name);
        (distance, name.len().abs_diff(lower.len()))
    };
    let alike = names.filter_map(|(name, named)| {
        let likeness = likeness(name);
        let alike = likeness.0 <= EDITS_MAX && likeness.0 < name.len();
        alike.then_some((likeness, named))
    });
    let best = alike.min_by_key(|(likeness, _)| *likeness);
    best.map(|(_, named)| named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(typed: &str, expected: Option<&str>) {
        let names = [
            "get",
            "watch",
            "wait",
            "del",
            "touch",
            "help",
            "cluster status",
        ];
        let found = nearest(typed, names.iter().map(|name| (*name, *name)));
        assert_eq!(found, expected, "{typed}");
    }

    #[test]
    fn a_misspelt_name_has_a_nearest_one() {
        check("gte", Some("get"));
        check("GET", Some("get"));
        check("wacht", Some("watch"));
        check("delete", None);
        check("tuoch", Some("touch"));
        check("hepl", Some("help"));
        check("cluster statsu", Some("cluster status"));
    }

    #[test]
    fn of_two_that_are_as_like_the_first_is_meant() {
        let names = ["ttl", "tls"];
        let found = nearest("tll", names.into_iter().map(|name| (name, name)));
        assert_eq!(found, Some("ttl"));
    }
}
