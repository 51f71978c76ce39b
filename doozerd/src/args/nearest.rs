//! Finds the flag that somebody meant who typed another.

use super::table::{self, Flag};

/// More slips than this, and nothing is suggested.
const SLIPS_MAX: usize = 2;

/// The flag whose name is closest to `typed`, if one is close.
pub(super) fn flag(typed: &str) -> Option<&'static Flag> {
    let scored = table::FLAGS
        .iter()
        .map(|flag| (slips(typed, flag.name), *flag));
    let (slips, flag) = scored.min_by_key(|(slips, _)| *slips)?;
    (slips <= SLIPS_MAX && slips < flag.name.len()).then_some(flag)
}

/// How many letters are wrong, missing, too many or swapped; one if it is a beginning of the name.
fn slips(typed: &str, name: &str) -> usize {
    let typed = typed.to_ascii_lowercase().replace('_', "-");
    if typed.len() > 1 && name.starts_with(&typed) {
        return 1;
    }
    let (typed, name) = (typed.as_bytes(), name.as_bytes());
    let mut before = vec![0; name.len() + 1];
    let mut above: Vec<usize> = (0..=name.len()).collect();
    for row in 1..=typed.len() {
        let mut current = vec![row; name.len() + 1];
        for column in 1..=name.len() {
            let differs = usize::from(typed[row - 1] != name[column - 1]);
            let mut best = (above[column] + 1).min(current[column - 1] + 1);
            best = best.min(above[column - 1] + differs);
            let swapped = row > 1
                && column > 1
                && typed[row - 1] == name[column - 2]
                && typed[row - 2] == name[column - 1];
            if swapped {
                best = best.min(before[column - 2] + 1);
            }
            current[column] = best;
        }
        before = std::mem::replace(&mut above, current);
    }
    above[name.len()]
}
